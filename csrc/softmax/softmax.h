#pragma once
#include "core/context.h"
#include "core/operands.h"

// Functions of each row of an array (rows, classes).

namespace wxb {

// softmax: y_j = exp(x_j) / sum_k exp(x_k); log_softmax: its logarithm. y may be x.
template <class T>
struct Softmax {
  In<T> x;
  Out<T> y;
  int64_t rows, classes;
  void operands(const Operands& f) const { f(x), f(y); }
  double work() const { return 10.0 * double(x.size); }
};

// softmax: dx_j = y_j (dy_j - sum_k y_k dy_k); log_softmax: dx_j = dy_j - exp(y_j) sum_k dy_k. dx may be dy.
template <class T>
struct SoftmaxBackward {
  In<T> y, dy;
  Out<T> dx;
  int64_t rows, classes;
  void operands(const Operands& f) const { f(y), f(dy), f(dx); }
  double work() const { return 5.0 * double(y.size); }
};

// Softmax and the mean negative log-likelihood of a target distribution q under it, p = softmax(x):
//   loss = sum_i sum_j -w_j q_ij log p_ij / total,   q = (1 - smoothing) t + smoothing / classes
// t (rows, classes) is given by `targets`, or is 1 at `labels` (rows) and 0 elsewhere. w (classes) is 1 where absent.
// total is the number of rows; with labels it is the sum of their weights. Rows labelled `ignored` count nothing, nor
// do those with a label outside [0, classes), which are reported; if no row counts, the loss is 0. saved (2 rows + 1)
// is for backward: the largest x of each row, sum_j exp(x_j - largest) of each row, total.
template <class T>
struct CrossEntropy {
  In<T> x, targets, weight;
  In<int64_t> labels;
  Out<T> loss, saved;
  Out<double> workspace;  // (cross_entropy_workspace), absent where that is 0
  int64_t rows, classes, ignored;
  T smoothing;
  void operands(const Operands& f) const { f(x), f(targets), f(weight), f(labels), f(loss), f(saved), f(workspace); }
  double work() const { return 10.0 * double(x.size); }
};

// dx_ij = dy / total (p_ij sum_k w_k q_ik - w_j q_ij), 0 in rows that do not count; dy () is the loss's gradient.
template <class T>
struct CrossEntropyBackward {
  In<T> x, targets, weight;
  In<int64_t> labels;
  In<T> saved, dy;
  Out<T> dx;
  int64_t rows, classes, ignored;
  T smoothing;
  void operands(const Operands& f) const { f(x), f(targets), f(weight), f(labels), f(saved), f(dy), f(dx); }
  double work() const { return 10.0 * double(x.size); }
};

namespace BACKEND {
template <class T>
void softmax_forward(const Softmax<T>&, Context&);
template <class T>
void softmax_backward(const SoftmaxBackward<T>&, Context&);
template <class T>
void log_softmax_forward(const Softmax<T>&, Context&);
template <class T>
void log_softmax_backward(const SoftmaxBackward<T>&, Context&);
template <class T>
void cross_entropy_forward(const CrossEntropy<T>&, Context&);
template <class T>
void cross_entropy_backward(const CrossEntropyBackward<T>&, Context&);
int64_t cross_entropy_workspace(int64_t rows);
}  // namespace BACKEND

}  // namespace wxb
