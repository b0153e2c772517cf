#pragma once
#include "core/context.h"
#include "core/operands.h"

// Padding: y has more elements on either side of each axis than x.

namespace wxb {

// What stands outside: a value; x mirrored at its first and last element; that element itself.
enum class Padding : int { constant, reflect, edge };

struct PadDims {
  static constexpr int most = 8;
  int ndim;                                        // of the axes up to the last that is padded, at least 1
  int64_t size[most], padded[most], before[most];  // of x, of y, and how many elements of y come first
  int64_t unit;                                    // elements in the axes behind them
  Padding mode;

  // Where element i of y's axis comes from in x's, or -1: from outside.
  int64_t source(int axis, int64_t i) const {
    const int64_t n = size[axis], s = i - before[axis];
    if (s >= 0 && s < n) return s;
    switch (mode) {
      case Padding::reflect: return s < 0 ? -s : 2 * (n - 1) - s;
      case Padding::edge: return s < 0 ? 0 : n - 1;
      default: return -1;
    }
  }
};

template <class T>
struct PadForward {
  In<T> x;
  Out<T> y;
  PadDims dims;
  T value;
  void operands(const Operands& f) const { f(x), f(y); }
  double work() const { return double(y.size); }
};

// dx = 0, then each element += the elements of dy that came from it, in their order
template <class T>
struct PadBackward {
  In<T> dy;
  Out<T> dx;
  PadDims dims;
  void operands(const Operands& f) const { f(dy), f(dx); }
  double work() const { return double(dy.size); }
};

namespace BACKEND {
template <class T>
void pad_forward(const PadForward<T>&, Context&);
template <class T>
void pad_backward(const PadBackward<T>&, Context&);
}  // namespace BACKEND

}  // namespace wxb
