#include "core/plan.h"
#include "epilogue/epilogue.h"
#include "random/random_bind.h"

namespace wxb {

namespace {

using A = const Array&;
using O = const Optional&;

void forward(A x, O bias, O residual, O saved, A y, Unary activation, double alpha, double p) {
  const Call call("bias_activation_dropout");
  call.ndim("x", x, 2, "(rows, features)");
  const int64_t rows = x.shape(0), features = x.shape(1);
  by_float(call.name, x, [&]<class T>() {
    launch<BACKEND::epilogue_forward<T>>(
        call.name, Epilogue<T>{call.in<T>("x", x, {rows, features}), call.in<T>("bias", bias, {features}),
                               call.in<T>("residual", residual, {rows, features}),
                               call.in<uint64_t>("saved", saved, {2}), call.out<T>("y", y, {rows, features}), rows,
                               features, activation, T(alpha), threshold(call, p), kept_scale<T>(p)});
  });
}

void backward(A x, O bias, O saved, A dy, O dx, O dbias, Unary activation, double alpha, double p) {
  const Call call("bias_activation_dropout_backward");
  call.ndim("x", x, 2, "(rows, features)");
  const int64_t rows = x.shape(0), features = x.shape(1), tasks = BACKEND::epilogue_tasks(rows, features);
  by_float(call.name, x, [&]<class T>() {
    Optional workspace;
    if (tasks > 1 && dbias) workspace = Array(empty(py::make_tuple(tasks, features), x.attr("dtype"), false));
    launch<BACKEND::epilogue_backward<T>>(
        call.name, EpilogueBackward<T>{call.in<T>("x", x, {rows, features}), call.in<T>("bias", bias, {features}),
                                       call.in<T>("dy", dy, {rows, features}), call.in<uint64_t>("saved", saved, {2}),
                                       call.out<T>("dx", dx, {rows, features}), call.out<T>("dbias", dbias, {features}),
                                       call.out<T>("workspace", workspace, {tasks, features}), rows, features,
                                       activation, T(alpha), threshold(call, p), kept_scale<T>(p)});
  });
}

}  // namespace

void bind_epilogue(py::module_& m) {
  m.def("bias_activation_dropout_forward", forward);
  m.def("bias_activation_dropout_backward", backward);
}

}  // namespace wxb
