#pragma once
#include "gemm/gemm.h"

namespace wxb {

// C = act(A B + bias), C (m, n) row-major with c_row elements between rows.
// A(i, k) = a[i a_row + k a_col], B(k, j) = b[k b_row + j b_col]; of each pair of strides one is 1.
// bias (n) and saved (laid out as C, receives A B + bias) may be null. C must not overlap A, B or bias.
template <class T>
struct Gemm {
  int64_t m, n, k;
  const T* a;
  int64_t a_row, a_col;
  const T* b;
  int64_t b_row, b_col;
  T* c;
  int64_t c_row;
  const T* bias = nullptr;
  T* saved = nullptr;
  Unary activation = Unary::none;
  T alpha = 0;
};

constexpr int64_t derivative_strip = 64;  // columns: whole cache lines of every row, and enough strips for the threads

template <class T>
struct GemmTable {
  void (*gemm)(const Gemm<T>&);
  // dz = dy act'(saved), into workspace if there is one, and dbias, of columns [begin, end), at most derivative_strip.
  void (*derivative)(const LinearBackward<T>&, int64_t begin, int64_t end);
};

}  // namespace wxb
