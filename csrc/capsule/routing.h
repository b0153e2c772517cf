#pragma once
#include "capsule/squash.h"

// Dynamic routing between two layers of capsules (Sabour, Frosst, Hinton 2017, arXiv 1710.09829).

namespace wxb {

// Sizes of the operands, and of the scratch that holds what is known of some examples at a time.
//
// Every loop has its lanes along the input capsules, the last axis of weight: votes, logits, softmax and all products
// are then vertical. Rows of scratch are padded to whole vectors of any target; what lies beyond the inputs is 0 and
// adds 0.
struct RoutingSizes {
  int64_t n, inputs, in_size, outputs, out_size, iterations;
  static constexpr int64_t widest = 16;         // lanes of any target
  static constexpr int64_t together = 4;        // examples whose votes are made while weight passes by once
  static constexpr int64_t strip = 4 * widest;  // inputs whose couplings are in the making
  static constexpr int64_t block = 32;          // examples of which backward keeps the couplings
  HD int64_t poses() const { return outputs * out_size; }
  HD int64_t row() const { return (inputs + widest - 1) / widest * widest; }
  HD int64_t of_example() const { return (poses() + in_size) * row(); }  // its votes (poses, row), its x (in_size, row)
  HD int64_t of_pass() const { return 2 * outputs * strip + (widest + 2) * poses(); }
  HD int64_t in_block() const { return n < block ? n : block; }
  HD int64_t of_gradients() const { return in_block() * (2 * in_size + out_size) * widest; }
  double votes() const { return double(n) * double(poses()) * double(inputs); }
};

// With votes u_ij = W_j(i) x_i, V = 0 and, for each iteration,
//   c_ij = softmax over j of u_ij . V_j,   s_j = sum_i c_ij u_ij,   v_j = squash(s_j),   V_j += v_j
// y is the last v; V is the sum that the paper adds up in its logits b. x (n, inputs, in_size), weight (outputs,
// out_size, in_size, inputs), y (n, outputs, out_size); sums (n, iterations, outputs, out_size), every s, is for
// backward. The votes of `together` examples at a time lie in workspace (slots, ...), a slot for each task.
template <class T>
struct Routing : RoutingSizes {
  In<T> x, weight;
  Out<T> y, sums, workspace;
  int64_t slots;
  void operands(const Operands& f) const { f(x), f(weight), f(y), f(sums), f(workspace); }
  double work() const { return votes() * double(2 * in_size + 4 * iterations); }
};

// The gradient through all iterations, from the last one to the first, t:
//   ds_j = squash'(s_j) dv_j,   dc_ij = u_ij . ds_j,   db_ij = c_ij (dc_ij - sum_k c_ik dc_ik),
//   du_ij += c_ij ds_j + db_ij V_j,   dv_j of all iterations before t += sum_i db_ij u_ij
// With `detach` the couplings of the last iteration count as constants, du_ij = c_ij ds_j.
//
// Votes are made anew. For a block of examples the c and db of every iteration are kept, then du is made from them
// where it is used, in dx_i = sum_j W_j(i)^T du_ij and dweight = sum over examples of du x^T, strip by strip of the
// inputs: it is stored nowhere, and weight and dweight pass by once a block. dx, dweight are written, or skipped when
// absent; dweight is summed in order of the examples. terms (min(n, block), of_terms()).
template <class T>
struct RoutingBackward : RoutingSizes {
  In<T> x, weight, sums, dy;
  Out<T> dx, dweight, workspace, terms;
  int64_t slots;
  bool detach;
  void operands(const Operands& f) const { f(x), f(weight), f(sums), f(dy), f(dx), f(dweight), f(workspace), f(terms); }
  double work() const { return votes() * double((bool(dx) + bool(dweight) + 1) * 2 * in_size + 12 * iterations); }
  // du = base + sum over terms of a coefficient, (outputs, row), times a vector, (poses). Of an example: base, the
  // vectors, the coefficients.
  HD int64_t term_count() const { return detach ? (iterations > 1 ? 1 : 0) : 2 * (iterations - 1); }
  HD int64_t of_terms() const {
    const int64_t vectors = (1 + term_count()) * poses();
    return (vectors + widest - 1) / widest * widest + term_count() * outputs * row();
  }
};

namespace BACKEND {
template <class T>
void routing_forward(const Routing<T>&, Context&);
template <class T>
void routing_backward(const RoutingBackward<T>&, Context&);
int64_t routing_slots(int64_t tasks);         // how many tasks may run at a time
int64_t routing_slot(const RoutingSizes& s);  // elements of workspace that each of them needs
}  // namespace BACKEND

}  // namespace wxb
