#pragma once
#include "core/context.h"
#include "core/operands.h"
#include "elementwise/elementwise.h"

namespace wxb {

// y = act(x Wᵀ + b).  x (n, in), weight (out, in), bias (out) or absent, y (n, out).
// saved (n, out) or absent: receives x Wᵀ + b, for an activation whose derivative needs its input.
template <class T>
struct LinearForward {
  In<T> x, weight, bias;
  Out<T> y, saved;
  int64_t n, in, out;
  Unary activation;
  T alpha;
  void operands(const Operands& f) const { f(x), f(weight), f(bias), f(y), f(saved); }
  double work() const { return 2.0 * double(n) * double(in) * double(out); }
};

// dz = dy act'(saved);  dx = dz W, dweight = dzᵀ x, dbias = column sums of dz; each is written, or skipped when absent.
// saved: y, or x Wᵀ + b (see above), absent without an activation; as is workspace (n, out), which holds dz.
template <class T>
struct LinearBackward {
  In<T> x, weight, saved, dy;
  Out<T> dx, dweight, dbias, workspace;
  int64_t n, in, out;
  Unary activation;
  T alpha;
  void operands(const Operands& f) const {
    f(x), f(weight), f(saved), f(dy), f(dx), f(dweight), f(dbias), f(workspace);
  }
  double work() const { return (bool(dx) + bool(dweight)) * 2.0 * double(n) * double(in) * double(out); }
};

// y[i] = op(a[i]) op(b[i]) for i < batch.  a (batch or 1, m, k), or (.., k, m) if transpose_a; b (batch or 1, k, n), or
// (.., n, k) if transpose_b; y (batch, m, n). stride_a, stride_b: elements between matrices, 0 where one serves all.
template <class T>
struct Matmul {
  In<T> a, b;
  Out<T> y;
  int64_t batch, m, n, k, stride_a, stride_b;
  bool transpose_a, transpose_b;
  void operands(const Operands& f) const { f(a), f(b), f(y); }
  double work() const { return 2.0 * double(batch) * double(m) * double(n) * double(k); }
};

namespace BACKEND {
template <class T>
void linear_forward(const LinearForward<T>&, Context&);
template <class T>
void linear_backward(const LinearBackward<T>&, Context&);
template <class T>
void matmul(const Matmul<T>&, Context&);
}  // namespace BACKEND

}  // namespace wxb
