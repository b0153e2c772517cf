#include <vector>

#include "core/plan.h"
#include "indexing/strided.h"
#include "indexing/view_bind.h"

namespace wxb {

namespace {

using A = const Array&;
using Integers = std::vector<int64_t>;

void launch_pick(const Call& call, A x, A y, const View& view) {
  by_word(call, x, [&]<class T, class W>() {
    launch<BACKEND::pick<W>>(
        call.name, Pick<W>{words<W>(call.in<T>("x", x, x.size())), words<W>(call.out<T>("y", y, y.size())), view});
  });
}

void transpose_forward(A x, A y, const Integers& axes) {
  const Call call("transpose_forward");
  const int64_t ndim = x.ndim();
  if (int64_t(axes.size()) != ndim || y.ndim() != ndim)
    value_error(call.name, ": ", axes.size(), " axes are given, x has ", ndim, " and y ", y.ndim());
  View view;
  uint64_t seen = 0;
  for (int64_t k = 0; k < ndim; ++k) {
    const int64_t axis = axis_of(call, "x", x, axes[size_t(k)]);
    if (seen >> axis & 1) value_error(call.name, ": axis ", axis, " is given twice; each must be given once");
    seen |= uint64_t{1} << axis;
    if (y.shape(k) != x.shape(axis))
      value_error(call.name, ": y has shape ", shape_text(y), ", its axis ", k, " must be ", x.shape(axis));
    append(call, view, x.shape(axis), stride_of(x, axis));
  }
  launch_pick(call, x, y, view);
}

void broadcast_forward(A x, A y) {
  const Call call("broadcast_forward");
  const int64_t lead = y.ndim() - x.ndim();
  View view;
  for (int64_t k = 0; k < y.ndim(); ++k) {
    const int64_t size = k < lead ? 1 : x.shape(k - lead);
    if (lead < 0 || (size != 1 && size != y.shape(k)))
      value_error(call.name, ": shape ", shape_text(x), " does not broadcast to ", shape_text(y));
    append(call, view, y.shape(k), size == 1 ? 0 : stride_of(x, k - lead));
  }
  if (lead < 0) value_error(call.name, ": shape ", shape_text(x), " does not broadcast to ", shape_text(y));
  launch_pick(call, x, y, view);
}

// The elements start + i step of each axis of `whole`, i < the size of that axis of `part`.
View slice(const Call& call, A whole, A part, const Integers& starts, const Integers& steps) {
  const size_t ndim = size_t(whole.ndim());
  if (starts.size() != ndim || steps.size() != ndim || size_t(part.ndim()) != ndim)
    value_error(call.name, ": ", starts.size(), " starts and ", steps.size(), " steps are given for shapes ",
                shape_text(whole), " and ", shape_text(part), "; all must be of one length");
  View view;
  for (size_t k = 0; k < ndim; ++k) {
    const int64_t size = whole.shape(py::ssize_t(k)), count = part.shape(py::ssize_t(k));
    if (steps[k] == 0) value_error(call.name, ": the step of axis ", k, " is 0, it must not be");
    int64_t last = starts[k];  // the outermost element in the direction of the step
    const bool overflow =
        count && (__builtin_mul_overflow(count - 1, steps[k], &last) || __builtin_add_overflow(starts[k], last, &last));
    if (overflow || (count && (starts[k] < 0 || starts[k] >= size || last < 0 || last >= size)))
      value_error(call.name, ": axis ", k, " starts at ", starts[k], " and takes ", count, " steps of ", steps[k],
                  ", it has ", size, " elements");
    const int64_t stride = stride_of(whole, int64_t(k));
    if (count) view.offset += starts[k] * stride;
    append(call, view, count, count > 1 ? steps[k] * stride : stride);
  }
  return view;
}

void slice_forward(A x, A y, const Integers& starts, const Integers& steps) {
  const Call call("slice_forward");
  launch_pick(call, x, y, slice(call, x, y, starts, steps));
}

void slice_backward(A dy, A dx, const Integers& starts, const Integers& steps) {
  const Call call("slice_backward");
  const View view = slice(call, dx, dy, starts, steps);
  by_word(call, dy, [&]<class T, class W>() {
    launch<BACKEND::put<W>>(
        call.name, Put<W>{words<W>(call.in<T>("dy", dy, dy.size())), words<W>(call.out<T>("dx", dx, dx.size())), view});
  });
}

}  // namespace

void bind_strided(py::module_& m) {
  m.def("transpose_forward", &transpose_forward);
  m.def("broadcast_forward", &broadcast_forward);
  m.def("slice_forward", &slice_forward);
  m.def("slice_backward", &slice_backward);
}

}  // namespace wxb
