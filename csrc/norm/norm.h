#pragma once
#include "core/context.h"
#include "core/operands.h"

// Normalisation of each row of an array (rows, features).

namespace wxb {

// layer_norm (Ba, Kiros, Hinton 2016): y = (x - mean) rstd weight + bias, rstd = 1 / sqrt(var + eps), var = mean((x -
// mean)^2). Where `centre` is absent, rms_norm (Zhang, Sennrich 2019): y = x rstd weight, rstd = 1 / sqrt(mean(x^2) +
// eps). weight, bias (features) or absent; centre, rstd (rows) are for backward. centre is the mean less the row's
// first element: both lie within the spread of the row, so a large mean costs no digits. y may be x.
template <class T>
struct Norm {
  In<T> x, weight, bias;
  Out<T> y, centre, rstd;
  int64_t rows, features;
  T eps;
  void operands(const Operands& f) const { f(x), f(weight), f(bias), f(y), f(centre), f(rstd); }
  double work() const { return 5.0 * double(x.size); }
};

// With z = (x - mean) rstd and g = dy weight, each mean over a row:
//   dx = rstd (g - mean(g) - z mean(g z)), for rms_norm without mean(g);  dweight, dbias = column sums of dy z, dy.
// Each is written, or skipped when absent. workspace (2, norm_tasks, features) is absent where there is one task; dx
// may be dy.
template <class T>
struct NormBackward {
  In<T> x, weight, centre, rstd, dy;
  Out<T> dx, dweight, dbias, workspace;
  int64_t rows, features;
  void operands(const Operands& f) const {
    f(x), f(weight), f(centre), f(rstd), f(dy), f(dx), f(dweight), f(dbias), f(workspace);
  }
  double work() const { return 10.0 * double(x.size); }
};

namespace BACKEND {
template <class T>
void norm_forward(const Norm<T>&, Context&);
template <class T>
void norm_backward(const NormBackward<T>&, Context&);
int64_t norm_tasks(int64_t rows, int64_t features);  // rows of the workspace of norm_backward
}  // namespace BACKEND

}  // namespace wxb
