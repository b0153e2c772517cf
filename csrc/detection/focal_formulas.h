#pragma once
#include "core/hd.h"
#include "core/scalar.h"

// The focal losses once, for V = float, double and the SIMD Vec of a target. With u = -log p and v = -log(1 - p) the
// powers are p^gamma = exp(-gamma u) and (1 - p)^gamma = exp(-gamma v): nothing cancels or divides by zero. NaN in
// gives NaN out.
namespace wxb::WXB_TARGET {

template <class V>
struct Share {  // of a place, in the terms of what is there and of what is not
  V present, absent;
};

struct SigmoidFocal {
  template <class V>
  HD static Share<V> share(V t, V alpha) {
    return {alpha * t, (V(1.0) - alpha) * (V(1.0) - t)};
  }
};

struct HeatmapFocal {
  template <class V>
  HD static Share<V> share(V t, V beta) {
    return {select(t == V(1.0), V(1.0), V(0.0)), exp(beta * log(V(1.0) - t))};
  }
};

template <class F, class V>
HD V focal_value(V x, V t, V gamma, V shape) {
  const V rest = log1p(exp(-abs(x))), u = max(-x, V(0.0)) + rest, v = max(x, V(0.0)) + rest;
  const Share<V> s = F::share(t, shape);
  return s.present * exp(-gamma * v) * u + s.absent * exp(-gamma * u) * v;
}

template <class F, class V>
HD V focal_derivative(V x, V t, V gamma, V shape) {
  const V rest = log1p(exp(-abs(x))), u = max(-x, V(0.0)) + rest, v = max(x, V(0.0)) + rest;
  const V p = sigmoid(x), q = sigmoid(-x);
  const Share<V> s = F::share(t, shape);
  return s.absent * exp(-gamma * u) * (p + gamma * q * v) - s.present * exp(-gamma * v) * (q + gamma * p * u);
}

}  // namespace wxb::WXB_TARGET
