#pragma once
#include "core/context.h"
#include "core/operands.h"
#include "elementwise/elementwise.h"

// What follows the product of a layer, in one pass over memory: bias, activation, dropout, residual.

namespace wxb {

// y = residual + dropout(act(x + bias)): x, residual, y (rows, features), bias (features); bias and residual may be
// absent. An element is dropped with probability threshold / 2^24 and otherwise multiplied by `scale`, as by Dropout
// (random/random.h) with the same `saved`; where that is absent, nothing is. y may be x or residual.
template <class T>
struct Epilogue {
  In<T> x, bias, residual;
  In<uint64_t> saved;
  Out<T> y;
  int64_t rows, features;
  Unary activation;
  T alpha;
  int32_t threshold;
  T scale;
  void operands(const Operands& f) const { f(x), f(bias), f(residual), f(saved), f(y); }
  double work() const { return 20.0 * double(y.size); }
};

// dx = dropout(dy) act'(x + bias), dbias = column sums of dx; each is written, or skipped when absent. The residual's
// gradient is dy. workspace (epilogue_tasks, features) is absent where there is one task; dx may be dy.
template <class T>
struct EpilogueBackward {
  In<T> x, bias, dy;
  In<uint64_t> saved;
  Out<T> dx, dbias, workspace;
  int64_t rows, features;
  Unary activation;
  T alpha;
  int32_t threshold;
  T scale;
  void operands(const Operands& f) const { f(x), f(bias), f(dy), f(saved), f(dx), f(dbias), f(workspace); }
  double work() const { return 20.0 * double(dy.size); }
};

namespace BACKEND {
template <class T>
void epilogue_forward(const Epilogue<T>&, Context&);
template <class T>
void epilogue_backward(const EpilogueBackward<T>&, Context&);
int64_t epilogue_tasks(int64_t rows, int64_t features);  // rows of the workspace of epilogue_backward
}  // namespace BACKEND

}  // namespace wxb
