#pragma once
#include "core/context.h"
#include "core/hd.h"
#include "core/operands.h"
#include "core/scalar.h"

// Squashing of capsules (Sabour, Frosst, Hinton 2017, arXiv 1710.09829): the length of a row becomes a probability.

namespace wxb {

// y = x |x| / (1 + |x|^2) for each row of (rows, features). y may be x.
template <class T>
struct Squash {
  In<T> x;
  Out<T> y;
  int64_t rows, features;
  void operands(const Operands& f) const { f(x), f(y); }
  double work() const { return 4.0 * double(x.size); }
};

// dx = scale dy + slope (x . dy) x, see SquashFactors. dx may be dy.
template <class T>
struct SquashBackward {
  In<T> x, dy;
  Out<T> dx;
  int64_t rows, features;
  void operands(const Operands& f) const { f(x), f(dy), f(dx); }
  double work() const { return 8.0 * double(x.size); }
};

// Of a row with |x|^2 = square: y = scale x, and slope = (d scale / d |x|) / |x|, taken as 0 where x is 0.
struct SquashFactors {
  double scale, slope;
};
HD SquashFactors squash_factors(double square) {
  const double norm = sqrt(square), more = 1 + square;
  return {norm / more, square > 0 ? (1 - square) / (more * more * norm) : 0.0};
}

namespace BACKEND {
template <class T>
void squash_forward(const Squash<T>&, Context&);
template <class T>
void squash_backward(const SquashBackward<T>&, Context&);
}  // namespace BACKEND

}  // namespace wxb
