#pragma once
#include "core/context.h"
#include "core/hd.h"
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
  HD int64_t source(int axis, int64_t i) const {
    const int64_t n = size[axis], s = i - before[axis];
    if (s >= 0 && s < n) return s;
    switch (mode) {
      case Padding::reflect: return s < 0 ? -s : 2 * (n - 1) - s;
      case Padding::edge: return s < 0 ? 0 : n - 1;
      default: return -1;
    }
  }

  // The other way: how many elements of y's axis come from element s of x's, and the k-th of them.
  HD int64_t targets(int axis, int64_t s) const {
    const int64_t first = before[axis], last = padded[axis] - first - size[axis];  // elements on either side
    switch (mode) {
      case Padding::reflect: return 1 + mirrored_before(axis, s) + (s < size[axis] - 1 && size[axis] - 1 - s <= last);
      case Padding::edge: return 1 + (s == 0 ? first : 0) + (s == size[axis] - 1 ? last : 0);
      default: return 1;
    }
  }
  HD int64_t target(int axis, int64_t s, int64_t k) const {
    const int64_t middle = before[axis] + s;
    if (mode == Padding::edge) return s == 0 ? k : middle + k;
    const int64_t from_middle = mode == Padding::reflect ? k - mirrored_before(axis, s) : k;
    return middle + from_middle * 2 * (from_middle < 0 ? s : size[axis] - 1 - s);
  }

 private:
  HD bool mirrored_before(int axis, int64_t s) const { return s > 0 && s <= before[axis]; }
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
