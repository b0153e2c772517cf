#include "indexing/pad.h"

#include <cmath>
#include <limits>
#include <vector>

#include "core/plan.h"

namespace wxb {

namespace {

using A = const Array&;

void check_axis(const Call& call, int64_t axis, int64_t size, int64_t before, int64_t after, Padding mode) {
  if (before < 0 || after < 0)
    value_error(call.name, ": axis ", axis, " gets ", before, " elements before and ", after,
                " after, neither may be negative");
  const int64_t most = std::max(before, after);
  if (mode == Padding::reflect && most > 0 && most >= size)
    value_error(call.name, ": axis ", axis, " has ", size, " elements, reflect can pad at most ",
                std::max<int64_t>(size - 1, 0), ", not ", most);
  if (mode == Padding::edge && most > 0 && !size)
    value_error(call.name, ": axis ", axis, " is empty, it has no edge to repeat");
}

// Axes that are not padded join the one before them if that is not padded either; those at the end are the unit.
PadDims pad_dims(const Call& call, A x, A y, const std::vector<int64_t>& before, Padding mode) {
  if (y.ndim() != x.ndim() || int64_t(before.size()) != x.ndim())
    value_error(call.name, ": shapes ", shape_text(x), " and ", shape_text(y), " and ", before.size(),
                " paddings are given; all must be of one length");
  PadDims d{1, {1}, {1}, {0}, 1, mode};
  for (int64_t k = 0; k < x.ndim(); ++k) {
    const int64_t size = x.shape(k), padded = y.shape(k), first = before[size_t(k)];
    int64_t after;
    if (__builtin_sub_overflow(padded - size, first, &after)) after = -1;
    check_axis(call, k, size, first, after, mode);
    const int last = d.ndim - 1;
    if (padded == size && d.padded[last] == d.size[last]) {
      d.size[last] *= size, d.padded[last] *= size;
      continue;
    }
    if (d.ndim == d.most) value_error(call.name, ": more than ", d.most, " axes are padded; reshape to fewer");
    d.size[d.ndim] = size, d.padded[d.ndim] = padded, d.before[d.ndim] = first, ++d.ndim;
  }
  if (d.ndim > 1 && d.padded[d.ndim - 1] == d.size[d.ndim - 1]) d.unit = d.size[--d.ndim];
  return d;
}

}  // namespace

void bind_pad(py::module_& m) {
  py::enum_<Padding>(m, "Padding", py::module_local())
      .value("constant", Padding::constant)
      .value("reflect", Padding::reflect)
      .value("edge", Padding::edge);
  m.def("pad_forward", [](A x, A y, const std::vector<int64_t>& before, Padding mode, double value) {
    const Call call("pad_forward");
    const PadDims dims = pad_dims(call, x, y, before, mode);
    by_dtype(call.name, x, [&]<class T>() {
      if (std::is_integral_v<T> && !(value >= double(std::numeric_limits<T>::lowest()) &&
                                     value < double(std::numeric_limits<T>::max()) + 1 && value == std::floor(value)))
        value_error(call.name, ": value is ", value, ", it must be one that ", dtype_name<T>(), " has");
      launch<BACKEND::pad_forward<T>>(
          call.name, PadForward<T>{call.in<T>("x", x, x.size()), call.out<T>("y", y, y.size()), dims, T(value)});
    });
  });
  m.def("pad_backward", [](A dy, A dx, const std::vector<int64_t>& before, Padding mode) {
    const Call call("pad_backward");
    const PadDims dims = pad_dims(call, dx, dy, before, mode);
    by_float(call.name, dy, [&]<class T>() {
      launch<BACKEND::pad_backward<T>>(
          call.name, PadBackward<T>{call.in<T>("dy", dy, dy.size()), call.out<T>("dx", dx, dx.size()), dims});
    });
  });
}

}  // namespace wxb
