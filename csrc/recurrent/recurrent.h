#pragma once
#include "core/context.h"
#include "core/hd.h"
#include "core/operands.h"

// Recurrent layers over whole sequences, time first. What the inputs give the gates, x Wᵀ + b, comes from a product of
// all steps at once, which is gemm's; here is the loop: h_t from x_t, h_(t-1), and the weight of h.

namespace wxb {

// With u = x_t + h W_hhᵀ + b_hh, cut into the gates, each `units` wide, in torch's order; s is the logistic function:
//   tanh, relu   h' = tanh(u), max(u, 0)                                                        (Elman 1990)
//   lstm  i f g o: c' = s(f) c + s(i) tanh(g), h' = s(o) tanh(c')          (Hochreiter, Schmidhuber 1997; Gers 2000)
//   gru   r z n: h' = (1 - s(z)) n + s(z) h, n = tanh(x_n + s(r) (h W_nᵀ + b_n))     (Cho et al. 2014, reset after)
enum class Cell : uint8_t { tanh, relu, lstm, gru };
HD constexpr int64_t gates_of(Cell cell) { return cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1; }

struct RecurrentShape {
  int64_t steps, batch, units;
  Cell cell;
  bool reverse;  // from the last step to the first
};

// x (steps, batch, gates units); weight (gates units, units); bias (gates units) or absent; h0, c0 (batch, units) or
// absent: zeros; lengths (batch) or absent: beyond them y is 0 and the state stays as it is. c0, c_n, cells for lstm.
// y (steps, batch, units), h_n, c_n (batch, units). For backward: gates (steps, batch, gates units) after their
// functions, before and cells (steps, batch, units), h and c ahead of each step, and of gru also reset, h W_nᵀ + b_n.
// packed: the weight as the micro-kernel reads it, absent for few steps, which are not worth it.
template <class T>
struct Recurrent {
  In<T> x, weight, bias, h0, c0;
  In<int64_t> lengths;
  Out<T> y, h_n, c_n, gates, before, cells, reset, packed;
  RecurrentShape shape;
  void operands(const Operands& f) const {
    f(x), f(weight), f(bias), f(h0), f(c0), f(lengths);
    f(y), f(h_n), f(c_n), f(gates), f(before), f(cells), f(reset), f(packed);
  }
  double work() const { return 2.0 * double(x.size) * double(shape.units); }
};

// From dy, dh_n and dc_n, each absent where it is 0: dx, dh0, dc0. What the product h W_hhᵀ owes, which makes dweight =
// dhᵀ before and dbias, its column sums, is dx itself, but for gru, where its n is s(r) times that of dx: it takes the
// place of gates. Of the others dx may be gates. product (batch, units): scratch.
template <class T>
struct RecurrentBackward {
  In<T> weight, before, cells, c_n, reset, dy, dh_n, dc_n;
  In<int64_t> lengths;
  InOut<T> gates;
  Out<T> dx, dh0, dc0, product, packed;
  RecurrentShape shape;
  void operands(const Operands& f) const {
    f(weight), f(before), f(cells), f(c_n), f(reset), f(dy), f(dh_n), f(dc_n), f(lengths);
    f(gates), f(dx), f(dh0), f(dc0), f(product), f(packed);
  }
  double work() const { return 2.0 * double(dx.size) * double(shape.units); }
};

namespace BACKEND {
template <class T>
void recurrent_forward(const Recurrent<T>&, Context&);
template <class T>
void recurrent_backward(const RecurrentBackward<T>&, Context&);
int64_t recurrent_packed(const RecurrentShape& s);  // elements of the packed weight
}  // namespace BACKEND

}  // namespace wxb
