#include "core/workspace.h"
#include "softmax/softmax.h"

namespace wxb {

namespace {

using A = const Array&;

template <template <class> class Kernels>
void bind_forward(py::module_& m, const char* name) {
  m.def(
      name,
      [name](A x, A y) {
        const Call call(name);
        call.ndim("x", x, 2, "(rows, classes)");
        const int64_t rows = x.shape(0), classes = x.shape(1);
        by_float(call.name, x, [&]<class T>() {
          launch<Kernels<T>::forward>(call.name, Softmax<T>{call.in<T>("x", x, {rows, classes}),
                                                            call.out<T>("y", y, {rows, classes}), rows, classes});
        });
      },
      py::arg("x"), py::arg("y"));
}

template <template <class> class Kernels>
void bind_backward(py::module_& m, const char* name) {
  m.def(
      name,
      [name](A y, A dy, A dx) {
        const Call call(name);
        call.ndim("y", y, 2, "(rows, classes)");
        const int64_t rows = y.shape(0), classes = y.shape(1);
        by_float(call.name, y, [&]<class T>() {
          launch<Kernels<T>::backward>(
              call.name, SoftmaxBackward<T>{call.in<T>("y", y, {rows, classes}), call.in<T>("dy", dy, {rows, classes}),
                                            call.out<T>("dx", dx, {rows, classes}), rows, classes});
        });
      },
      py::arg("y"), py::arg("dy"), py::arg("dx"));
}

template <class T>
struct SoftmaxKernels {
  static constexpr auto forward = BACKEND::softmax_forward<T>;
  static constexpr auto backward = BACKEND::softmax_backward<T>;
};
template <class T>
struct LogSoftmaxKernels {
  static constexpr auto forward = BACKEND::log_softmax_forward<T>;
  static constexpr auto backward = BACKEND::log_softmax_backward<T>;
};

// Labels (rows) of int64, or the targets (rows, classes) in their place.
bool are_labels(A labels) { return labels.ndim() == 1; }

void check(const Call& call, A x, double smoothing) {
  call.ndim("x", x, 2, "(rows, classes)");
  if (x.shape(1) == 0) value_error(call.name, ": x has shape ", shape_text(x), ", there must be at least one class");
  if (!(smoothing >= 0 && smoothing <= 1))
    value_error(call.name, ": label_smoothing is ", smoothing, ", it must be from 0 to 1");
}

void bind_cross_entropy(py::module_& m) {
  m.def(
      "cross_entropy_forward",
      [](A x, A labels, const Optional& weight, A loss, A saved, double smoothing, int64_t ignored) {
        const Call call("cross_entropy_forward");
        check(call, x, smoothing);
        const int64_t rows = x.shape(0), classes = x.shape(1);
        const bool hard = are_labels(labels);
        const Workspace<double> workspace(BACKEND::cross_entropy_workspace(rows));
        by_float(call.name, x, [&]<class T>() {
          launch<BACKEND::cross_entropy_forward<T>>(
              call.name, CrossEntropy<T>{call.in<T>("x", x, {rows, classes}),
                                         hard ? In<T>{} : call.in<T>("labels", labels, {rows, classes}),
                                         call.in<T>("weight", weight, {classes}),
                                         hard ? call.in<int64_t>("labels", labels, {rows}) : In<int64_t>{},
                                         call.out<T>("loss", loss, {}), call.out<T>("saved", saved, {2 * rows + 1}),
                                         workspace.out(call), rows, classes, ignored, T(smoothing)});
        });
      },
      py::arg("x"), py::arg("labels"), py::arg("weight"), py::arg("loss"), py::arg("saved"),
      py::arg("label_smoothing") = 0.0, py::arg("ignore_index") = -100);
  m.def(
      "cross_entropy_backward",
      [](A x, A labels, const Optional& weight, A saved, A dy, A dx, double smoothing, int64_t ignored) {
        const Call call("cross_entropy_backward");
        check(call, x, smoothing);
        const int64_t rows = x.shape(0), classes = x.shape(1);
        const bool hard = are_labels(labels);
        by_float(call.name, x, [&]<class T>() {
          launch<BACKEND::cross_entropy_backward<T>>(
              call.name,
              CrossEntropyBackward<T>{call.in<T>("x", x, {rows, classes}),
                                      hard ? In<T>{} : call.in<T>("labels", labels, {rows, classes}),
                                      call.in<T>("weight", weight, {classes}),
                                      hard ? call.in<int64_t>("labels", labels, {rows}) : In<int64_t>{},
                                      call.in<T>("saved", saved, {2 * rows + 1}), call.in<T>("dy", dy, {}),
                                      call.out<T>("dx", dx, {rows, classes}), rows, classes, ignored, T(smoothing)});
        });
      },
      py::arg("x"), py::arg("labels"), py::arg("weight"), py::arg("saved"), py::arg("dy"), py::arg("dx"),
      py::arg("label_smoothing") = 0.0, py::arg("ignore_index") = -100);
}

}  // namespace

void bind_softmax(py::module_& m) {
  bind_forward<SoftmaxKernels>(m, "softmax_forward");
  bind_backward<SoftmaxKernels>(m, "softmax_backward");
  bind_forward<LogSoftmaxKernels>(m, "log_softmax_forward");
  bind_backward<LogSoftmaxKernels>(m, "log_softmax_backward");
  bind_cross_entropy(m);
}

}  // namespace wxb
