#include "core/workspace.h"
#include "detection/focal.h"

namespace wxb {

void bind_focal(py::module_& m) {
  using A = const Array&;
  py::enum_<Focal> focal(m, "Focal", py::module_local());
#define WXB_VALUE(name, _) focal.value(#name, Focal::name);
  WXB_FOCAL(WXB_VALUE)
#undef WXB_VALUE
  m.def("focal_loss_forward", [](Focal op, A x, A target, A loss, A total, double gamma, double shape) {
    const Call call("focal_loss_forward");
    const int64_t n = x.size();
    const Workspace<double> workspace(BACKEND::focal_workspace(n));
    by_float(call.name, x, [&]<class T>() {
      launch<BACKEND::focal_loss_forward<T>>(
          call.name, FocalLoss<T>{call.in<T>("x", x, n), call.in<T>("target", target, n), call.out<T>("loss", loss, {}),
                                  call.out<T>("total", total, {}), workspace.out(call), op, T(gamma), T(shape)});
    });
  });
  m.def("focal_loss_backward", [](Focal op, A x, A target, A total, A dy, A dx, double gamma, double shape) {
    const Call call("focal_loss_backward");
    const int64_t n = x.size();
    by_float(call.name, x, [&]<class T>() {
      launch<BACKEND::focal_loss_backward<T>>(
          call.name,
          FocalLossBackward<T>{call.in<T>("x", x, n), call.in<T>("target", target, n), call.in<T>("total", total, {}),
                               call.in<T>("dy", dy, {}), call.out<T>("dx", dx, n), op, T(gamma), T(shape)});
    });
  });
}

}  // namespace wxb
