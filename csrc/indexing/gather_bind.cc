#include "indexing/gather.h"

#include "core/workspace.h"
#include "indexing/view_bind.h"

namespace wxb {

namespace {

using A = const Array&;

In<int64_t> indices(const Call& call, A index) { return call.in<int64_t>("index", index, index.size()); }

int64_t product(A a, int64_t begin, int64_t end) {
  int64_t n = 1;
  for (int64_t k = begin; k < end; ++k) n *= a.shape(k);
  return n;
}

// Raises unless part has whole's shape with the index's in place of the axis.
void taken_shape(const Call& call, A whole, A index, A part, int64_t axis) {
  bool fits = part.ndim() == whole.ndim() - 1 + index.ndim();
  for (int64_t k = 0; fits && k < part.ndim(); ++k) {
    const int64_t wanted = k < axis                  ? whole.shape(k)
                           : k < axis + index.ndim() ? index.shape(k - axis)
                                                     : whole.shape(k - index.ndim() + 1);
    fits = part.shape(k) == wanted;
  }
  if (!fits)
    value_error(call.name, ": shapes ", shape_text(whole), ", index ", shape_text(index), " and ", shape_text(part),
                " do not fit; the index takes the place of axis ", axis);
}

void take(const Call& call, A x, A index, A y, int64_t axis, bool from_end) {
  taken_shape(call, x, index, y, axis);
  by_word(call, x, [&]<class T, class W>() {
    launch<BACKEND::take<W>>(call.name, Take<W>{words<W>(call.in<T>("x", x, x.size())),
                                                indices(call, index),
                                                words<W>(call.out<T>("y", y, y.size())),
                                                product(x, 0, axis),
                                                product(x, axis + 1, x.ndim()),
                                                {x.shape(axis), from_end}});
  });
}

void take_backward(const Call& call, A index, A dy, A dx, int64_t axis, bool from_end) {
  taken_shape(call, dx, index, dy, axis);
  const int64_t outer = product(dx, 0, axis), inner = product(dx, axis + 1, dx.ndim());
  const Workspace<int64_t> workspace(BACKEND::scatter_workspace(index.size(), checked_mul(outer, inner)));
  by_float(call.name, dy, [&]<class T>() {
    launch<BACKEND::take_backward<T>>(call.name, TakeBackward<T>{indices(call, index),
                                                                 call.in<T>("dy", dy, dy.size()),
                                                                 call.out<T>("dx", dx, dx.size()),
                                                                 workspace.out(call),
                                                                 outer,
                                                                 inner,
                                                                 {dx.shape(axis), from_end}});
  });
}

Columns columns(const Call& call, const char* what, A whole, A index, int64_t axis) {
  axis = axis_of(call, what, whole, axis);
  bool fits = index.ndim() == whole.ndim();
  for (int64_t k = 0; fits && k < index.ndim(); ++k) fits = k == axis || index.shape(k) <= whole.shape(k);
  if (!fits)
    value_error(call.name, ": index has shape ", shape_text(index), ", ", what, " ", shape_text(whole),
                "; the index must have as many axes, none but axis ", axis, " longer");
  Columns c{{}, {}, index.shape(axis), stride_of(whole, axis), {whole.shape(axis), true}};
  for (int64_t k = 0; k < index.ndim(); ++k)
    if (k != axis) append(call, k < axis ? c.outer : c.inner, index.shape(k), stride_of(whole, k));
  return c;
}

void bind_rows(py::module_& m) {
  m.def("take", [](A x, A index, A y, int64_t axis) {
    const Call call("take");
    take(call, x, index, y, axis_of(call, "x", x, axis), true);
  });
  m.def("take_backward", [](A index, A dy, A dx, int64_t axis) {
    const Call call("take_backward");
    take_backward(call, index, dy, dx, axis_of(call, "dx", dx, axis), true);
  });
  m.def("embedding_forward", [](A weight, A index, A y) {
    const Call call("embedding_forward");
    call.ndim("weight", weight, 2, "(count, width)");
    take(call, weight, index, y, 0, false);
  });
  m.def(
      "embedding_backward",
      [](A index, A dy, A dweight, const Optional& used, bool adds, int64_t padding) {
        const Call call("embedding_backward");
        call.ndim("dweight", dweight, 2, "(count, width)");
        taken_shape(call, dweight, index, dy, 0);
        const int64_t count = dweight.shape(0), width = dweight.shape(1);
        const Workspace<int64_t> workspace(BACKEND::scatter_workspace(index.size(), width));
        by_float(call.name, dy, [&]<class T>() {
          launch<BACKEND::embedding_backward<T>>(
              call.name, EmbeddingBackward<T>{indices(call, index),
                                              call.in<T>("dy", dy, dy.size()),
                                              call.inout<T>("dweight", dweight, dweight.size()),
                                              used ? call.inout<uint8_t>("used", *used, {count}) : InOut<uint8_t>{},
                                              workspace.out(call),
                                              width,
                                              padding,
                                              {count, false},
                                              adds});
        });
      },
      py::arg("index"), py::arg("dy"), py::arg("dweight"), py::arg("used") = py::none(), py::arg("adds") = false,
      py::arg("padding") = -1);
}

void bind_elements(py::module_& m) {
  m.def("gather", [](A x, A index, A y, int64_t axis) {
    const Call call("gather");
    const Columns c = columns(call, "x", x, index, axis);
    if (!y.attr("shape").equal(index.attr("shape")))
      value_error(call.name, ": y has shape ", shape_text(y), ", it must be ", shape_text(index));
    by_word(call, x, [&]<class T, class W>() {
      launch<BACKEND::gather<W>>(call.name, Gather<W>{words<W>(call.in<T>("x", x, x.size())), indices(call, index),
                                                      words<W>(call.out<T>("y", y, y.size())), c});
    });
  });
  m.def("scatter_add", [](A index, A src, A y, int64_t axis) {
    const Call call("scatter_add");
    const Columns c = columns(call, "y", y, index, axis);
    if (!src.attr("shape").equal(index.attr("shape")))
      value_error(call.name, ": src has shape ", shape_text(src), ", it must be ", shape_text(index));
    const Workspace<int64_t> workspace(BACKEND::scatter_workspace(index.size(), 1));
    by_float(call.name, src, [&]<class T>() {
      launch<BACKEND::scatter_add<T>>(call.name,
                                      ScatterAdd<T>{indices(call, index), call.in<T>("src", src, src.size()),
                                                    call.inout<T>("y", y, y.size()), workspace.out(call), c});
    });
  });
  m.def("one_hot", [](A index, A y) {
    const Call call("one_hot");
    bool fits = y.ndim() == index.ndim() + 1;
    for (int64_t k = 0; fits && k < index.ndim(); ++k) fits = y.shape(k) == index.shape(k);
    if (!fits)
      value_error(call.name, ": y has shape ", shape_text(y), ", it must be that of the index, ", shape_text(index),
                  ", with the classes as last axis");
    const int64_t classes = y.shape(y.ndim() - 1);
    by_float(call.name, y, [&]<class T>() {
      launch<BACKEND::one_hot<T>>(call.name, OneHot<T>{indices(call, index), call.out<T>("y", y, y.size()), classes});
    });
  });
}

}  // namespace

void bind_gather(py::module_& m) {
  bind_rows(m);
  bind_elements(m);
}

}  // namespace wxb
