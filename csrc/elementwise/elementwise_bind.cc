#include "core/broadcast_bind.h"
#include "core/plan.h"
#include "elementwise/elementwise.h"

namespace wxb {

namespace {

using A = const Array&;

void bind_unary(py::module_& m) {
  m.def("unary_forward", [](Unary op, A x, A y, double alpha, double beta) {
    const Call call("unary_forward");
    by_float(call.name, x, [&]<class T>() {
      launch<BACKEND::unary_forward<T>>(
          call.name,
          UnaryForward<T>{call.in<T>("x", x, y.size()), call.out<T>("y", y, y.size()), op, T(alpha), T(beta)});
    });
  });
  m.def("unary_backward", [](Unary op, const Optional& saved, A dy, A dx, double alpha, double beta) {
    const Call call("unary_backward");
    if (!saved && op != Unary::negative)
      value_error(call.name, ": saved is None, the derivative needs what the forward read or wrote");
    by_float(call.name, dy, [&]<class T>() {
      launch<BACKEND::unary_backward<T>>(
          call.name, UnaryBackward<T>{call.in<T>("saved", saved, dx.size()), call.in<T>("dy", dy, dx.size()),
                                      call.out<T>("dx", dx, dx.size()), op, T(alpha), T(beta)});
    });
  });
}

void bind_binary(py::module_& m) {
  m.def("binary_forward", [](Binary op, A a, A b, A y) {
    const Call call("binary_forward");
    const auto dims = broadcast<2>(call, y, {&a, &b});
    by_float(call.name, a, [&]<class T>() {
      launch<BACKEND::binary_forward<T>>(call.name,
                                         BinaryForward<T>{call.in<T>("a", a, a.size()), call.in<T>("b", b, b.size()),
                                                          call.out<T>("y", y, y.size()), op, dims});
    });
  });
  m.def("binary_backward", [](Binary op, A a, A b, A dy, const Optional& da, const Optional& db) {
    const Call call("binary_backward");
    const auto dims = broadcast<2>(call, dy, {&a, &b});
    by_float(call.name, a, [&]<class T>() {
      launch<BACKEND::binary_backward<T>>(
          call.name,
          BinaryBackward<T>{call.in<T>("a", a, a.size()), call.in<T>("b", b, b.size()), call.in<T>("dy", dy, dy.size()),
                            call.out<T>("da", da, dy.size()), call.out<T>("db", db, dy.size()), op, dims});
    });
  });
}

void bind_choice(py::module_& m) {
  m.def("compare", [](Comparison op, A a, A b, A y) {
    const Call call("compare");
    const auto dims = broadcast<2>(call, y, {&a, &b});
    by_dtype(call.name, a, [&]<class T>() {
      launch<BACKEND::compare<T>>(call.name, Compare<T>{call.in<T>("a", a, a.size()), call.in<T>("b", b, b.size()),
                                                        call.out<bool>("y", y, y.size()), op, dims});
    });
  });
  m.def("where", [](A condition, A a, A b, A y) {
    const Call call("where");
    const auto dims = broadcast<3>(call, y, {&condition, &a, &b});
    by_dtype(call.name, a, [&]<class T>() {
      launch<BACKEND::where<T>>(
          call.name, Where<T>{call.in<bool>("condition", condition, condition.size()), call.in<T>("a", a, a.size()),
                              call.in<T>("b", b, b.size()), call.out<T>("y", y, y.size()), dims});
    });
  });
}

void bind_copies(py::module_& m) {
  m.def("fill", [](A y, double value) {
    const Call call("fill");
    by_dtype(call.name, y,
             [&]<class T>() { launch<BACKEND::fill<T>>(call.name, Fill<T>{call.out<T>("y", y, y.size()), T(value)}); });
  });
  m.def("cast", [](A x, A y) {  // of any dtype to any, so also a plain copy
    const Call call("cast");
    by_dtype(call.name, x, [&]<class From>() {
      by_dtype(call.name, y, [&]<class To>() {
        launch<BACKEND::cast<From, To>>(
            call.name, Cast<From, To>{call.in<From>("x", x, y.size()), call.out<To>("y", y, y.size())});
      });
    });
  });
}

}  // namespace

void bind_elementwise(py::module_& m) {
  py::enum_<Unary> unary(m, "Unary", py::module_local());
  py::enum_<Binary> binary(m, "Binary", py::module_local());
  py::enum_<Comparison> comparison(m, "Comparison", py::module_local());
  unary.value("none", Unary::none);
#define WXB_VALUE(name, _) unary.value(#name, Unary::name);
  WXB_UNARY(WXB_VALUE)
#undef WXB_VALUE
#define WXB_VALUE(name, _) binary.value(#name, Binary::name);
  WXB_BINARY(WXB_VALUE)
#undef WXB_VALUE
#define WXB_VALUE(name, _) comparison.value(#name, Comparison::name);
  WXB_COMPARISON(WXB_VALUE)
#undef WXB_VALUE
  bind_unary(m);
  bind_binary(m);
  bind_choice(m);
  bind_copies(m);
}

}  // namespace wxb
