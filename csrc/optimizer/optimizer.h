#pragma once
#include "core/context.h"
#include "core/operands.h"

// Updates of parameters by their gradients: one launch over a table of all parameters that have one.
// Formulas: formulas.h. The learning rate is read from an array and the step counter advanced by the kernel, so a
// recorded step follows a schedule. After an error in the same step an update does nothing.

namespace wxb {

// One parameter, its gradient and what its optimizer remembers: arrays of one size that do not overlap. rate and decay
// multiply the learning rate and the weight decay for this parameter.
template <class T>
struct Row {
  static constexpr int most_states = 3;
  InOut<T> parameter, gradient, states[most_states];
  int64_t start = 0;  // elements in the rows before this one
  double rate = 1, decay = 1;
};

// The rows of a table, which outlives the launch.
template <class T>
struct Rows {
  const Row<T>* row;         // where the host reads them
  const Row<T>* kernel_row;  // the same where the kernels do
  int64_t count, size;       // rows, elements in all of them
  double* partial;           // scratch of the kernels: optimizer_partials(size) numbers

  void operands(const Operands& f) const {
    for (int64_t r = 0; r < count; ++r) {
      f(row[r].parameter), f(In<T>{row[r].gradient.data, row[r].gradient.size});
      for (const auto& state : row[r].states) f(state);
    }
  }
};

// lr (1), step (1): advanced by one. states: the momentum, if momentum is not 0.
template <class T>
struct Sgd {
  Rows<T> rows;
  In<double> lr;
  InOut<int64_t> step;
  double momentum, weight_decay;
  bool nesterov;
  void operands(const Operands& f) const { rows.operands(f), f(lr), f(step); }
  double work() const { return 4.0 * double(rows.size); }
};

// states: first and second moment. decoupled: AdamW's weight decay.
template <class T>
struct Adam {
  Rows<T> rows;
  In<double> lr;
  InOut<int64_t> step;
  double beta1, beta2, eps, weight_decay;
  bool decoupled;
  void operands(const Operands& f) const { rows.operands(f), f(lr), f(step); }
  double work() const { return 12.0 * double(rows.size); }
};

// states: mean square; mean, if centered; momentum, if momentum is not 0.
template <class T>
struct Rmsprop {
  Rows<T> rows;
  In<double> lr;
  InOut<int64_t> step;
  double alpha, eps, momentum, weight_decay;
  bool centered;
  void operands(const Operands& f) const { rows.operands(f), f(lr), f(step); }
  double work() const { return 12.0 * double(rows.size); }
};

// norm (1) = the L2 norm of all gradients together; the gradients are scaled by min(1, max_norm / norm). A norm that is
// not finite makes them 0 or NaN.
template <class T>
struct Clip {
  Rows<T> rows;
  Out<T> norm;
  double max_norm;
  void operands(const Operands& f) const {
    for (int64_t r = 0; r < rows.count; ++r) f(rows.row[r].gradient);
    f(norm);
  }
  double work() const { return 3.0 * double(rows.size); }
};

namespace BACKEND {
template <class T>
void sgd(const Sgd<T>&, Context&);
template <class T>
void adam(const Adam<T>&, Context&);
template <class T>
void rmsprop(const Rmsprop<T>&, Context&);
template <class T>
void clip(const Clip<T>&, Context&);
int64_t optimizer_partials(int64_t size);
}  // namespace BACKEND

}  // namespace wxb
