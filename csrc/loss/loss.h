#pragma once
#include "core/context.h"
#include "core/operands.h"

// Losses and their means, one launch each way. The mean of nothing is 0. dy () is the gradient of the loss (). Each
// forward has a workspace (loss_workspace), absent where that is 0.

// op, functor
#define WXB_LOSS(X) X(mse, SquaredError) X(mae, AbsoluteError) X(huber, Huber)

namespace wxb {

#define WXB_NAME(name, _) name,
enum class Loss : int { WXB_LOSS(WXB_NAME) };
#undef WXB_NAME

// loss = mean_i f(prediction_i - target_i; delta)
template <class T>
struct ErrorLoss {
  In<T> prediction, target;
  Out<T> loss;
  Out<double> workspace;
  Loss op;
  T delta;  // of huber: where the parabola ends
  void operands(const Operands& f) const { f(prediction), f(target), f(loss), f(workspace); }
  double work() const { return 3.0 * double(prediction.size); }
};

// dprediction = -dtarget = dy f'(prediction - target) / n; either may be absent, or be the array it is for.
template <class T>
struct ErrorLossBackward {
  In<T> prediction, target, dy;
  Out<T> dprediction, dtarget;
  Loss op;
  T delta;
  void operands(const Operands& f) const { f(prediction), f(target), f(dy), f(dprediction), f(dtarget); }
  double work() const { return 3.0 * double(prediction.size); }
};

// Binary cross-entropy of t under sigmoid(x):
//   loss = mean_i -w_i (q_i t_i log sigmoid(x_i) + (1 - t_i) log(1 - sigmoid(x_i)))
// weight w and pos_weight q have one element, those of a row, or all n; absent ones are 1.
template <class T>
struct BinaryCrossEntropy {
  In<T> x, target, weight, pos_weight;
  Out<T> loss;
  Out<double> workspace;
  int64_t row;
  void operands(const Operands& f) const { f(x), f(target), f(weight), f(pos_weight), f(loss), f(workspace); }
  double work() const { return 30.0 * double(x.size); }
};

// dx = dy w ((1 + (q - 1) t) sigmoid(x) - q t) / n; dx may be x.
template <class T>
struct BinaryCrossEntropyBackward {
  In<T> x, target, weight, pos_weight, dy;
  Out<T> dx;
  int64_t row;
  void operands(const Operands& f) const { f(x), f(target), f(weight), f(pos_weight), f(dy), f(dx); }
  double work() const { return 20.0 * double(x.size); }
};

// loss = -sum_i w_label x_i,label / total, x (rows, classes) log-probabilities, w (classes) 1 where absent, total ()
// the sum of w over the rows that count. Rows labelled `ignored` count nothing, nor do those with a label outside [0,
// classes), which are reported.
template <class T>
struct NegativeLogLikelihood {
  In<T> x, weight;
  In<int64_t> labels;
  Out<T> loss, total;
  Out<double> workspace;
  int64_t rows, classes, ignored;
  void operands(const Operands& f) const { f(x), f(weight), f(labels), f(loss), f(total), f(workspace); }
  double work() const { return 10.0 * double(rows); }  // a cache miss each
};

// dx_i,label = -dy w_label / total, 0 elsewhere
template <class T>
struct NegativeLogLikelihoodBackward {
  In<T> weight;
  In<int64_t> labels;
  In<T> total, dy;
  Out<T> dx;
  int64_t rows, classes, ignored;
  void operands(const Operands& f) const { f(weight), f(labels), f(total), f(dy), f(dx); }
  double work() const { return double(dx.size); }
};

namespace BACKEND {
template <class T>
void loss_forward(const ErrorLoss<T>&, Context&);
template <class T>
void loss_backward(const ErrorLossBackward<T>&, Context&);
template <class T>
void bce_with_logits_forward(const BinaryCrossEntropy<T>&, Context&);
template <class T>
void bce_with_logits_backward(const BinaryCrossEntropyBackward<T>&, Context&);
template <class T>
void nll_forward(const NegativeLogLikelihood<T>&, Context&);
template <class T>
void nll_backward(const NegativeLogLikelihoodBackward<T>&, Context&);
int64_t loss_workspace(int64_t count);  // of elements, or of rows
}  // namespace BACKEND

}  // namespace wxb
