#include <algorithm>

#include "core/isa.h"
#include "core/parallel.h"
#include "gemm/gemm_table.h"
#include "tree/tree_table.h"

namespace wxb {

WXB_ROOM(TreeTable<float>, tree_float)
WXB_ROOM(GemmTable<float>, gemm_float)

namespace ref {
extern const TreeTable<double> tree_double;
extern const GemmTable<double> gemm_double;
}  // namespace ref

namespace cpu {

namespace {

template <class T>
const TreeTable<T>& table() {
  if constexpr (std::is_same_v<T, float>)
    return tree_float();
  else
    return ref::tree_double;
}

template <class T>
void gemm(const Gemm<T>& g) {
  if constexpr (std::is_same_v<T, float>)
    gemm_float().gemm(g);
  else
    ref::gemm_double.gemm(g);
}

struct Span {
  int64_t begin, end;
};

// Writes down whose child each node is, and reports what is no tree.
template <class T>
void find_parents(const TreeForward<T>& a, Context& context) {
  const int64_t arity = a.trees.arity, *const children = a.children.data;
  std::fill_n(a.parent.data, a.trees.nodes, int64_t{-1});
  for (int64_t at = 0; at < a.children.size; ++at) {
    const int64_t child = children[at];
    if (child == -1) continue;
    if (child < 0 || child >= at / arity || a.parent.data[child] >= 0)
      context.report(Code::bad_index, uint64_t(at));
    else
      a.parent.data[child] = at;
  }
}

// From the first to the last node that has a child. Before them lie leaves, after them what only fills up the rows.
Span inner_nodes(const Family& family) {
  Span inner{0, family.nodes};
  while (inner.begin < inner.end && !family.is_inner(inner.begin)) ++inner.begin;
  while (inner.begin < inner.end && !family.is_inner(inner.end - 1)) --inner.end;
  return inner;
}

// f(begin, end) for levels, as long stretches of [inner.begin, inner.end) as have no child within, in order.
template <class F>
void for_levels(const Family& family, Span inner, F f) {
  for (int64_t begin = inner.begin, end = begin; begin < inner.end; begin = end) {
    const auto knows_children = [&](int64_t n) {
      for (int64_t k = 0; k < family.arity; ++k)
        if (family.child(n, k) >= begin) return false;
      return true;
    };
    while (end < inner.end && knows_children(end)) ++end;
    f(begin, end);
  }
}

// The reverse: as long stretches as have no parent within, the last first.
template <class F>
void for_levels_reversed(const Family& family, Span inner, F f) {
  for (int64_t end = inner.end, begin = end; end > inner.begin; end = begin) {
    const auto knows_parent = [&](int64_t n) {
      const int64_t place = family.place(n);
      return place < 0 || place / family.arity >= end;
    };
    while (begin > inner.begin && knows_parent(begin - 1)) --begin;
    f(begin, end);
  }
}

// body(args, begin, end) for the rows [begin, end), cut into tasks of some 16384 elements.
template <class Args, class Body>
void by_rows(const Args& a, Body body, int64_t begin, int64_t end, int64_t width) {
  const int64_t taken = std::max<int64_t>(1, 16384 / width);
  parallel((end - begin + taken - 1) / taken,
           [&](int64_t task) { body(a, begin + task * taken, std::min(end, begin + (task + 1) * taken)); });
}

// dweight in one product over all nodes; the levels' order is that of the sums. dbias.
template <class T>
void weight_gradients(const TreeBackward<T>& a, Span inner) {
  const Trees& t = a.trees;
  const int64_t width = t.width(), features = t.features(), hidden = t.hidden;
  if (a.dweight) {
    gemm<T>({t.product(), features, inner.end - inner.begin, a.dz.data + inner.begin * width, 1, width,
             a.features.data + inner.begin * features, features, 1, a.dweight.data, features});
    if (t.cell == TreeCell::child_sum)
      gemm<T>({hidden, hidden, t.nodes, a.edge.data, 1, hidden, a.h.data, hidden, 1,
               a.dweight.data + 3 * hidden * hidden, hidden});
  }
  if (!a.dbias) return;
  LinearBackward<T> rows{};
  rows.n = t.nodes, rows.out = width, rows.dy = {a.dz.data, a.dz.size}, rows.dbias = a.dbias;
  parallel((width + derivative_strip - 1) / derivative_strip, [&](int64_t strip) {
    const int64_t begin = strip * derivative_strip, end = std::min(width, begin + derivative_strip);
    if constexpr (std::is_same_v<T, float>)
      gemm_float().derivative(rows, begin, end);
    else
      ref::gemm_double.derivative(rows, begin, end);
  });
}

}  // namespace

int64_t tree_turned(const Trees& t) { return t.features() * t.width(); }
int64_t tree_order(const Trees&) { return 0; }

template <class T>
void tree_forward(const TreeForward<T>& a, Context& context) {
  const Trees& t = a.trees;
  const int64_t width = t.width(), features = t.features(), hidden = t.hidden;
  find_parents(a, context);
  const Family relatives = family(a);
  const Span inner = inner_nodes(relatives);
  by_rows(a, table<T>().turn, 0, width, features);
  T* const z = t.has_memory() ? a.gates.data : a.h.data;
  const auto run = [&](int64_t begin, int64_t end, bool is_inner) {
    by_rows(
        a,
        [&](const TreeForward<T>& args, int64_t first, int64_t last) {
          table<T>().forward(args, first, last, is_inner);
        },
        begin, end, width);
    if (t.cell == TreeCell::child_sum)  // W_f h, beside the gates of its node until its parent makes f of it
      gemm<T>({end - begin, hidden, hidden, a.h.data + begin * hidden, hidden, 1, a.turned.data + 3 * hidden, width, 1,
               a.gates.data + begin * width + 3 * hidden, width});
  };
  run(0, inner.begin, false);
  for_levels(relatives, inner, [&](int64_t begin, int64_t end) {
    by_rows(a, table<T>().gather, begin, end, features);
    gemm<T>({end - begin, t.product(), features, a.features.data + begin * features, features, 1, a.turned.data, width,
             1, z + begin * width, width});
    run(begin, end, true);
  });
  run(inner.end, t.nodes, false);
}

template <class T>
void tree_backward(const TreeBackward<T>& a, Context&) {
  const Trees& t = a.trees;
  const int64_t width = t.width(), features = t.features(), hidden = t.hidden, product = t.product();
  const Family relatives = family(a);
  const Span inner = inner_nodes(relatives);
  const bool is_sum = t.cell == TreeCell::child_sum, is_tensor = t.cell == TreeCell::tensor;
  const auto run = [&](int64_t begin, int64_t end) {
    if (is_sum) {
      by_rows(a, table<T>().edges, begin, end, hidden);
      gemm<T>({end - begin, hidden, hidden, a.edge.data + begin * hidden, hidden, 1,
               a.weight.data + 3 * hidden * hidden, hidden, 1, a.dedge.data + begin * hidden, hidden});
    }
    by_rows(a, table<T>().backward, begin, end, width);
  };
  run(inner.end, t.nodes);
  for_levels_reversed(relatives, inner, [&](int64_t begin, int64_t end) {
    run(begin, end);
    T* const to = is_tensor ? a.dfeatures.data : a.ds.data;
    gemm<T>({end - begin, features, product, a.dz.data + begin * width, width, 1, a.weight.data, features, 1,
             to + begin * features, features});
    if (is_tensor) by_rows(a, table<T>().contract, begin, end, features);
  });
  run(0, inner.begin);
  weight_gradients(a, inner);
}

template void tree_forward(const TreeForward<float>&, Context&);
template void tree_forward(const TreeForward<double>&, Context&);
template void tree_backward(const TreeBackward<float>&, Context&);
template void tree_backward(const TreeBackward<double>&, Context&);

}  // namespace cpu
}  // namespace wxb
