#include "core/workspace.h"
#include "tree/tree.h"

namespace wxb {

namespace {

using A = const Array&;
using O = const Optional&;

// The ops' names, by cell.
constexpr const char* forward_names[] = {"tree_rnn", "tree_tensor", "tree_lstm", "child_sum_lstm"};
constexpr const char* backward_names[] = {"tree_rnn_backward", "tree_tensor_backward", "tree_lstm_backward",
                                          "child_sum_lstm_backward"};

const char* name_of(TreeCell cell, const char* const (&names)[4]) {
  if (int(cell) < 0 || int(cell) > 3) value_error("tree: cell is ", int(cell), ", it must be one of TreeCell");
  return names[int(cell)];
}

// The sizes of a launch; a product that does not fit in 64 bits is an error.
Trees trees(const Call& call, TreeCell cell, bool relu, int64_t inputs, A h, A children) {
  call.ndim("h", h, 2, "(nodes, hidden)");
  call.ndim("children", children, 2, "(nodes, arity)");
  const Trees t{h.shape(0), children.shape(1), inputs, h.shape(1), cell, relu};
  if (t.hidden < 1 || t.arity < 1)
    value_error(call.name, ": hidden is ", t.hidden, " and arity ", t.arity, ", they must be at least 1");
  if (t.inputs < 0 || t.inputs > t.nodes)
    value_error(call.name, ": x has ", t.inputs, " rows, it must have at most one for each of ", t.nodes, " nodes");
  const int64_t states = checked_mul(checked_add(t.arity, 3), t.hidden);
  checked_mul(checked_mul(checked_mul(states, checked_add(states, 1)), t.hidden), 8);
  checked_mul(checked_mul(states, checked_add(states, 1)), checked_mul(t.nodes, 8));
  return t;
}

Optional scratch(bool wanted, int64_t rows, int64_t columns, A like) {
  if (!wanted) return {};
  return Array(empty(py::make_tuple(rows, columns), like.attr("dtype"), false));
}

void forward(TreeCell cell, bool relu, A x, A weight, O bias, A children, A h, O c, O gates, A features, A parent) {
  const Call call(name_of(cell, forward_names));
  call.ndim("x", x, 2, "(inputs, width)");
  const Trees t = trees(call, cell, relu, x.shape(0), h, children);
  if (t.has_memory() != bool(c) || t.has_memory() != bool(gates))
    value_error(call.name, ": c and gates are for the cells with a memory, and must be there for them");
  const int64_t width = t.width(), wide = t.features();
  const int64_t size = BACKEND::tree_turned(t);
  const Workspace<int64_t> order(BACKEND::tree_order(t));
  by_float(call.name, x, [&]<class T>() {
    const Optional turned = scratch(true, 1, size, x);
    launch<BACKEND::tree_forward<T>>(
        call.name,
        TreeForward<T>{call.in<T>("x", x, {t.inputs, width}), call.in<T>("weight", weight, {width, wide}),
                       call.in<T>("bias", bias, {width}), call.in<int64_t>("children", children, {t.nodes, t.arity}),
                       call.out<T>("h", h, {t.nodes, t.hidden}), call.out<T>("c", c, {t.nodes, t.hidden}),
                       call.out<T>("gates", gates, {t.nodes, width}),
                       call.out<T>("features", features, {t.nodes, wide}), call.out<T>("turned", turned, {1, size}),
                       call.out<int64_t>("parent", parent, {t.nodes}), order.out(call), t});
  });
}

void backward(TreeCell cell, bool relu, A weight, A h, O c, O gates, A features, A children, A parent, A dy, A dz,
              O dweight, O dbias) {
  const Call call(name_of(cell, backward_names));
  const Trees t = trees(call, cell, relu, 0, h, children);
  if (t.has_memory() != bool(c) || t.has_memory() != bool(gates))
    value_error(call.name, ": c and gates are for the cells with a memory, and must be there for them");
  const int64_t n = t.nodes, width = t.width(), wide = t.features(), hidden = t.hidden;
  const bool is_sum = cell == TreeCell::child_sum;
  const Workspace<int64_t> order(BACKEND::tree_order(t));
  by_float(call.name, h, [&]<class T>() {
    const Optional dc = scratch(t.has_memory(), n, hidden, h), ds = scratch(true, n, t.states(), h),
                   dfeatures = scratch(cell == TreeCell::tensor, n, wide, h), edge = scratch(is_sum, n, hidden, h),
                   dedge = scratch(is_sum, n, hidden, h);
    launch<BACKEND::tree_backward<T>>(
        call.name,
        TreeBackward<T>{call.in<T>("weight", weight, {width, wide}), call.in<T>("h", h, {n, hidden}),
                        call.in<T>("c", c, {n, hidden}), call.in<T>("gates", gates, {n, width}),
                        call.in<T>("features", features, {n, wide}), call.in<T>("dy", dy, {n, hidden}),
                        call.in<int64_t>("children", children, {n, t.arity}), call.in<int64_t>("parent", parent, {n}),
                        call.out<T>("dz", dz, {n, width}), call.out<T>("dweight", dweight, {width, wide}),
                        call.out<T>("dbias", dbias, {width}), call.out<T>("dc", dc, {n, hidden}),
                        call.out<T>("ds", ds, {n, t.states()}), call.out<T>("dfeatures", dfeatures, {n, wide}),
                        call.out<T>("edge", edge, {n, hidden}), call.out<T>("dedge", dedge, {n, hidden}),
                        order.out(call), t});
  });
}

}  // namespace

void bind_tree(py::module_& m) {
  py::enum_<TreeCell>(m, "TreeCell", py::module_local())
      .value("rnn", TreeCell::rnn)
      .value("tensor", TreeCell::tensor)
      .value("lstm", TreeCell::lstm)
      .value("child_sum", TreeCell::child_sum);
  m.def("tree_forward", forward);
  m.def("tree_backward", backward);
}

}  // namespace wxb
