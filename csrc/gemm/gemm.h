#pragma once
#include "core/context.h"
#include "core/operands.h"
#include "core/precision.h"
#include "elementwise/elementwise.h"

namespace wxb {

// y = act(x Wᵀ + b).  x (n, in), weight (out, in), bias (out) or absent, y (n, out).
// saved (n, out) or absent: receives x Wᵀ + b, for an activation whose derivative needs its input.
// Here and below, parts: product_room(...) elements of scratch for every product, absent where that is 0.
template <class T>
struct LinearForward {
  In<T> x, weight, bias;
  Out<T> y, saved, parts;
  int64_t n, in, out;
  Unary activation;
  T alpha;
  Precision precision;
  void operands(const Operands& f) const { f(x), f(weight), f(bias), f(y), f(saved), f(parts); }
  double work() const { return 2.0 * double(n) * double(in) * double(out); }
};

// dz = dy act'(saved);  dx = dz W, dweight = dzᵀ x, dbias = column sums of dz; each is written, or skipped when absent.
// saved: y, or x Wᵀ + b (see above), absent without an activation; as is workspace (n, out), which holds dz.
// sums: column_room(n, out) elements of scratch for dbias.
template <class T>
struct LinearBackward {
  In<T> x, weight, saved, dy;
  Out<T> dx, dweight, dbias, workspace, parts, sums;
  int64_t n, in, out;
  Unary activation;
  T alpha;
  Precision precision;
  void operands(const Operands& f) const {
    f(x), f(weight), f(saved), f(dy), f(dx), f(dweight), f(dbias), f(workspace), f(parts), f(sums);
  }
  double work() const { return (bool(dx) + bool(dweight)) * 2.0 * double(n) * double(in) * double(out); }
};

// y[i] = op(a[i]) op(b[i]) for i < batch.  a (batch or 1, m, k), or (.., k, m) if transpose_a; b (batch or 1, k, n), or
// (.., n, k) if transpose_b; y (batch, m, n). stride_a, stride_b: elements between matrices, 0 where one serves all.
template <class T>
struct Matmul {
  In<T> a, b;
  Out<T> y, parts;
  int64_t batch, m, n, k, stride_a, stride_b;
  bool transpose_a, transpose_b;
  Precision precision;
  void operands(const Operands& f) const { f(a), f(b), f(y), f(parts); }
  double work() const { return 2.0 * double(batch) * double(m) * double(n) * double(k); }
};

namespace BACKEND {
template <class T>
void linear_forward(const LinearForward<T>&, Context&);
template <class T>
void linear_backward(const LinearBackward<T>&, Context&);
template <class T>
void matmul(const Matmul<T>&, Context&);
// The elements of scratch that a backend wants for products of (m, k) by (k, n), and for sums of columns.
int64_t product_room(int64_t m, int64_t n, int64_t k, int64_t copies, Precision);
int64_t column_room(int64_t rows, int64_t columns);
}  // namespace BACKEND

}  // namespace wxb
