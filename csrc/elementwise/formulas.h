#pragma once
#include <limits>
#include <type_traits>

#include "core/hd.h"
#include "core/scalar.h"

// Every elementwise function once: its value and its derivative, for V = float, double (reference, CUDA) and the SIMD
// Vec of a target. NaN in gives NaN out, which is why choices are written as select and never as min or max.
namespace wxb::WXB_TARGET {

// What a function's derivative is written in: of its output, of its input, or of neither.
enum class Saves { nothing, output, input };

template <class S>
struct Parameters {
  S alpha, beta;
};

// The derivative of F at x, whatever it is written in.
template <class F, class V, class P>
HD V derivative_at(V x, P p) {
  if constexpr (F::saves == Saves::output)
    return F::derivative(F::value(x, p), p);
  else
    return F::derivative(x, p);
}

template <class V>
HD V clip(V x, V low, V high) {
  return min(max(x, low), high);
}

struct Relu {
  static constexpr Saves saves = Saves::output;
  template <class V, class P>
  HD static V value(V x, P) {
    return max(x, V(0.0));
  }
  template <class V, class P>
  HD static V derivative(V y, P) {
    return select(y > V(0.0), V(1.0), V(0.0));
  }
};

// slope alpha below zero (Maas, Hannun, Ng 2013)
struct LeakyRelu {
  static constexpr Saves saves = Saves::input;
  template <class V, class P>
  HD static V value(V x, P p) {
    return select(x < V(0.0), V(p.alpha) * x, x);
  }
  template <class V, class P>
  HD static V derivative(V x, P p) {
    return select(x > V(0.0), V(1.0), V(p.alpha));
  }
};

// Clevert, Unterthiner, Hochreiter 2015, arXiv:1511.07289
struct Elu {
  static constexpr Saves saves = Saves::input;
  template <class V, class P>
  HD static V value(V x, P p) {
    return select(x > V(0.0), x, V(p.alpha) * expm1(x));
  }
  template <class V, class P>
  HD static V derivative(V x, P p) {
    return select(x > V(0.0), V(1.0), V(p.alpha) * exp(x));
  }
};

// Klambauer et al. 2017, arXiv:1706.02515
struct Selu {
  static constexpr Saves saves = Saves::output;
  template <class V, class P>
  HD static V value(V x, P) {
    return select(x > V(0.0), V(1.0507009873554805) * x, V(1.7580993408473766) * expm1(x));
  }
  template <class V, class P>
  HD static V derivative(V y, P) {
    return select(y > V(0.0), V(1.0507009873554805), y + V(1.7580993408473766));
  }
};

// x Phi(x) (Hendrycks, Gimpel 2016, arXiv:1606.08415)
struct Gelu {
  static constexpr Saves saves = Saves::input;
  template <class V, class P>
  HD static V value(V x, P) {
    return max(x, V(-40.0)) * gaussian(x).cdf;
  }
  template <class V, class P>
  HD static V derivative(V x, P) {
    const auto [density, cdf] = gaussian(x);
    return fma(clip(x, V(-40.0), V(40.0)), density, cdf);
  }
};

// x (1 + tanh u) / 2 = x / (1 + e^-2u) with u = sqrt(2/pi) (x + 0.044715 x^3)
struct GeluTanh {
  static constexpr Saves saves = Saves::input;
  template <class V, class P>
  HD static V value(V x, P) {
    const V c = max(x, V(-40.0));
    return c * sigmoid(V(1.5957691216057308) * c * fma(V(0.044715) * c, c, V(1.0)));
  }
  template <class V, class P>
  HD static V derivative(V x, P) {
    const V c = clip(x, V(-40.0), V(40.0)), scaled = V(1.5957691216057308) * c, square = V(0.044715) * c * c;
    const V g = sigmoid(scaled * (square + V(1.0)));
    return g * fma(scaled * fma(square, V(3.0), V(1.0)), V(1.0) - g, V(1.0));
  }
};

struct Silu {
  static constexpr Saves saves = Saves::input;
  template <class V, class P>
  HD static V value(V x, P) {
    const V c = max(x, V(-1000.0));
    return c * sigmoid(c);
  }
  template <class V, class P>
  HD static V derivative(V x, P) {
    const V c = clip(x, V(-1000.0), V(1000.0)), g = sigmoid(c);
    return g * fma(c, V(1.0) - g, V(1.0));
  }
};

struct Sigmoid {
  static constexpr Saves saves = Saves::output;
  template <class V, class P>
  HD static V value(V x, P) {
    return sigmoid(x);
  }
  template <class V, class P>
  HD static V derivative(V y, P) {
    return y * (V(1.0) - y);
  }
};

struct Tanh {
  static constexpr Saves saves = Saves::output;
  template <class V, class P>
  HD static V value(V x, P) {
    return tanh(x);
  }
  template <class V, class P>
  HD static V derivative(V y, P) {
    return V(1.0) - y * y;
  }
};

// ln(1 + e^x), as max(x, 0) + log1p(e^-|x|)
struct Softplus {
  static constexpr Saves saves = Saves::input;
  template <class V, class P>
  HD static V value(V x, P) {
    return max(x, V(0.0)) + log1p(exp(-abs(x)));
  }
  template <class V, class P>
  HD static V derivative(V x, P) {
    return sigmoid(x);
  }
};

// x clip(x + 3, 0, 6) / 6 (Howard et al. 2019, arXiv:1905.02244)
struct Hardswish {
  static constexpr Saves saves = Saves::input;
  template <class V, class P>
  HD static V value(V x, P) {
    return x * clip(x + V(3.0), V(0.0), V(6.0)) * V(1.0 / 6.0);
  }
  template <class V, class P>
  HD static V derivative(V x, P) {
    const V middle = fma(x, V(1.0 / 3.0), V(0.5));
    return select(x < V(-3.0), V(0.0), select(x > V(3.0), V(1.0), middle));
  }
};

struct Exp {
  static constexpr Saves saves = Saves::output;
  template <class V, class P>
  HD static V value(V x, P) {
    return exp(x);
  }
  template <class V, class P>
  HD static V derivative(V y, P) {
    return y;
  }
};

struct Log {
  static constexpr Saves saves = Saves::input;
  template <class V, class P>
  HD static V value(V x, P) {
    return log(x);
  }
  template <class V, class P>
  HD static V derivative(V x, P) {
    return V(1.0) / x;
  }
};

struct Expm1 {
  static constexpr Saves saves = Saves::output;
  template <class V, class P>
  HD static V value(V x, P) {
    return expm1(x);
  }
  template <class V, class P>
  HD static V derivative(V y, P) {
    return y + V(1.0);
  }
};

struct Log1p {
  static constexpr Saves saves = Saves::input;
  template <class V, class P>
  HD static V value(V x, P) {
    return log1p(x);
  }
  template <class V, class P>
  HD static V derivative(V x, P) {
    return V(1.0) / (V(1.0) + x);
  }
};

struct Erf {
  static constexpr Saves saves = Saves::input;
  template <class V, class P>
  HD static V value(V x, P) {
    return erf(x);
  }
  template <class V, class P>
  HD static V derivative(V x, P) {
    return V(1.1283791670955126) * exp(-x * x);
  }
};

struct Sqrt {
  static constexpr Saves saves = Saves::output;
  template <class V, class P>
  HD static V value(V x, P) {
    return sqrt(x);
  }
  template <class V, class P>
  HD static V derivative(V y, P) {
    return V(0.5) / y;
  }
};

// derivative 0 at 0
struct Abs {
  static constexpr Saves saves = Saves::input;
  template <class V, class P>
  HD static V value(V x, P) {
    return abs(x);
  }
  template <class V, class P>
  HD static V derivative(V x, P) {
    return select(x > V(0.0), V(1.0), select(x < V(0.0), V(-1.0), V(0.0)));
  }
};

struct Negative {
  static constexpr Saves saves = Saves::nothing;
  template <class V, class P>
  HD static V value(V x, P) {
    return -x;
  }
  template <class V, class P>
  HD static V derivative(V, P) {
    return V(-1.0);
  }
};

// to [alpha, beta]; derivative 1 on the closed interval
struct Clip {
  static constexpr Saves saves = Saves::input;
  template <class V, class P>
  HD static V value(V x, P p) {
    return clip(x, V(p.alpha), V(p.beta));
  }
  template <class V, class P>
  HD static V derivative(V x, P p) {
    return select(x < V(p.alpha), V(0.0), select(x > V(p.beta), V(0.0), V(1.0)));
  }
};

// Functions of two numbers: the value, and what a gradient dy of it gives to each.
struct Add {
  template <class V>
  HD static V value(V a, V b) {
    return a + b;
  }
  template <class V>
  HD static void gradients(V, V, V dy, V& da, V& db) {
    da = dy, db = dy;
  }
};
struct Subtract {
  template <class V>
  HD static V value(V a, V b) {
    return a - b;
  }
  template <class V>
  HD static void gradients(V, V, V dy, V& da, V& db) {
    da = dy, db = -dy;
  }
};
struct Multiply {
  template <class V>
  HD static V value(V a, V b) {
    return a * b;
  }
  template <class V>
  HD static void gradients(V a, V b, V dy, V& da, V& db) {
    da = dy * b, db = dy * a;
  }
};
struct Divide {
  template <class V>
  HD static V value(V a, V b) {
    return a / b;
  }
  template <class V>
  HD static void gradients(V a, V b, V dy, V& da, V& db) {
    da = dy / b, db = -(da * (a / b));
  }
};
struct Power {  // d/da is 0 where b = 0, d/db is 0 where a = 0
  template <class V>
  HD static V value(V a, V b) {
    return pow(a, b);
  }
  template <class V>
  HD static void gradients(V a, V b, V dy, V& da, V& db) {
    da = select(b == V(0.0), V(0.0), dy * b * pow(a, b - V(1.0)));
    db = select(a == V(0.0), V(0.0), dy * pow(a, b) * log(a));
  }
};
struct Minimum {  // equal numbers share the gradient, as in Maximum
  template <class V>
  HD static V value(V a, V b) {
    return select(a < b, a, select(a == a, b, a));
  }
  template <class V>
  HD static void gradients(V a, V b, V dy, V& da, V& db) {
    da = dy * select(a < b, V(1.0), select(a == b, V(0.5), V(0.0))), db = dy - da;
  }
};
struct Maximum {
  template <class V>
  HD static V value(V a, V b) {
    return select(a > b, a, select(a == a, b, a));
  }
  template <class V>
  HD static void gradients(V a, V b, V dy, V& da, V& db) {
    da = dy * select(a > b, V(1.0), select(a == b, V(0.5), V(0.0))), db = dy - da;
  }
};

template <class To, class From>
constexpr From lowest = From(std::numeric_limits<To>::lowest());
template <class To, class From>
constexpr From beyond = From(std::numeric_limits<To>::max()) + 1;

// One element type as another. A float that does not fit an integer gives 0: casting it is undefined in C++.
template <class To, class From>
HD To convert(From x) {
  if constexpr (std::is_same_v<To, bool>) {
    return x != From(0);
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    return x >= lowest<To, From> && x < beyond<To, From> ? To(x) : To(0);
  } else {
    return To(x);
  }
}

}  // namespace wxb::WXB_TARGET
