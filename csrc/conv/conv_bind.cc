#include "conv/conv.h"
#include "core/plan.h"

namespace wxb {

namespace {

using A = const Array&;
using O = const Optional&;
using Pair = std::pair<int64_t, int64_t>;

void within(const Call& call, const char* what, const Pair& given, int64_t least) {
  constexpr int64_t most = 1 << 30;  // products of two such numbers are no problem
  for (int64_t value : {given.first, given.second})
    if (value < least || value > most)
      value_error(call.name, ": ", what, " is (", given.first, ", ", given.second, "), it must be from ", least, " to ",
                  most);
}

// Of a convolution from x to y.
ConvShape shape_of(const Call& call, A x, A weight, A y, Pair stride, Pair before, Pair dilation, int64_t groups) {
  for (const auto& [what, image] : {std::pair<const char*, A>("x", x), {"y", y}})
    call.ndim(what, image, 4, "(n, height, width, channels)");
  call.ndim("weight", weight, 4, "(out, kh, kw, channels / groups)");
  within(call, "stride", stride, 1);
  within(call, "padding", before, 0);
  within(call, "dilation", dilation, 1);
  within(call, "kernel", {weight.shape(1), weight.shape(2)}, 0);
  within(call, "output", {y.shape(1), y.shape(2)}, 0);
  const int64_t c = x.shape(3), out = weight.shape(0);
  if (groups < 1 || c % groups || out % groups)
    value_error(call.name, ": groups is ", groups, ", it must divide ", c, " and ", out, " channels");
  if (y.shape(3) != out)
    value_error(call.name, ": weight is for ", out, " outputs, the image that has them has ", y.shape(3), " channels");
  return {x.shape(0),      x.shape(1),      x.shape(2),   c,
          y.shape(1),      y.shape(2),      out,          weight.shape(1),
          weight.shape(2), groups,          stride.first, stride.second,
          dilation.first,  dilation.second, before.first, before.second};
}

// Scratch of the kernel.
template <class... Sizes>
Optional room(A like, bool wanted, Sizes... sizes) {
  return wanted ? Optional(Array(empty(py::make_tuple(sizes...), like.attr("dtype"), false))) : Optional();
}

// What is given may be had by Winograd's algorithm only if it is computed by vectors.
Algorithm algorithm_for(const Call& call, const ConvShape& s, A x, Algorithm wanted) {
  const bool possible = is_winograd(s) && has_dtype<float>(x);
  if (wanted == Algorithm::winograd && !possible)
    value_error(call.name,
                ": algorithm is 'winograd', which is for float32, square kernels of 2 or 3 times the stride, ",
                "dilation 1 and 1 group, not for ", dtype_text(x), ", a ", s.kh, " x ", s.kw, " kernel, stride (",
                s.stride_h, ", ", s.stride_w, "), dilation (", s.dilation_h, ", ", s.dilation_w, "), groups ", s.groups,
                "; use 'auto', which takes it where it is faster");
  return possible ? wanted : Algorithm::direct;
}

// An image laid out as `like`, of n.
template <class T>
Out<T> image(const Call& call, const char* what, O a, A like, int64_t n) {
  return call.out<T>(what, a, {n, like.shape(1), like.shape(2), like.shape(3)});
}

template <bool transposed>
ConvShape shape_for(const Call& call, A x, A weight, A y, Pair stride, Pair before, Pair dilation, int64_t groups) {
  return transposed ? shape_of(call, y, weight, x, stride, before, dilation, groups)
                    : shape_of(call, x, weight, y, stride, before, dilation, groups);
}

template <bool transposed>
void forward(A x, A weight, O bias, A y, O saved, Pair stride, Pair before, Pair dilation, int64_t groups,
             Unary activation, double alpha, Algorithm algorithm, Precision precision) {
  const Call call(transposed ? "conv_transpose2d" : "conv2d");
  const ConvShape s = shape_for<transposed>(call, x, weight, y, stride, before, dilation, groups);
  const int64_t size = BACKEND::conv_transformed(s, algorithm_for(call, s, x, algorithm), transposed);
  by_float(call.name, x, [&]<class T>() {
    const Optional transformed = room(x, size > 0, size);
    constexpr auto kernel = transposed ? BACKEND::conv_transpose_forward<T> : BACKEND::conv_forward<T>;
    launch<kernel>(call.name,
                   ConvForward<T>{call.in<T>("x", x, {s.n, x.shape(1), x.shape(2), x.shape(3)}),
                                  call.in<T>("weight", weight, {s.out, s.kh, s.kw, s.c / s.groups}),
                                  call.in<T>("bias", bias, {y.shape(3)}), image<T>(call, "y", y, y, s.n),
                                  image<T>(call, "saved", saved, y, s.n),
                                  call.out<T>("transformed", transformed, {size}), s, activation, T(alpha), precision});
  });
}

template <bool transposed>
void backward(A x, A weight, O saved, A dy, O dx, O dweight, O dbias, Pair stride, Pair before, Pair dilation,
              int64_t groups, Unary activation, double alpha, Algorithm algorithm, Precision precision) {
  const Call call(transposed ? "conv_transpose2d_backward" : "conv2d_backward");
  const ConvShape s = shape_for<transposed>(call, x, weight, dy, stride, before, dilation, groups);
  const Algorithm possible = algorithm_for(call, s, x, algorithm);
  const bool active = activation != Unary::none;
  if (active && !saved) value_error(call.name, ": an activation needs saved, it is None");
  const int64_t channels = dy.shape(3), parts = dweight ? BACKEND::conv_parts(s) : 0,
                sums = dbias ? BACKEND::conv_sums(s, transposed) : 0, weights = s.kh * s.kw * (s.c / s.groups) * s.out,
                size = dx ? BACKEND::conv_transformed(s, possible, !transposed) : 0;
  const bool winograd = BACKEND::conv_winograd(s, possible);
  by_float(call.name, x, [&]<class T>() {
    const Optional dz = room(x, active, s.n, dy.shape(1), dy.shape(2), channels),
                   of_weights = room(x, parts > 0, parts, weights), of_bias = room(x, sums > 0, sums, channels),
                   transformed = room(x, size > 0, size);
    constexpr auto kernel = transposed ? BACKEND::conv_transpose_backward<T> : BACKEND::conv_backward<T>;
    launch<kernel>(
        call.name,
        ConvBackward<T>{
            call.in<T>("x", x, {s.n, x.shape(1), x.shape(2), x.shape(3)}),
            call.in<T>("weight", weight, {s.out, s.kh, s.kw, s.c / s.groups}),
            call.in<T>("saved", saved, {s.n, dy.shape(1), dy.shape(2), channels}),
            call.in<T>("dy", dy, {s.n, dy.shape(1), dy.shape(2), channels}), image<T>(call, "dx", dx, x, s.n),
            call.out<T>("dweight", dweight, {s.out, s.kh, s.kw, s.c / s.groups}),
            call.out<T>("dbias", dbias, {channels}), image<T>(call, "dz", dz, dy, s.n),
            call.out<T>("parts", of_weights, {parts, weights}), call.out<T>("sums", of_bias, {sums, channels}),
            call.out<T>("transformed", transformed, {size}), winograd, s, activation, T(alpha), precision});
  });
}

}  // namespace

void bind_conv(py::module_& m) {
  py::enum_<Algorithm>(m, "Algorithm", py::module_local())
      .value("auto", Algorithm::auto_)
      .value("direct", Algorithm::direct)
      .value("winograd", Algorithm::winograd);
  using namespace py::literals;
  const auto precision = "precision"_a = Precision::fp32;
  const auto def_forward = [&](const char* name, auto function) {
    m.def(name, function, "x"_a, "weight"_a, "bias"_a, "y"_a, "saved"_a, "stride"_a, "padding"_a, "dilation"_a,
          "groups"_a, "activation"_a, "alpha"_a, "algorithm"_a, precision);
  };
  const auto def_backward = [&](const char* name, auto function) {
    m.def(name, function, "x"_a, "weight"_a, "saved"_a, "dy"_a, "dx"_a, "dweight"_a, "dbias"_a, "stride"_a, "padding"_a,
          "dilation"_a, "groups"_a, "activation"_a, "alpha"_a, "algorithm"_a, precision);
  };
  def_forward("conv2d_forward", forward<false>);
  def_backward("conv2d_backward", backward<false>);
  def_forward("conv_transpose2d_forward", forward<true>);
  def_backward("conv_transpose2d_backward", backward<true>);
}

}  // namespace wxb
