#include "core/plan.h"
#include "detection/boxes.h"

namespace wxb {

namespace {

using A = const Array&;

void bind_comparisons(py::module_& m) {
  m.def("box_iou", [](A a, A b, A y) {
    const Call call("box_iou");
    call.ndim("a", a, 2, "(rows, 4)");
    call.ndim("b", b, 2, "(columns, 4)");
    const int64_t rows = a.shape(0), columns = b.shape(0);
    by_float(call.name, a, [&]<class T>() {
      launch<BACKEND::box_iou<T>>(call.name, BoxIou<T>{call.in<T>("a", a, {rows, 4}), call.in<T>("b", b, {columns, 4}),
                                                       call.out<T>("y", y, {rows, columns}), rows, columns});
    });
  });
  m.def("nms", [](A boxes, A scores, const Optional& classes, A kept, double threshold) {
    const Call call("nms");
    call.ndim("scores", scores, 2, "(batch, count)");
    const int64_t batch = scores.shape(0), count = scores.shape(1);
    by_float(call.name, boxes, [&]<class T>() {
      launch<BACKEND::nms<T>>(
          call.name, Nms<T>{call.in<T>("boxes", boxes, {batch, count, 4}), call.in<T>("scores", scores, {batch, count}),
                            call.in<int64_t>("classes", classes, {batch, count}),
                            call.out<int64_t>("kept", kept, {batch, count}), batch, count, threshold});
    });
  });
}

void bind_losses(py::module_& m) {
  py::enum_<BoxLoss> loss(m, "BoxLoss", py::module_local());
#define WXB_VALUE(name) loss.value(#name, BoxLoss::name);
  WXB_BOX_LOSS(WXB_VALUE)
#undef WXB_VALUE
  m.def("box_loss_forward", [](BoxLoss op, A prediction, A target, const Optional& weight, A loss, A total) {
    const Call call("box_loss_forward");
    call.ndim("prediction", prediction, 2, "(rows, 4)");
    const int64_t rows = prediction.shape(0);
    by_float(call.name, prediction, [&]<class T>() {
      launch<BACKEND::box_loss_forward<T>>(
          call.name, BoxLosses<T>{call.in<T>("prediction", prediction, {rows, 4}),
                                  call.in<T>("target", target, {rows, 4}), call.in<T>("weight", weight, {rows}),
                                  call.out<T>("loss", loss, {}), call.out<T>("total", total, {}), rows, op});
    });
  });
  m.def("box_loss_backward",
        [](BoxLoss op, A prediction, A target, const Optional& weight, A total, A dy, A dprediction) {
          const Call call("box_loss_backward");
          call.ndim("prediction", prediction, 2, "(rows, 4)");
          const int64_t rows = prediction.shape(0);
          by_float(call.name, prediction, [&]<class T>() {
            launch<BACKEND::box_loss_backward<T>>(
                call.name, BoxLossesBackward<T>{
                               call.in<T>("prediction", prediction, {rows, 4}), call.in<T>("target", target, {rows, 4}),
                               call.in<T>("weight", weight, {rows}), call.in<T>("total", total, {}),
                               call.in<T>("dy", dy, {}), call.out<T>("dprediction", dprediction, {rows, 4}), rows, op});
          });
        });
}

void bind_targets(py::module_& m) {
  m.def("center_targets", [](A objects, A heat, A box, A weight, double stride, double spread) {
    const Call call("center_targets");
    call.ndim("objects", objects, 3, "(batch, most, 5)");
    call.ndim("heat", heat, 4, "(batch, height, width, classes)");
    const int64_t batch = objects.shape(0), most = objects.shape(1);
    const int64_t height = heat.shape(1), width = heat.shape(2), classes = heat.shape(3);
    if (!(stride > 0 && stride < 1e9)) value_error(call.name, ": stride is ", stride, ", it must be positive");
    if (!(spread >= 0 && spread < 1e9)) value_error(call.name, ": spread is ", spread, ", it must not be negative");
    by_float(call.name, objects, [&]<class T>() {
      launch<BACKEND::center_targets<T>>(
          call.name, CenterTargets<T>{call.in<T>("objects", objects, {batch, most, 5}),
                                      call.out<T>("heat", heat, {batch, height, width, classes}),
                                      call.out<T>("box", box, {batch, height, width, 4}),
                                      call.out<T>("weight", weight, {batch, height, width}), batch, most, height, width,
                                      classes, stride, spread});
    });
  });
}

}  // namespace

void bind_boxes(py::module_& m) {
  bind_comparisons(m);
  bind_losses(m);
  bind_targets(m);
}

}  // namespace wxb
