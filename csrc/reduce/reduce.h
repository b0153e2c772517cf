#pragma once
#include "core/context.h"
#include "core/operands.h"

// Reductions along the middle axis of x (outer, count, inner), n = count:
//   sum    sum_k x_k             max, min  the largest, the smallest x_k
//   mean   sum_k x_k / n         norm      sqrt(sum_k x_k^2)
//   var    sum_k (x_k - mean)^2 / max(n - correction, 0)
//   ties   how many x_k equal `about`: they share the gradient of a max or a min
//   argmax, argmin  the first k with the largest, the smallest x_k
// A NaN makes the result NaN; argmax and argmin return the first one's place. NaN counts as equal to NaN.

#define WXB_REDUCTION(X) X(sum) X(mean) X(max) X(min) X(norm) X(var) X(ties) X(argmax) X(argmin)

namespace wxb {

#define WXB_NAME(name) name,
enum class Reduction : int { WXB_REDUCTION(WXB_NAME) };
#undef WXB_NAME

// y or index (outer, inner), about (outer, inner) for ties. Neither output may be x.
template <class T>
struct Reduce {
  In<T> x, about;
  Out<T> y;
  Out<int64_t> index;     // of argmax and argmin
  Out<double> workspace;  // (reduce_workspace), absent where that is 0
  Reduction op;
  int64_t outer, count, inner;
  double correction;
  void operands(const Operands& f) const { f(x), f(about), f(y), f(index), f(workspace); }
  double work() const { return double(x.size); }
};

// dx (outer, count, inner) from dy (outer, inner) and what the gradient is written in:
//   sum    dy                    max, min  x = y ? dy / ties : 0
//   mean   dy / n                norm      dy x / y, 0 where y = 0
//   var    dy 2 (x - y) / max(n - correction, 0), where y is the mean
// x, y, ties are absent where they are not used. dx may be x.
template <class T>
struct ReduceBackward {
  In<T> x, y, ties, dy;
  Out<T> dx;
  Reduction op;
  int64_t outer, count, inner;
  T scale;  // the factor of dy that is the same everywhere
  void operands(const Operands& f) const { f(x), f(y), f(ties), f(dy), f(dx); }
  double work() const { return 2.0 * double(dx.size); }
};

// Reports the first x_i that is NaN or infinite: the updates that follow in the same step do nothing.
template <class T>
struct CheckFinite {
  In<T> x;
  void operands(const Operands& f) const { f(x); }
  double work() const { return double(x.size); }
};

namespace BACKEND {
template <class T>
void reduce(const Reduce<T>&, Context&);
template <class T>
void reduce_backward(const ReduceBackward<T>&, Context&);
template <class T>
void check_finite(const CheckFinite<T>&, Context&);
int64_t reduce_workspace(int64_t outer, int64_t count, int64_t inner);
}  // namespace BACKEND

}  // namespace wxb
