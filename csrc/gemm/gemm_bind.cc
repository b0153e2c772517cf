#include "core/plan.h"
#include "gemm/gemm.h"

namespace wxb {

namespace {

using A = const Array&;
using O = const Optional&;

struct Sizes {
  int64_t n, in, out;
};

Sizes sizes(const Call& call, A x, A weight) {
  call.ndim("input", x, 2, "(n, in)");
  call.ndim("weight", weight, 2, "(out, in)");
  if (x.shape(1) != weight.shape(1))
    value_error(call.name, ": input has shape ", shape_text(x), ", its last axis must be ", weight.shape(1));
  return {x.shape(0), x.shape(1), weight.shape(0)};
}

void forward(A x, A weight, O bias, A y, O saved, Unary activation, double alpha) {
  const Call call("linear");
  const auto [n, in, out] = sizes(call, x, weight);
  by_float(call.name, x, [&, n = n, in = in, out = out]<class T>() {
    launch<BACKEND::linear_forward<T>>(
        call.name, LinearForward<T>{call.in<T>("input", x, {n, in}), call.in<T>("weight", weight, {out, in}),
                                    call.in<T>("bias", bias, {out}), call.out<T>("output", y, {n, out}),
                                    call.out<T>("saved", saved, {n, out}), n, in, out, activation, T(alpha)});
  });
}

void backward(A x, A weight, O saved, A dy, O dx, O dweight, O dbias, Unary activation, double alpha) {
  const Call call("linear_backward");
  const auto [n, in, out] = sizes(call, x, weight);
  if (activation != Unary::none && !saved) value_error(call.name, ": an activation needs saved, it is None");
  by_float(call.name, x, [&, n = n, in = in, out = out]<class T>() {
    Optional workspace;
    if (activation != Unary::none) workspace = Array(empty(py::make_tuple(n, out), x.attr("dtype"), false));
    launch<BACKEND::linear_backward<T>>(
        call.name, LinearBackward<T>{call.in<T>("input", x, {n, in}), call.in<T>("weight", weight, {out, in}),
                                     call.in<T>("saved", saved, {n, out}), call.in<T>("dy", dy, {n, out}),
                                     call.out<T>("dx", dx, {n, in}), call.out<T>("dweight", dweight, {out, in}),
                                     call.out<T>("dbias", dbias, {out}), call.out<T>("workspace", workspace, {n, out}),
                                     n, in, out, activation, T(alpha)});
  });
}

void bind_matmul(A a, A b, A y, bool transpose_a, bool transpose_b) {
  const Call call("matmul");
  call.ndim("a", a, 3, "(batch, m, k)");
  call.ndim("b", b, 3, "(batch, k, n)");
  call.ndim("y", y, 3, "(batch, m, n)");
  const int64_t batch = y.shape(0), m = y.shape(1), n = y.shape(2), k = a.shape(transpose_a ? 1 : 2);
  const int64_t of_a = a.shape(0) == 1 ? 1 : batch, of_b = b.shape(0) == 1 ? 1 : batch;
  by_float(call.name, a, [&]<class T>() {
    launch<BACKEND::matmul<T>>(
        call.name, Matmul<T>{transpose_a ? call.in<T>("a", a, {of_a, k, m}) : call.in<T>("a", a, {of_a, m, k}),
                             transpose_b ? call.in<T>("b", b, {of_b, n, k}) : call.in<T>("b", b, {of_b, k, n}),
                             call.out<T>("y", y, {batch, m, n}), batch, m, n, k, of_a == 1 ? 0 : m * k,
                             of_b == 1 ? 0 : k * n, transpose_a, transpose_b});
  });
}

}  // namespace

void bind_gemm(py::module_& m) {
  m.def("linear_forward", forward);
  m.def("linear_backward", backward);
  m.def("matmul", bind_matmul);
}

}  // namespace wxb
