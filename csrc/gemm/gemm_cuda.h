#pragma once
#include "core/context.h"
#include "core/precision.h"
#include "elementwise/elementwise.h"

// What other rooms may ask of gemm's CUDA half.
namespace wxb::cuda {

// Y = act(A B + bias) for `copies` of matrices: A(i, k) = a[i a_row + k a_col], B(k, j) = b[k b_row + j b_col], each of
// a pair of strides 1 (as in gemm_table.h); Y (copies, m, n), bias (n) and saved as Y may be null. parts holds
// product_room(...) elements, or is null if that is 0.
template <class T>
struct Product {
  int64_t m, n, k;
  const T* a;
  int64_t a_row, a_col;
  const T* b;
  int64_t b_row, b_col;
  T *y, *parts;
  const T* bias = nullptr;
  T* saved = nullptr;
  Unary activation = Unary::none;
  T alpha = 0;
  Precision precision = Precision::fp32;
  int64_t copies = 1, a_copy = 0, b_copy = 0;
};
template <class T>
void product(const Product<T>&, Context&);

inline constexpr int64_t processors = 132;  // of an H200; fixed, so that sums are the same on every GPU

// Into how many parts the sums of a product are cut, so that its blocks fill a GPU: a function of sizes alone.
int64_t product_parts(int64_t m, int64_t n, int64_t k, int64_t copies);

// dz = dy act'(saved), which may be left out (null), and dbias = the sums of its columns, which may be too. sums:
// column_parts(rows, columns) times `columns`, or null where there is 1 part.
template <class T>
struct Derivative {
  const T *dy, *saved;
  T *dz, *dbias, *sums;
  int64_t rows, columns;
  Unary activation;
  T alpha;
};
template <class T>
void derivative(const Derivative<T>&, Context&);
int64_t column_parts(int64_t rows, int64_t columns);

}  // namespace wxb::cuda
