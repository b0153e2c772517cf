#pragma once
#include "core/context.h"
#include "core/hd.h"
#include "core/operands.h"

// Recursive networks over a batch of trees. Nodes are rows, children before their parents. All nodes whose children are
// known, of all trees, are one level: their states come from one product. The structure is data, so one recorded plan
// serves every batch of so many rows.

namespace wxb {

// The state h of a node, from z = x + bias + W features, where x is there for the first `inputs` rows, and its
// children's states h_k and c_k, of which those of a missing child are 0:
//   rnn        features = s, the h_1 .. h_K one behind the other;  h = act(z)
//   tensor     features = s_i s_j and s_i, at i (K hidden + 1) + j and at its end;  h = act(z)  (Socher et al. 2013)
//   lstm       features = s;  z = [i, g, o, f_1 .. f_K];
//              c = sigmoid(i) tanh(g) + sum_k sigmoid(f_k) c_k, h = sigmoid(o) tanh(c)
//   child_sum  features = sum_k h_k, for i, g, o; f_k = x_f + bias_f + W_f h_k; c and h as for lstm
// The last two are by Tai, Socher, Manning 2015. act is tanh, or max(z, 0) if `relu`.
enum class TreeCell : int { rnn, tensor, lstm, child_sum };

struct Trees {
  int64_t nodes, arity, inputs, hidden;
  TreeCell cell;
  bool relu;
  HD bool has_memory() const { return cell == TreeCell::lstm || cell == TreeCell::child_sum; }
  HD int64_t width() const {  // of z
    return cell == TreeCell::lstm ? (3 + arity) * hidden : cell == TreeCell::child_sum ? 4 * hidden : hidden;
  }
  HD int64_t product() const { return cell == TreeCell::child_sum ? 3 * hidden : width(); }  // what of z has features
  HD int64_t states() const { return cell == TreeCell::child_sum ? hidden : arity * hidden; }
  HD int64_t features() const { return cell == TreeCell::tensor ? states() * (states() + 1) : states(); }
  double work() const { return 2.0 * double(nodes) * double(width()) * double(features() + 10); }
};

// Who is whose child, for kernels that may not trust what they are given: a child's row comes before its parent's, and
// no row is a child twice. parent[n] = p arity + k where n is child k of p, else -1.
struct Family {
  const int64_t *children, *parent;
  int64_t nodes, arity;
  HD int64_t child(int64_t n, int64_t k) const {  // or -1
    const int64_t c = children[n * arity + k];
    return c >= 0 && c < n && parent[c] == n * arity + k ? c : -1;
  }
  HD int64_t place(int64_t n) const {  // p arity + k, or -1
    const int64_t at = parent[n];
    return at > n * arity && at < nodes * arity && children[at] == n ? at : -1;
  }
  HD bool is_inner(int64_t n) const {
    for (int64_t k = 0; k < arity; ++k)
      if (child(n, k) >= 0) return true;
    return false;
  }
};

// x (inputs, width), weight (width, features) (child_sum: (width, hidden)), bias (width) or absent, children (nodes,
// arity), -1 for none -> h (nodes, hidden), and for backward: c (nodes, hidden) and gates (nodes, width), both absent
// without a memory, s (nodes, features) the features, parent (nodes). A child that is no earlier row, or a second
// parent's, is reported with its position in `children` and left out. gates hold the sigmoid and tanh of z; child_sum
// has f where the child is. turned (features, width), for the weight's transpose, and order are scratch; either may be
// empty, as the backend says.
template <class T>
struct TreeForward {
  In<T> x, weight, bias;
  In<int64_t> children;
  Out<T> h, c, gates, features, turned;
  Out<int64_t> parent, order;
  Trees trees;
  void operands(const Operands& f) const {
    f(x), f(weight), f(bias), f(children), f(h), f(c), f(gates), f(features), f(turned), f(parent), f(order);
  }
  double work() const { return trees.work(); }
};

// From dy (nodes, hidden): dz (nodes, width), of which the first rows are dx, dweight and dbias, or skipped where
// absent. Scratch: dc (nodes, hidden), ds (nodes, states) what a node owes its children's states; dfeatures (nodes,
// features) for tensor alone; edge and dedge (nodes, hidden) for child_sum alone: the gradient of W_f h and what of h's
// comes from there. order as in forward.
template <class T>
struct TreeBackward {
  In<T> weight, h, c, gates, features, dy;
  In<int64_t> children, parent;
  Out<T> dz, dweight, dbias, dc, ds, dfeatures, edge, dedge;
  Out<int64_t> order;
  Trees trees;
  void operands(const Operands& f) const {
    f(weight), f(h), f(c), f(gates), f(features), f(dy), f(children), f(parent);
    f(dz), f(dweight), f(dbias), f(dc), f(ds), f(dfeatures), f(edge), f(dedge), f(order);
  }
  double work() const { return 2 * trees.work(); }
};

template <class Args>
HD Family family(const Args& a) {
  return {a.children.data, a.parent.data, a.trees.nodes, a.trees.arity};
}

namespace BACKEND {
template <class T>
void tree_forward(const TreeForward<T>&, Context&);
template <class T>
void tree_backward(const TreeBackward<T>&, Context&);
int64_t tree_turned(const Trees&);  // elements of the scratch
int64_t tree_order(const Trees&);
}  // namespace BACKEND

}  // namespace wxb
