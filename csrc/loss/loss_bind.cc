#include "core/workspace.h"
#include "loss/loss.h"

namespace wxb {

namespace {

using A = const Array&;

void bind_errors(py::module_& m) {
  m.def(
      "loss_forward",
      [](Loss op, A prediction, A target, A loss, double delta) {
        const Call call("loss_forward");
        const int64_t n = prediction.size();
        const Workspace<double> workspace(BACKEND::loss_workspace(n));
        by_float(call.name, prediction, [&]<class T>() {
          launch<BACKEND::loss_forward<T>>(
              call.name, ErrorLoss<T>{call.in<T>("prediction", prediction, n), call.in<T>("target", target, n),
                                      call.out<T>("loss", loss, {}), workspace.out(call), op, T(delta)});
        });
      },
      py::arg("op"), py::arg("prediction"), py::arg("target"), py::arg("loss"), py::arg("delta") = 1.0);
  m.def(
      "loss_backward",
      [](Loss op, A prediction, A target, A dy, const Optional& dprediction, const Optional& dtarget, double delta) {
        const Call call("loss_backward");
        const int64_t n = prediction.size();
        by_float(call.name, prediction, [&]<class T>() {
          launch<BACKEND::loss_backward<T>>(
              call.name, ErrorLossBackward<T>{call.in<T>("prediction", prediction, n), call.in<T>("target", target, n),
                                              call.in<T>("dy", dy, {}), call.out<T>("dprediction", dprediction, n),
                                              call.out<T>("dtarget", dtarget, n), op, T(delta)});
        });
      },
      py::arg("op"), py::arg("prediction"), py::arg("target"), py::arg("dy"), py::arg("dprediction"),
      py::arg("dtarget"), py::arg("delta") = 1.0);
}

// The length of a row of x, as the weights see it: their size, unless that is 1 or all of x.
int64_t row_of(const Call& call, A x, std::initializer_list<std::pair<const char*, const Optional&>> weights) {
  const int64_t n = x.size();
  int64_t row = n;
  for (const auto& [what, w] : weights) {
    if (!w || w->size() == 1 || w->size() == n) continue;
    const int64_t size = w->size();
    if (size == 0 || n % size != 0 || (row != n && row != size))
      value_error(call.name, ": ", what, " has shape ", shape_text(*w), ", it must have 1, ", n,
                  " or as many elements as the last axis of ", shape_text(x));
    row = size;
  }
  return row;
}

template <class T>
In<T> any_size(const Call& call, const char* what, const Optional& w) {
  return w ? call.in<T>(what, *w, w->size()) : In<T>{};
}

void bind_bce(py::module_& m) {
  m.def(
      "bce_with_logits_forward",
      [](A x, A target, const Optional& weight, const Optional& pos_weight, A loss) {
        const Call call("bce_with_logits_forward");
        const int64_t n = x.size(), row = row_of(call, x, {{"weight", weight}, {"pos_weight", pos_weight}});
        const Workspace<double> workspace(BACKEND::loss_workspace(n));
        by_float(call.name, x, [&]<class T>() {
          launch<BACKEND::bce_with_logits_forward<T>>(
              call.name,
              BinaryCrossEntropy<T>{call.in<T>("x", x, n), call.in<T>("target", target, n),
                                    any_size<T>(call, "weight", weight), any_size<T>(call, "pos_weight", pos_weight),
                                    call.out<T>("loss", loss, {}), workspace.out(call), row});
        });
      },
      py::arg("x"), py::arg("target"), py::arg("weight"), py::arg("pos_weight"), py::arg("loss"));
  m.def(
      "bce_with_logits_backward",
      [](A x, A target, const Optional& weight, const Optional& pos_weight, A dy, A dx) {
        const Call call("bce_with_logits_backward");
        const int64_t n = x.size(), row = row_of(call, x, {{"weight", weight}, {"pos_weight", pos_weight}});
        by_float(call.name, x, [&]<class T>() {
          launch<BACKEND::bce_with_logits_backward<T>>(
              call.name, BinaryCrossEntropyBackward<T>{call.in<T>("x", x, n), call.in<T>("target", target, n),
                                                       any_size<T>(call, "weight", weight),
                                                       any_size<T>(call, "pos_weight", pos_weight),
                                                       call.in<T>("dy", dy, {}), call.out<T>("dx", dx, n), row});
        });
      },
      py::arg("x"), py::arg("target"), py::arg("weight"), py::arg("pos_weight"), py::arg("dy"), py::arg("dx"));
}

void check(const Call& call, const char* what, A x) {
  call.ndim(what, x, 2, "(rows, classes)");
  if (x.shape(1) == 0)
    value_error(call.name, ": ", what, " has shape ", shape_text(x), ", there must be at least one class");
}

void bind_nll(py::module_& m) {
  m.def(
      "nll_forward",
      [](A x, A labels, const Optional& weight, A loss, A total, int64_t ignored) {
        const Call call("nll_forward");
        check(call, "x", x);
        const int64_t rows = x.shape(0), classes = x.shape(1);
        const Workspace<double> workspace(BACKEND::loss_workspace(rows));
        by_float(call.name, x, [&]<class T>() {
          launch<BACKEND::nll_forward<T>>(
              call.name,
              NegativeLogLikelihood<T>{call.in<T>("x", x, {rows, classes}), call.in<T>("weight", weight, {classes}),
                                       call.in<int64_t>("labels", labels, {rows}), call.out<T>("loss", loss, {}),
                                       call.out<T>("total", total, {}), workspace.out(call), rows, classes, ignored});
        });
      },
      py::arg("x"), py::arg("labels"), py::arg("weight"), py::arg("loss"), py::arg("total"),
      py::arg("ignore_index") = -100);
  m.def(
      "nll_backward",
      [](A labels, const Optional& weight, A total, A dy, A dx, int64_t ignored) {
        const Call call("nll_backward");
        check(call, "dx", dx);
        const int64_t rows = dx.shape(0), classes = dx.shape(1);
        by_float(call.name, dx, [&]<class T>() {
          launch<BACKEND::nll_backward<T>>(
              call.name, NegativeLogLikelihoodBackward<T>{
                             call.in<T>("weight", weight, {classes}), call.in<int64_t>("labels", labels, {rows}),
                             call.in<T>("total", total, {}), call.in<T>("dy", dy, {}),
                             call.out<T>("dx", dx, {rows, classes}), rows, classes, ignored});
        });
      },
      py::arg("labels"), py::arg("weight"), py::arg("total"), py::arg("dy"), py::arg("dx"),
      py::arg("ignore_index") = -100);
}

}  // namespace

void bind_loss(py::module_& m) {
  py::enum_<Loss> loss(m, "Loss", py::module_local());
#define WXB_VALUE(name, _) loss.value(#name, Loss::name);
  WXB_LOSS(WXB_VALUE)
#undef WXB_VALUE
  bind_errors(m);
  bind_bce(m);
  bind_nll(m);
}

}  // namespace wxb
