#pragma once
#include "core/hd.h"
#include "core/scalar.h"
#include "optimizer/optimizer.h"

// The updates once, for V = float, double (reference, CUDA) and the SIMD Vec of a target: p parameter, g gradient,
// s states. Only +, *, /, sqrt and fma are used, each rounded once, so every target gives the same bits.

namespace wxb {

// What an update needs of its hyper-parameters, computed once per launch in double; of_row() gives those of one row.
template <class T>
struct SgdScalars {
  T rate, momentum, decay;
  bool nesterov;
};
template <class T>
struct AdamScalars {
  T rate, weight1, beta2, weight2, root, eps, decay, shrink, least;
  double shed;  // of_row() takes it from shrink
};
template <class T>
struct RmspropScalars {
  T rate, alpha, weight, eps, momentum, decay, least;
};

// States of a parameter whose gradient stays 0 (of a dead unit) decay to subnormal numbers and stay there, because 0.9
// times the smallest rounds up to it: a network with such units took 7 times as long to update. What is below the
// smallest normal number becomes 0; a divisor only if eps keeps it from being 0.
template <class T>
constexpr T smallest_normal = T(1) / (sizeof(T) == 4 ? T(0x1p126) : T(0x1p1022));

template <class T>
HD SgdScalars<T> scalars(const Sgd<T>& a, int64_t) {
  return {T(a.lr.data[0]), T(a.momentum), T(a.weight_decay), a.nesterov};
}

template <class T>
HD AdamScalars<T> scalars(const Adam<T>& a, int64_t step) {
  const double lr = a.lr.data[0], unbias1 = 1 - pow(a.beta1, double(step)), unbias2 = 1 - pow(a.beta2, double(step));
  return {T(lr / unbias1),
          T(1 - a.beta1),
          T(a.beta2),
          T(1 - a.beta2),
          T(1 / sqrt(unbias2)),
          T(a.eps),
          T(a.decoupled ? 0 : a.weight_decay),
          T(1),
          a.eps > 0 ? smallest_normal<T> : T(0),
          a.decoupled ? lr * a.weight_decay : 0};
}

template <class T>
HD RmspropScalars<T> scalars(const Rmsprop<T>& a, int64_t) {
  const T least = a.eps > 0 ? smallest_normal<T> : T(0);
  return {T(a.lr.data[0]), T(a.alpha), T(1 - a.alpha), T(a.eps), T(a.momentum), T(a.weight_decay), least};
}

// Calls f(row, from, to) for the pieces of rows that make up [begin, end) of the rows laid end to end.
template <class T, class F>
HD void for_pieces(const Rows<T>& rows, int64_t begin, int64_t end, F f) {
  int64_t first = 0, after = rows.count;  // the last row that starts at or before begin
  while (after - first > 1) {
    const int64_t middle = (first + after) / 2;
    (rows.kernel_row[middle].start <= begin ? first : after) = middle;
  }
  for (int64_t r = first; r < rows.count && rows.kernel_row[r].start < end; ++r) {
    const Row<T>& row = rows.kernel_row[r];
    const int64_t from = begin > row.start ? begin - row.start : 0, to = end - row.start;
    f(row, from, to < row.parameter.size ? to : row.parameter.size);
  }
}

namespace WXB_TARGET {

// The scalars of one row.
template <class Scalars, class T>
HD Scalars of_row(Scalars c, const Row<T>& row) {
  c.rate = T(double(c.rate) * row.rate), c.decay = T(double(c.decay) * row.decay);
  if constexpr (requires { c.shed; }) c.shrink = T(1 - c.shed * (row.rate * row.decay));
  return c;
}

template <class V, class T>
HD V decayed(V p, V g, T decay) {
  return decay != 0 ? fma(V(decay), p, g) : g;
}

template <class V, class T>
HD V flushed(V state, T least) {
  return select(abs(state) < V(least), V(0.0), state);
}

struct Plain {
  static constexpr int states = 0;
  template <class V, class T>
  HD static void update(const SgdScalars<T>& c, V& p, V g, V*) {
    p = fma(V(-c.rate), decayed(p, g, c.decay), p);
  }
};

// Sutskever, Martens, Dahl, Hinton 2013, in PyTorch's form: b <- momentum b + g,  p <- p - lr (nesterov ? g + momentum
// b : b)
struct Momentum {
  static constexpr int states = 1;
  template <class V, class T>
  HD static void update(const SgdScalars<T>& c, V& p, V g, V* s) {
    g = decayed(p, g, c.decay);
    s[0] = flushed(fma(V(c.momentum), s[0], g), smallest_normal<T>);
    p = fma(V(-c.rate), c.nesterov ? fma(V(c.momentum), s[0], g) : s[0], p);
  }
};

// Kingma, Ba 2014, arXiv:1412.6980; decoupled decay: Loshchilov, Hutter 2017, arXiv:1711.05101
struct Moments {
  static constexpr int states = 2;
  template <class V, class T>
  HD static void update(const AdamScalars<T>& c, V& p, V g, V* s) {
    g = decayed(p, g, c.decay);
    s[0] = flushed(fma(V(c.weight1), g - s[0], s[0]), smallest_normal<T>);
    s[1] = flushed(fma(V(c.weight2) * g, g, V(c.beta2) * s[1]), c.least);
    p = fma(V(-c.rate), s[0] / fma(sqrt(s[1]), V(c.root), V(c.eps)), V(c.shrink) * p);
  }
};

// Tieleman, Hinton 2012 (lecture 6.5); centered: Graves 2013, arXiv:1308.0850
template <bool centered, bool momentum>
struct MeanSquare {
  static constexpr int states = 1 + centered + momentum;
  template <class V, class T>
  HD static void update(const RmspropScalars<T>& c, V& p, V g, V* s) {
    g = decayed(p, g, c.decay);
    s[0] = flushed(fma(V(c.weight) * g, g, V(c.alpha) * s[0]), c.least);
    V variance = s[0];
    if constexpr (centered) {
      s[1] = flushed(fma(V(c.weight), g - s[1], s[1]), smallest_normal<T>);
      variance = fma(-s[1], s[1], variance);
      variance = select(variance < V(0.0), V(0.0), variance);  // rounding may take it below 0
    }
    V change = g / (sqrt(variance) + V(c.eps));
    if constexpr (momentum)
      change = s[states - 1] = flushed(fma(V(c.momentum), s[states - 1], change), smallest_normal<T>);
    p = fma(V(-c.rate), change, p);
  }
};

}  // namespace WXB_TARGET
}  // namespace wxb
