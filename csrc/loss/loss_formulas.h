#pragma once
#include "core/hd.h"
#include "core/scalar.h"

// Every loss once: its value and its derivative, for V = float, double and the SIMD Vec of a target. NaN in gives NaN
// out.
namespace wxb::WXB_TARGET {

struct SquaredError {
  template <class V>
  HD static V value(V d, V) {
    return d * d;
  }
  template <class V>
  HD static V derivative(V d, V) {
    return V(2.0) * d;
  }
};

struct AbsoluteError {  // derivative 0 at 0
  template <class V>
  HD static V value(V d, V) {
    return abs(d);
  }
  template <class V>
  HD static V derivative(V d, V) {
    return select(d > V(0.0), V(1.0), select(d < V(0.0), V(-1.0), d));
  }
};

// d^2 / 2 up to |d| = delta, delta (|d| - delta / 2) beyond (Huber 1964)
struct Huber {
  template <class V>
  HD static V value(V d, V delta) {
    return select(abs(d) < delta, V(0.5) * d * d, delta * (abs(d) - V(0.5) * delta));
  }
  template <class V>
  HD static V derivative(V d, V delta) {
    return select(d > delta, delta, select(d < -delta, -delta, d));
  }
};

// x logit, t target, q weight of the positive class. Of -log(sigmoid(x)) = max(-x, 0) + log1p(e^-|x|) and of
// -log(1 - sigmoid(x)) the first parts are put together, so nothing cancels, and a sure and right answer costs 0.
struct BinaryCrossEntropyFormula {
  template <class V>
  HD static V value(V x, V t, V q) {
    const V wrong = select(x < V(0.0), q * t, V(1.0) - t);
    const V linear = select(wrong == V(0.0), V(0.0), wrong * abs(x));
    return fma(fma(q - V(1.0), t, V(1.0)), log1p(exp(-abs(x))), linear);
  }
  template <class V>
  HD static V derivative(V x, V t, V q) {
    return fma(q - V(1.0), t, V(1.0)) / (V(1.0) + exp(-x)) - q * t;
  }
};

}  // namespace wxb::WXB_TARGET
