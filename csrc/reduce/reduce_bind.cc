#include <algorithm>

#include "core/workspace.h"
#include "reduce/reduce.h"

namespace wxb {

namespace {

using A = const Array&;

struct Axes {
  int64_t outer, count, inner, outputs, elements;
};

Axes axes(const Call& call, int64_t outer, int64_t count, int64_t inner) {
  if (outer < 0 || count < 0 || inner < 0)
    value_error(call.name, ": sizes are ", text({outer, count, inner}), ", none may be negative");
  const int64_t outputs = checked_mul(outer, inner);
  return {outer, count, inner, outputs, checked_mul(outputs, count)};
}

bool is_place(Reduction op) { return op == Reduction::argmax || op == Reduction::argmin; }

void not_of_nothing(const Call& call, Reduction op, const Axes& s) {
  const bool extreme = op == Reduction::max || op == Reduction::min || is_place(op);
  if (extreme && s.count == 0 && s.outputs > 0)
    value_error(call.name, ": sizes are ", text({s.outer, s.count, s.inner}), ", nothing has no largest or smallest");
}

void bind_forward(py::module_& m) {
  m.def(
      "reduce_forward",
      [](Reduction op, A x, A y, int64_t outer, int64_t count, int64_t inner, double correction,
         const Optional& about) {
        const Call call("reduce_forward");
        const Axes s = axes(call, outer, count, inner);
        if (is_place(op)) value_error(call.name, ": argmax and argmin are argreduce's");
        if ((op == Reduction::ties) != about.has_value()) value_error(call.name, ": ties, and no other, needs `about`");
        not_of_nothing(call, op, s);
        const Workspace<double> workspace(BACKEND::reduce_workspace(outer, count, inner));
        by_float(call.name, x, [&]<class T>() {
          launch<BACKEND::reduce<T>>(call.name, Reduce<T>{call.in<T>("x", x, s.elements),
                                                          call.in<T>("about", about, s.outputs),
                                                          call.out<T>("y", y, s.outputs),
                                                          {},
                                                          workspace.out(call),
                                                          op,
                                                          outer,
                                                          count,
                                                          inner,
                                                          correction});
        });
      },
      py::arg("op"), py::arg("x"), py::arg("y"), py::arg("outer"), py::arg("count"), py::arg("inner"),
      py::arg("correction") = 0.0, py::arg("about") = py::none());
  m.def(
      "argreduce",
      [](Reduction op, A x, A y, int64_t outer, int64_t count, int64_t inner) {
        const Call call("argreduce");
        const Axes s = axes(call, outer, count, inner);
        if (!is_place(op)) value_error(call.name, ": op must be argmax or argmin");
        not_of_nothing(call, op, s);
        const Workspace<double> workspace(BACKEND::reduce_workspace(outer, count, inner));
        by_float(call.name, x, [&]<class T>() {
          launch<BACKEND::reduce<T>>(call.name, Reduce<T>{call.in<T>("x", x, s.elements),
                                                          {},
                                                          {},
                                                          call.out<int64_t>("y", y, s.outputs),
                                                          workspace.out(call),
                                                          op,
                                                          outer,
                                                          count,
                                                          inner,
                                                          0.0});
        });
      },
      py::arg("op"), py::arg("x"), py::arg("y"), py::arg("outer"), py::arg("count"), py::arg("inner"));
}

double scale(Reduction op, int64_t count, double correction) {
  if (op == Reduction::mean) return 1.0 / double(count);
  if (op == Reduction::var) return 2.0 / std::max(double(count) - correction, 0.0);
  return 1.0;
}

void bind_backward(py::module_& m) {
  m.def(
      "reduce_backward",
      [](Reduction op, const Optional& x, const Optional& y, const Optional& ties, A dy, A dx, int64_t outer,
         int64_t count, int64_t inner, double correction) {
        const Call call("reduce_backward");
        const Axes s = axes(call, outer, count, inner);
        const bool extreme = op == Reduction::max || op == Reduction::min;
        const bool reads = extreme || op == Reduction::norm || op == Reduction::var;
        if (is_place(op) || op == Reduction::ties) value_error(call.name, ": this reduction has no gradient");
        if (reads && (!x || !y)) value_error(call.name, ": this reduction's gradient needs x and y");
        if (extreme && !ties) value_error(call.name, ": the gradient of max and min needs ties");
        by_float(call.name, dy, [&]<class T>() {
          launch<BACKEND::reduce_backward<T>>(
              call.name, ReduceBackward<T>{call.in<T>("x", x, s.elements), call.in<T>("y", y, s.outputs),
                                           call.in<T>("ties", ties, s.outputs), call.in<T>("dy", dy, s.outputs),
                                           call.out<T>("dx", dx, s.elements), op, outer, count, inner,
                                           T(scale(op, count, correction))});
        });
      },
      py::arg("op"), py::arg("x"), py::arg("y"), py::arg("ties"), py::arg("dy"), py::arg("dx"), py::arg("outer"),
      py::arg("count"), py::arg("inner"), py::arg("correction") = 0.0);
}

void bind_check(py::module_& m) {
  m.def("check_finite", [](A x) {
    const Call call("check_finite");
    by_float(call.name, x, [&]<class T>() {
      launch<BACKEND::check_finite<T>>(call.name, CheckFinite<T>{call.in<T>("x", x, int64_t(x.size()))});
    });
  });
}

}  // namespace

void bind_reduce(py::module_& m) {
  py::enum_<Reduction> reduction(m, "Reduction", py::module_local());
#define WXB_VALUE(name) reduction.value(#name, Reduction::name);
  WXB_REDUCTION(WXB_VALUE)
#undef WXB_VALUE
  bind_forward(m);
  bind_backward(m);
  bind_check(m);
}

}  // namespace wxb
