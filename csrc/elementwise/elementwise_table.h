#pragma once
#include "elementwise/elementwise.h"

namespace wxb {

// The bodies: elements [begin, end) of the output, on one thread. elementwise_cpu.cc cuts the work into such ranges.
template <class T>
struct ElementwiseTable {
  void (*unary_forward)(const UnaryForward<T>&, int64_t begin, int64_t end);
  void (*unary_backward)(const UnaryBackward<T>&, int64_t begin, int64_t end);
  void (*binary_forward)(const BinaryForward<T>&, int64_t begin, int64_t end);
  void (*binary_backward)(const BinaryBackward<T>&, int64_t begin, int64_t end);
};

// Calls f(i, n, at) for the pieces of [begin, end) that lie in one innermost row: n elements from i on, operand k's
// from at[k] on.
template <int operands, class F>
inline __attribute__((always_inline)) void for_rows(const Broadcast<operands>& dims, int64_t begin, int64_t end, F f) {
  const int64_t inner = dims.ndim ? dims.size[dims.ndim - 1] : 1;
  for (int64_t i = begin; i < end;) {
    int64_t row = i / inner;
    const int64_t from = i - row * inner, left = inner - from, n = end - i < left ? end - i : left;
    int64_t at[operands] = {};
    for (int axis = dims.ndim - 2; axis >= 0; --axis) {
      const int64_t index = row % dims.size[axis];
      for (int k = 0; k < operands; ++k) at[k] += index * dims.stride[k][axis];
      row /= dims.size[axis];
    }
    if (dims.ndim)
      for (int k = 0; k < operands; ++k) at[k] += dims.stride[k][dims.ndim - 1] ? from : 0;
    f(i, n, at);
    i += n;
  }
}

}  // namespace wxb
