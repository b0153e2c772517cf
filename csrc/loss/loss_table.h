#pragma once
#include "loss/loss.h"

namespace wxb {

// The elements [begin, end) on one thread: the sum of their losses, or their gradients; scale is dy / n.
template <class T>
struct LossTable {
  double (*error)(const ErrorLoss<T>&, int64_t begin, int64_t end);
  void (*error_backward)(const ErrorLossBackward<T>&, T scale, int64_t begin, int64_t end);
  double (*bce)(const BinaryCrossEntropy<T>&, int64_t begin, int64_t end);
  void (*bce_backward)(const BinaryCrossEntropyBackward<T>&, T scale, int64_t begin, int64_t end);
};

// Where element i of n finds its number in an operand that has one for all, one per place in a row, or n.
template <class T>
struct Repeated {
  const T* p;
  int64_t step;  // to the next element's
};

template <class T>
inline __attribute__((always_inline)) Repeated<T> repeated(const In<T>& a, const T& absent, int64_t i, int64_t n,
                                                           int64_t row) {
  if (!a) return {&absent, 0};
  if (a.size == 1) return {a.data, 0};
  return {a.data + (a.size == n ? i : i % row), 1};
}

// f(i, n) for the pieces of [begin, end) that lie in one row.
template <class F>
inline __attribute__((always_inline)) void for_row_pieces(int64_t row, int64_t begin, int64_t end, F f) {
  for (int64_t i = begin; i < end;) {
    const int64_t left = row - i % row, n = end - i < left ? end - i : left;
    f(i, n);
    i += n;
  }
}

}  // namespace wxb
