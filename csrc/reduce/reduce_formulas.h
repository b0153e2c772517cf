#pragma once
#include <limits>

#include "core/hd.h"
#include "core/scalar.h"

// How two parts of a reduction become one, and the gradients; shared by every target.
namespace wxb::WXB_TARGET {

// merge(na, va, sa, nb, vb, sb) puts part b, of nb elements, value vb and second number sb, into part a of na elements.
struct Added {
  HD static void merge(double, double& va, double&, double, double vb, double) { va += vb; }
};

template <bool largest>
struct Extreme {
  HD static void merge(double, double& va, double&, double, double vb, double) {
    va = (largest ? vb > va : vb < va) | (vb != vb) ? vb : va;  // a NaN that is in stays in
  }
};

// mean and sum of squared deviations (Chan, Golub, LeVeque 1979)
struct Spread {
  HD static void merge(double na, double& va, double& sa, double nb, double vb, double sb) {
    const double apart = vb - va;
    va += apart * (nb / (na + nb));
    sa += sb + apart * nb * (vb - va);  // NaN, and not Inf, if vb is infinite
  }
};

// an extreme and its place; of equals the first
template <bool largest>
struct PlacedExtreme {
  HD static void merge(double, double& va, double& sa, double, double vb, double sb) {
    const bool beyond = largest ? vb > va : vb < va, equal = (vb == va) | ((vb != vb) & (va != va));
    const bool take = beyond | ((vb != vb) & (va == va)) | (equal & (sb < sa));
    va = take ? vb : va;
    sa = take ? sb : sa;
  }
};

// A reduction: its merge, the value it starts from, what one element contributes, whether a place is what it seeks.
// The place it starts from is infinity.
constexpr double infinity = std::numeric_limits<double>::infinity();

struct Values : Added {
  static constexpr double start = 0;
  static constexpr bool places = false;
  HD static double element(double x, double) { return x; }
};
struct Squares : Added {
  static constexpr double start = 0;
  static constexpr bool places = false;
  HD static double element(double x, double) { return x * x; }
};
struct Ties : Added {
  static constexpr double start = 0;
  static constexpr bool places = false;
  HD static double element(double x, double about) { return (x == about) | ((x != x) & (about != about)); }
};
struct Deviations : Spread {  // about the first element, so a large mean costs no digits
  static constexpr double start = 0;
  static constexpr bool places = false;
  HD static double element(double x, double first) { return x - first; }
};
template <bool largest>
struct Extremes : Extreme<largest> {
  static constexpr double start = largest ? -infinity : infinity;
  static constexpr bool places = false;
  HD static double element(double x, double) { return x; }
};
template <bool largest>
struct Places : PlacedExtreme<largest> {
  static constexpr double start = largest ? -infinity : infinity;
  static constexpr bool places = true;
  HD static double element(double x, double) { return x; }
};

// dx from x, y, ties, dy and the scale, for V = float, double and Vec.
struct ScaledGradient {
  static constexpr bool reads_x = false;
  template <class V>
  HD static V gradient(V, V, V, V dy, V scale) {
    return dy * scale;
  }
};
struct SharedGradient {
  static constexpr bool reads_x = true;
  template <class V>
  HD static V gradient(V x, V y, V ties, V dy, V) {
    return select((x == y) | ((x != x) & (y != y)), dy / ties, V(0.0));
  }
};
struct NormGradient {
  static constexpr bool reads_x = true;
  template <class V>
  HD static V gradient(V x, V y, V, V dy, V) {
    return select(y == V(0.0), V(0.0), dy * (x / y));
  }
};
struct SpreadGradient {
  static constexpr bool reads_x = true;
  template <class V>
  HD static V gradient(V x, V y, V, V dy, V scale) {
    return dy * scale * (x - y);
  }
};

}  // namespace wxb::WXB_TARGET
