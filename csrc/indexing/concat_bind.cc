#include "indexing/concat.h"

#include <vector>

#include "core/plan.h"
#include "indexing/view_bind.h"

namespace wxb {

namespace {

using A = const Array&;

// The parts along an axis must have the shape of the whole but for the axis.
void part_shape(const Call& call, A whole, A part, int64_t axis, size_t i) {
  bool fits = part.ndim() == whole.ndim();
  for (int64_t k = 0; fits && k < whole.ndim(); ++k) fits = k == axis || part.shape(k) == whole.shape(k);
  if (!fits)
    value_error(call.name, ": array ", i, " has shape ", shape_text(part), ", the whole has ", shape_text(whole),
                "; all axes but ", axis, " must be equal");
}

int64_t rows_before(A a, int64_t axis) {
  int64_t rows = 1;
  for (int64_t k = 0; k < axis; ++k) rows *= a.shape(k);
  return rows;
}

// Launches a copy of each part (none where it is absent) to or from its place in the whole.
void copy_parts(const Call& call, A whole, const std::vector<Optional>& parts, const std::vector<int64_t>& sizes,
                int64_t axis, bool join) {
  const int64_t stride = stride_of(whole, axis), step = whole.shape(axis) * stride;
  const int64_t rows = rows_before(whole, axis);
  int64_t at = 0;
  for (size_t i = 0; i < parts.size(); at += sizes[i++] * stride) {
    if (!parts[i]) continue;
    const Array& part = *parts[i];
    const int64_t width = sizes[i] * stride;
    by_word(call, whole, [&]<class T, class W>() {
      if (join)
        launch<BACKEND::copy_block<W>>(
            call.name, CopyBlock<W>{words<W>(call.in<T>("x", part, part.size())),
                                    words<W>(call.out<T>("y", whole, whole.size())), rows, width, width, step, 0, at});
      else
        launch<BACKEND::copy_block<W>>(
            call.name, CopyBlock<W>{words<W>(call.in<T>("x", whole, whole.size())),
                                    words<W>(call.out<T>("y", part, part.size())), rows, width, step, width, at, 0});
    });
  }
}

void sizes_sum(const Call& call, A whole, const std::vector<int64_t>& sizes, int64_t axis) {
  int64_t sum = 0;
  for (const int64_t size : sizes) {
    if (size < 0) value_error(call.name, ": a size is ", size, ", it must not be negative");
    sum = checked_add(sum, size);
  }
  if (sum != whole.shape(axis))
    value_error(call.name, ": the parts have ", sum, " elements along axis ", axis, ", the whole has ",
                whole.shape(axis));
}

}  // namespace

void bind_concat(py::module_& m) {
  m.def("concat", [](const std::vector<Array>& arrays, A y, int64_t axis) {
    const Call call("concat");
    axis = axis_of(call, "y", y, axis);
    std::vector<int64_t> sizes;
    for (size_t i = 0; i < arrays.size(); ++i) {
      part_shape(call, y, arrays[i], axis, i);
      sizes.push_back(arrays[i].shape(axis));
    }
    sizes_sum(call, y, sizes, axis);
    copy_parts(call, y, {arrays.begin(), arrays.end()}, sizes, axis, true);
  });
  // The reverse; None for a part that is not wanted, which is why the sizes are given.
  m.def("split", [](A x, const std::vector<Optional>& arrays, const std::vector<int64_t>& sizes, int64_t axis) {
    const Call call("split");
    axis = axis_of(call, "x", x, axis);
    if (arrays.size() != sizes.size())
      value_error(call.name, ": ", arrays.size(), " arrays and ", sizes.size(), " sizes are given");
    sizes_sum(call, x, sizes, axis);
    for (size_t i = 0; i < arrays.size(); ++i) {
      if (!arrays[i]) continue;
      part_shape(call, x, *arrays[i], axis, i);
      if (arrays[i]->shape(axis) != sizes[i])
        value_error(call.name, ": array ", i, " has shape ", shape_text(*arrays[i]), ", its axis ", axis, " must be ",
                    sizes[i]);
    }
    copy_parts(call, x, arrays, sizes, axis, false);
  });
}

}  // namespace wxb
