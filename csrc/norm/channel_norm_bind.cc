#include <algorithm>
#include <cmath>

#include "core/plan.h"
#include "norm/channel_norm.h"

namespace wxb {

namespace {

using A = const Array&;
using O = const Optional&;

Parts parts_of(const Call& call, A x, int64_t groups) {
  call.ndim("x", x, 3, "(parts, rows, channels)");
  const int64_t channels = x.shape(2);
  if (groups < 1 || channels % groups != 0)
    value_error(call.name, ": groups is ", groups, ", it must be at least 1 and divide the ", channels, " channels");
  return {x.shape(0), x.shape(1), channels, groups};
}

Parts one_part(const Call& call, A x) {
  call.ndim("x", x, 3, "(1, rows, channels)");
  if (x.shape(0) != 1) value_error(call.name, ": x has shape ", shape_text(x), ", it must be (1, rows, channels)");
  return {1, x.shape(1), x.shape(2), std::max<int64_t>(1, x.shape(2))};
}

Array workspace_of(const Parts& s) {
  const int64_t rows = checked_mul(s.parts, checked_add(BACKEND::channel_norm_tasks(s), 1));
  return Array(empty(py::make_tuple(rows, 2, s.channels), py::dtype::of<double>(), false));
}

// The binding of batch_norm's running statistics: absent, or all of one shape.
struct Running {
  O mean, var, batches;
  std::optional<double> momentum;
  bool training;
};

void check_running(const Call& call, const Parts& s, const Running& r) {
  if (bool(r.mean) != bool(r.var)) value_error(call.name, ": running_mean and running_var come together");
  if (!r.training && !r.mean) value_error(call.name, ": without training it needs running_mean and running_var");
  if (r.momentum && !(*r.momentum >= 0 && *r.momentum <= 1))
    value_error(call.name, ": momentum is ", *r.momentum, ", it must be from 0 to 1, or None for the mean so far");
  if (r.mean && !r.momentum && !r.batches) value_error(call.name, ": momentum is None, that needs num_batches_tracked");
  if (r.training && s.rows < 2 && s.channels)
    value_error(call.name, ": x has ", s.rows, s.rows ? " value" : " values",
                " for each channel, training needs at least 2; take more samples, or call eval()");
}

void forward(const Call& call, A x, O weight, O bias, const Running& r, A y, A saved, const Parts& s, double eps,
             Unary activation, double alpha) {
  if (!(eps >= 0) || !std::isfinite(eps))
    value_error(call.name, ": eps is ", eps, ", it must be finite and not negative");
  const int64_t n = s.channels;
  by_float(call.name, x, [&]<class T>() {
    const auto running = [&](const char* what, O a) { return a ? call.inout<T>(what, *a, {n}) : InOut<T>{}; };
    const auto batches = r.batches ? call.inout<int64_t>("num_batches_tracked", *r.batches, Shape{}) : InOut<int64_t>{};
    const Array workspace = workspace_of(s);
    launch<BACKEND::channel_norm_forward<T>>(
        call.name, ChannelNorm<T>{call.in<T>("x", x, {s.parts, s.rows, n}), call.in<T>("weight", weight, {n}),
                                  call.in<T>("bias", bias, {n}), running("running_mean", r.mean),
                                  running("running_var", r.var), batches, call.out<T>("y", y, {s.parts, s.rows, n}),
                                  call.out<T>("saved", saved, {saved_kinds, s.parts, n}),
                                  call.out<double>("workspace", workspace, workspace.size()), s, r.momentum.value_or(0),
                                  eps, r.training, !r.momentum, activation, T(alpha)});
  });
}

void backward(const Call& call, A x, O weight, A saved, A dy, O dx, O dweight, O dbias, const Parts& s, bool training,
              Unary activation, double alpha) {
  by_float(call.name, x, [&]<class T>() {
    const int64_t n = s.channels;
    const Array workspace = workspace_of(s);
    const Array means(empty(py::make_tuple(2, s.parts, n), x.attr("dtype"), false));
    launch<BACKEND::channel_norm_backward<T>>(
        call.name,
        ChannelNormBackward<T>{
            call.in<T>("x", x, {s.parts, s.rows, n}), call.in<T>("weight", weight, {n}),
            call.in<T>("saved", saved, {saved_kinds, s.parts, n}), call.in<T>("dy", dy, {s.parts, s.rows, n}),
            call.out<T>("dx", dx, {s.parts, s.rows, n}), call.out<T>("dweight", dweight, {n}),
            call.out<T>("dbias", dbias, {n}), call.out<T>("means", means, {2, s.parts, n}),
            call.out<double>("workspace", workspace, workspace.size()), s, training, activation, T(alpha)});
  });
}

}  // namespace

void bind_channel_norm(py::module_& m) {
  m.def(
      "batch_norm_forward",
      [](A x, O weight, O bias, O running_mean, O running_var, O batches, A y, A saved, std::optional<double> momentum,
         double eps, bool training, Unary activation, double alpha) {
        const Call call("batch_norm");
        const Parts s = one_part(call, x);
        const Running running{running_mean, running_var, batches, momentum, training};
        check_running(call, s, running);
        forward(call, x, weight, bias, running, y, saved, s, eps, activation, alpha);
      },
      py::arg("x"), py::arg("weight"), py::arg("bias"), py::arg("running_mean"), py::arg("running_var"),
      py::arg("num_batches_tracked"), py::arg("y"), py::arg("saved"), py::arg("momentum"), py::arg("eps"),
      py::arg("training"), py::arg("activation"), py::arg("alpha"));
  m.def(
      "batch_norm_backward",
      [](A x, O weight, A saved, A dy, O dx, O dweight, O dbias, bool training, Unary activation, double alpha) {
        const Call call("batch_norm_backward");
        backward(call, x, weight, saved, dy, dx, dweight, dbias, one_part(call, x), training, activation, alpha);
      },
      py::arg("x"), py::arg("weight"), py::arg("saved"), py::arg("dy"), py::arg("dx"), py::arg("dweight"),
      py::arg("dbias"), py::arg("training"), py::arg("activation"), py::arg("alpha"));
  m.def(
      "group_norm_forward",
      [](A x, O weight, O bias, A y, A saved, int64_t groups, double eps) {
        const Call call("group_norm");
        const Optional none;
        forward(call, x, weight, bias, {none, none, none, 0, true}, y, saved, parts_of(call, x, groups), eps,
                Unary::none, 0);
      },
      py::arg("x"), py::arg("weight"), py::arg("bias"), py::arg("y"), py::arg("saved"), py::arg("groups"),
      py::arg("eps"));
  m.def(
      "group_norm_backward",
      [](A x, O weight, A saved, A dy, O dx, O dweight, O dbias, int64_t groups) {
        const Call call("group_norm_backward");
        backward(call, x, weight, saved, dy, dx, dweight, dbias, parts_of(call, x, groups), true, Unary::none, 0);
      },
      py::arg("x"), py::arg("weight"), py::arg("saved"), py::arg("dy"), py::arg("dx"), py::arg("dweight"),
      py::arg("dbias"), py::arg("groups"));
}

}  // namespace wxb
