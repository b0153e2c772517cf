#include <cmath>

#include "core/plan.h"
#include "norm/norm.h"

namespace wxb {

namespace {

using A = const Array&;
using O = const Optional&;

void forward(const Call& call, A x, O weight, O bias, A y, O centre, A rstd, double eps) {
  call.ndim("x", x, 2, "(rows, features)");
  if (!(eps >= 0) || !std::isfinite(eps))
    value_error(call.name, ": eps is ", eps, ", it must be finite and not negative");
  const int64_t rows = x.shape(0), features = x.shape(1);
  by_float(call.name, x, [&]<class T>() {
    launch<BACKEND::norm_forward<T>>(
        call.name,
        Norm<T>{call.in<T>("x", x, {rows, features}), call.in<T>("weight", weight, {features}),
                call.in<T>("bias", bias, {features}), call.out<T>("y", y, {rows, features}),
                call.out<T>("centre", centre, {rows}), call.out<T>("rstd", rstd, {rows}), rows, features, T(eps)});
  });
}

void backward(const Call& call, A x, O weight, O centre, A rstd, A dy, O dx, O dweight, O dbias) {
  call.ndim("x", x, 2, "(rows, features)");
  const int64_t rows = x.shape(0), features = x.shape(1), tasks = BACKEND::norm_tasks(rows, features);
  by_float(call.name, x, [&]<class T>() {
    Optional workspace;
    if (tasks > 1 && (dweight || dbias))
      workspace = Array(empty(py::make_tuple(2, tasks, features), x.attr("dtype"), false));
    launch<BACKEND::norm_backward<T>>(
        call.name, NormBackward<T>{call.in<T>("x", x, {rows, features}), call.in<T>("weight", weight, {features}),
                                   call.in<T>("centre", centre, {rows}), call.in<T>("rstd", rstd, {rows}),
                                   call.in<T>("dy", dy, {rows, features}), call.out<T>("dx", dx, {rows, features}),
                                   call.out<T>("dweight", dweight, {features}), call.out<T>("dbias", dbias, {features}),
                                   call.out<T>("workspace", workspace, {2, tasks, features}), rows, features});
  });
}

}  // namespace

void bind_norm(py::module_& m) {
  m.def("layer_norm_forward", [](A x, O weight, O bias, A y, A centre, A rstd, double eps) {
    forward(Call("layer_norm"), x, weight, bias, y, centre, rstd, eps);
  });
  m.def("layer_norm_backward", [](A x, O weight, A centre, A rstd, A dy, O dx, O dweight, O dbias) {
    backward(Call("layer_norm_backward"), x, weight, centre, rstd, dy, dx, dweight, dbias);
  });
  m.def("rms_norm_forward",
        [](A x, O weight, A y, A rstd, double eps) { forward(Call("rms_norm"), x, weight, {}, y, {}, rstd, eps); });
  m.def("rms_norm_backward", [](A x, O weight, A rstd, A dy, O dx, O dweight) {
    backward(Call("rms_norm_backward"), x, weight, {}, rstd, dy, dx, dweight, {});
  });
}

}  // namespace wxb
