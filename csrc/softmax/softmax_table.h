#pragma once
#include "softmax/softmax.h"

namespace wxb {

// One row of a cross-entropy: w_j q_j = weight_j (keep target_j + floor), where an absent weight is 1 and an absent
// target 0 (a label's share is added by softmax_cpu.cc).
template <class T>
struct TargetRow {
  const T *x, *target, *weight;
  T keep, floor, largest;
  int64_t classes;
};

struct TargetSums {
  double mass, loss;  // sum_j w_j q_j, -sum_j w_j q_j log p_j
};

template <class T>
struct SoftmaxTable {
  // The rows [begin, end), on one thread.
  void (*softmax)(const Softmax<T>&, int64_t begin, int64_t end);
  void (*softmax_backward)(const SoftmaxBackward<T>&, int64_t begin, int64_t end);
  void (*log_softmax)(const Softmax<T>&, int64_t begin, int64_t end);
  void (*log_softmax_backward)(const SoftmaxBackward<T>&, int64_t begin, int64_t end);
  // For each row of x (rows, classes): its largest element, sum_j exp(x_j - largest), and that sum's logarithm.
  void (*log_sum_exp)(const T* x, int64_t rows, int64_t classes, T* largest, T* sum, T* log_sum);
  TargetSums (*target_sums)(const TargetRow<T>&, T log_sum);
  // dx_j = factor exp(x_j - largest) - scale w_j q_j
  void (*gradient)(const TargetRow<T>&, T factor, T scale, T* dx);
};

}  // namespace wxb
