#include <limits>

#include "core/plan.h"
#include "pool/pool.h"

namespace wxb {

namespace {

using A = const Array&;
using O = const Optional&;
using Pair = std::pair<int64_t, int64_t>;

// The windows of one axis; `out` is what the caller's y has and must be what the windows give.
Windows windows(const Call& call, const char* axis, int64_t in, int64_t out, int64_t kernel, int64_t stride,
                int64_t padding) {
  if (kernel < 1 || stride < 1)
    value_error(call.name, ": kernel_size is ", kernel, " and stride ", stride, " along the ", axis,
                ", both must be at least 1");
  if (padding < 0 || padding > kernel / 2)
    value_error(call.name, ": padding is ", padding, " along the ", axis, ", it must be from 0 to ", kernel / 2,
                ", half of kernel_size");
  if (in < 1) value_error(call.name, ": the ", axis, " is 0, it must be at least 1");
  const int64_t padded = checked_add(in, checked_mul(2, padding));
  if (padded < kernel)
    value_error(call.name, ": kernel_size is ", kernel, " along the ", axis, ", which has ", padded,
                " elements with its padding; use a smaller kernel");
  const int64_t wanted = (padded - kernel) / stride + 1;
  if (out != wanted) value_error(call.name, ": the result has ", out, " along the ", axis, ", it must have ", wanted);
  return {in, out, kernel, stride, padding};
}

void four_axes(const Call& call, const char* what, A a) { call.ndim(what, a, 4, "(batch, height, width, channels)"); }

void same_outer(const Call& call, A x, A y) {
  if (x.shape(0) != y.shape(0) || x.shape(3) != y.shape(3))
    value_error(call.name, ": the result has shape ", shape_text(y), ", x has ", shape_text(x),
                "; batch and channels must agree");
}

Windows2d windows_of(const Call& call, A x, A y, const Pair& kernel, const Pair& stride, const Pair& padding) {
  four_axes(call, "x", x), four_axes(call, "y", y), same_outer(call, x, y);
  return {x.shape(0), x.shape(3),
          windows(call, "height", x.shape(1), y.shape(1), kernel.first, stride.first, padding.first),
          windows(call, "width", x.shape(2), y.shape(2), kernel.second, stride.second, padding.second)};
}

Windows adaptive(const Call& call, const char* axis, int64_t in, int64_t out) {
  if (in < 1 || out < 1)
    value_error(call.name, ": the ", axis, " is ", in, " and output_size ", out, ", both must be at least 1");
  checked_mul(checked_add(in, 1), checked_add(out, 1));
  return {in, out, 0, 0, 0};
}

Windows2d adaptive_of(const Call& call, A x, A y) {
  four_axes(call, "x", x), four_axes(call, "y", y), same_outer(call, x, y);
  return {x.shape(0), x.shape(3), adaptive(call, "height", x.shape(1), y.shape(1)),
          adaptive(call, "width", x.shape(2), y.shape(2))};
}

// Is there a byte for each place of a window?
bool narrow(const Call& call, const Pair& kernel) {
  const int64_t places = checked_mul(kernel.first, kernel.second);
  if (places > std::numeric_limits<int32_t>::max())
    value_error(call.name, ": kernel_size is ", text({kernel.first, kernel.second}), ", it must have less than 2^31 ",
                "elements");
  return places <= 256;
}

template <class T>
In<T> pixels(const Call& call, const char* what, A a) {
  return call.in<T>(what, a, {a.shape(0), a.shape(1), a.shape(2), a.shape(3)});
}
template <class T>
Out<T> pixels_out(const Call& call, const char* what, A a) {
  return call.out<T>(what, a, {a.shape(0), a.shape(1), a.shape(2), a.shape(3)});
}

void max_forward(A x, A y, O index, Pair kernel, Pair stride, Pair padding) {
  const Call call("max_pool");
  const Windows2d s = windows_of(call, x, y, kernel, stride, padding);
  const bool bytes = narrow(call, kernel);
  by_float(call.name, x, [&]<class T>() {
    const int64_t size = y.size();
    launch<BACKEND::max_pool_forward<T>>(call.name,
                                         MaxPool<T>{pixels<T>(call, "x", x), pixels_out<T>(call, "y", y),
                                                    call.out<uint8_t>("index", bytes ? index : Optional{}, size),
                                                    call.out<int32_t>("index", bytes ? Optional{} : index, size), s});
  });
}

void max_backward(A dy, A index, A dx, Pair kernel, Pair stride, Pair padding) {
  const Call call("max_pool_backward");
  const Windows2d s = windows_of(call, dx, dy, kernel, stride, padding);
  const bool bytes = narrow(call, kernel);
  by_float(call.name, dy, [&]<class T>() {
    const int64_t size = dy.size();
    launch<BACKEND::max_pool_backward<T>>(
        call.name,
        MaxPoolBackward<T>{pixels<T>(call, "dy", dy), bytes ? call.in<uint8_t>("index", index, size) : In<uint8_t>{},
                           bytes ? In<int32_t>{} : call.in<int32_t>("index", index, size),
                           pixels_out<T>(call, "dx", dx), s});
  });
}

void average_forward(const Call& call, A x, A y, const Windows2d& s) {
  by_float(call.name, x, [&]<class T>() {
    launch<BACKEND::average_pool_forward<T>>(call.name,
                                             AveragePool<T>{pixels<T>(call, "x", x), pixels_out<T>(call, "y", y), s});
  });
}

void average_backward(const Call& call, A dy, A dx, const Windows2d& s) {
  by_float(call.name, dy, [&]<class T>() {
    launch<BACKEND::average_pool_backward<T>>(
        call.name, AveragePoolBackward<T>{pixels<T>(call, "dy", dy), pixels_out<T>(call, "dx", dx), s});
  });
}

}  // namespace

void bind_pool(py::module_& m) {
  m.def("max_pool_forward", max_forward, py::arg("x"), py::arg("y"), py::arg("index"), py::arg("kernel"),
        py::arg("stride"), py::arg("padding"));
  m.def("max_pool_backward", max_backward, py::arg("dy"), py::arg("index"), py::arg("dx"), py::arg("kernel"),
        py::arg("stride"), py::arg("padding"));
  m.def(
      "avg_pool_forward",
      [](A x, A y, Pair kernel, Pair stride, Pair padding) {
        const Call call("avg_pool");
        average_forward(call, x, y, windows_of(call, x, y, kernel, stride, padding));
      },
      py::arg("x"), py::arg("y"), py::arg("kernel"), py::arg("stride"), py::arg("padding"));
  m.def(
      "avg_pool_backward",
      [](A dy, A dx, Pair kernel, Pair stride, Pair padding) {
        const Call call("avg_pool_backward");
        average_backward(call, dy, dx, windows_of(call, dx, dy, kernel, stride, padding));
      },
      py::arg("dy"), py::arg("dx"), py::arg("kernel"), py::arg("stride"), py::arg("padding"));
  m.def(
      "adaptive_avg_pool_forward",
      [](A x, A y) {
        const Call call("adaptive_avg_pool");
        average_forward(call, x, y, adaptive_of(call, x, y));
      },
      py::arg("x"), py::arg("y"));
  m.def(
      "adaptive_avg_pool_backward",
      [](A dy, A dx) {
        const Call call("adaptive_avg_pool_backward");
        average_backward(call, dy, dx, adaptive_of(call, dx, dy));
      },
      py::arg("dy"), py::arg("dx"));
}

}  // namespace wxb
