#include <algorithm>

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

// Scratch of the kernel.
Optional room(A like, int64_t size) {
  return size ? Optional(Array(empty(py::make_tuple(size), like.attr("dtype"), false))) : Optional();
}

void forward(A x, A weight, O bias, A y, O saved, Unary activation, double alpha, Precision precision) {
  const Call call("linear");
  const auto [n, in, out] = sizes(call, x, weight);
  const int64_t size = BACKEND::product_room(n, out, in, 1, precision);
  const Optional parts = room(x, size);
  by_float(call.name, x, [&, n = n, in = in, out = out]<class T>() {
    launch<BACKEND::linear_forward<T>>(
        call.name, LinearForward<T>{call.in<T>("input", x, {n, in}), call.in<T>("weight", weight, {out, in}),
                                    call.in<T>("bias", bias, {out}), call.out<T>("output", y, {n, out}),
                                    call.out<T>("saved", saved, {n, out}), call.out<T>("parts", parts, {size}), n, in,
                                    out, activation, T(alpha), precision});
  });
}

void backward(A x, A weight, O saved, A dy, O dx, O dweight, O dbias, Unary activation, double alpha,
              Precision precision) {
  const Call call("linear_backward");
  const auto [n, in, out] = sizes(call, x, weight);
  if (activation != Unary::none && !saved) value_error(call.name, ": an activation needs saved, it is None");
  const int64_t size = std::max(dx ? BACKEND::product_room(n, in, out, 1, precision) : 0,
                                dweight ? BACKEND::product_room(out, in, n, 1, precision) : 0),
                of_bias = dbias ? BACKEND::column_room(n, out) : 0;
  const Optional parts = room(x, size), sums = room(x, of_bias);
  by_float(call.name, x, [&, n = n, in = in, out = out]<class T>() {
    Optional workspace;
    if (activation != Unary::none) workspace = Array(empty(py::make_tuple(n, out), x.attr("dtype"), false));
    launch<BACKEND::linear_backward<T>>(
        call.name, LinearBackward<T>{call.in<T>("input", x, {n, in}), call.in<T>("weight", weight, {out, in}),
                                     call.in<T>("saved", saved, {n, out}), call.in<T>("dy", dy, {n, out}),
                                     call.out<T>("dx", dx, {n, in}), call.out<T>("dweight", dweight, {out, in}),
                                     call.out<T>("dbias", dbias, {out}), call.out<T>("workspace", workspace, {n, out}),
                                     call.out<T>("parts", parts, {size}), call.out<T>("sums", sums, {of_bias}), n, in,
                                     out, activation, T(alpha), precision});
  });
}

// The matrices in an array, all axes but the last two together: as many as y has, or one for all of them.
int64_t matrices(const Call& call, const char* what, A x, int64_t rows, int64_t columns, int64_t batch) {
  const auto ndim = x.ndim();
  if (ndim < 2 || x.shape(ndim - 2) != rows || x.shape(ndim - 1) != columns)
    value_error(call.name, ": ", what, " has shape ", shape_text(x), ", it must end in (", rows, ", ", columns, ")");
  int64_t count = 1;
  for (py::ssize_t axis = 0; axis + 2 < ndim; ++axis) count *= x.shape(axis);
  if (count != 1 && count != batch)
    value_error(call.name, ": ", what, " has shape ", shape_text(x), ", its other axes must hold 1 or ", batch);
  return count;
}

void bind_matmul(A a, A b, A y, bool transpose_a, bool transpose_b, Precision precision) {
  const Call call("matmul");
  const auto of_y = y.ndim(), of_a = a.ndim();
  if (of_y < 2 || of_a < 2)
    value_error(call.name, ": shapes are ", shape_text(a), " and ", shape_text(y), ", they must have 2 axes or more");
  const int64_t m = y.shape(of_y - 2), n = y.shape(of_y - 1), k = a.shape(of_a - (transpose_a ? 2 : 1));
  int64_t batch = 1;
  for (py::ssize_t axis = 0; axis + 2 < of_y; ++axis) batch *= y.shape(axis);
  const int64_t many_a = transpose_a ? matrices(call, "a", a, k, m, batch) : matrices(call, "a", a, m, k, batch);
  const int64_t many_b = transpose_b ? matrices(call, "b", b, n, k, batch) : matrices(call, "b", b, k, n, batch);
  const int64_t size = BACKEND::product_room(m, n, k, batch, precision);
  const Optional parts = room(a, size);
  by_float(call.name, a, [&]<class T>() {
    launch<BACKEND::matmul<T>>(
        call.name, Matmul<T>{call.in<T>("a", a, a.size()), call.in<T>("b", b, b.size()), call.out<T>("y", y, y.size()),
                             call.out<T>("parts", parts, {size}), batch, m, n, k, many_a == 1 ? 0 : m * k,
                             many_b == 1 ? 0 : k * n, transpose_a, transpose_b, precision});
  });
}

}  // namespace

void bind_gemm(py::module_& m) {
  using namespace py::literals;
  const auto precision = "precision"_a = Precision::fp32;
  m.def("linear_forward", forward, "x"_a, "weight"_a, "bias"_a, "y"_a, "saved"_a, "activation"_a, "alpha"_a, precision);
  m.def("linear_backward", backward, "x"_a, "weight"_a, "saved"_a, "dy"_a, "dx"_a, "dweight"_a, "dbias"_a,
        "activation"_a, "alpha"_a, precision);
  m.def("matmul", bind_matmul, "a"_a, "b"_a, "y"_a, "transpose_a"_a, "transpose_b"_a, precision);
}

}  // namespace wxb
