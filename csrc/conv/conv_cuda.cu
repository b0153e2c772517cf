#include <numeric>

#include "conv/direct.cuh"
#include "conv/window.cuh"
#include "gemm/derivative.cuh"
#include "gemm/mma.cuh"
#include "gemm/product.cuh"
#include "gemm/simt.cuh"

namespace wxb::cuda {

namespace {

int64_t pixels(const ConvShape& s) { return s.n * s.oh * s.ow; }
int64_t channels(const ConvShape& s) { return s.c / s.groups; }
int64_t outputs(const ConvShape& s) { return s.out / s.groups; }
int64_t weights(const ConvShape& s) { return s.out * s.kh * s.kw * channels(s); }

// Is it a product of pixels by channels and the weights?
bool is_pointwise(const ConvShape& s) {
  return s.kh == 1 && s.kw == 1 && s.groups == 1 && s.stride_h == 1 && s.stride_w == 1 && s.top == 0 && s.left == 0 &&
         s.oh == s.h && s.ow == s.w;
}

// Would a product's tile of 64 columns be almost empty?
bool is_direct(const ConvShape& s) { return s.groups > 1 && std::min(channels(s), outputs(s)) < 8; }

// Places are counted in 32 bits: pixels, taps, and how far beyond an image a tap may reach.
bool fits(const ConvShape& s) {
  constexpr int64_t most = 1 << 29;
  const auto axis = [](int64_t out, int64_t taps, int64_t stride, int64_t dilation) {
    return std::max({(out - 1) * stride, (taps - 1) * dilation, stride, dilation}) < most;
  };
  return std::max({s.n * s.h * s.w, pixels(s), s.kh * s.kw * s.c, s.kh * s.kw * s.out, s.top, s.left}) < most &&
         axis(s.oh, s.kh, s.stride_h, s.dilation_h) && axis(s.ow, s.kw, s.stride_w, s.dilation_w);
}

bool refused(const ConvShape& s, Context& context) {
  if (fits(s)) return false;
  context.report(Code::launch_failed, cudaErrorInvalidValue);
  return true;
}

Geometry geometry_of(const ConvShape& s) {
  const auto axis = [](int64_t in, int64_t out, int64_t taps, int64_t stride, int64_t dilation, int64_t before) {
    return Axis{int(in), int(out), int(taps), int(stride), int(dilation), int(before), int(std::gcd(stride, dilation))};
  };
  return {axis(s.h, s.oh, s.kh, s.stride_h, s.dilation_h, s.top),
          axis(s.w, s.ow, s.kw, s.stride_w, s.dilation_w, s.left), int(s.n), int(s.groups)};
}

template <class T>
constexpr bool may_round = std::is_same_v<T, float>;

bool is_aligned(const void* p) { return reinterpret_cast<uintptr_t>(p) % 16 == 0; }

// In float32 or float64 as they are.
template <class T, class A, class B, class R>
void launch_exact(Context& context, const A& a, const B& b, const R& result, const Raster& raster) {
  if constexpr (may_round<T>)
    if (ceil_div(result.rows, Large<1>::m) * ceil_div(result.columns, Large<1>::n) * raster.copies >= processors)
      return launch_tiles<Large<1>>(context, a, b, result, raster);
  launch_tiles<Small<T>>(context, a, b, result, raster);
}

template <class A, class B, class R>
void launch_rounded(Context& context, Precision precision, const A& a, const B& b, const R& result,
                    const Raster& raster) {
  if (precision == Precision::bf16)
    launch_tiles<TensorCores<Precision::bf16, 1>>(context, a, b, result, raster);
  else
    launch_tiles<TensorCores<Precision::tf32, 1>>(context, a, b, result, raster);
}

// May channels be copied four at a time?
template <class T>
bool rounds(Precision precision, int64_t of_group, const T* x) {
  return may_round<T> && precision != Precision::fp32 && of_group % 4 == 0 && is_aligned(x);
}

template <class T>
void correlate(const ConvForward<T>& a, Context& context) {
  const ConvShape& s = a.shape;
  const Geometry geometry = geometry_of(s);
  const int64_t taps = s.kh * s.kw * channels(s);
  const Result<T> result{
      a.y.data,     a.bias.data, a.saved.data, nullptr, pixels(s), outputs(s), {s.out, outputs(s), outputs(s)},
      a.activation, a.alpha};
  const Raster raster{0, 0, s.groups, 1, std::max<int64_t>(taps, 1)};
  const auto window = [&]<int pack>() {
    return Window<T, false, pack>{
        a.x.data, geometry, int(s.h), int(s.w), int(channels(s)), s.c, SmallDivisor(channels(s))};
  };
  const auto weight = [&]<int pack>() {
    return Strided<T, pack>{a.weight.data, outputs(s), taps, taps, 1, outputs(s) * taps};
  };
  if constexpr (may_round<T>)
    if (rounds(a.precision, channels(s), a.x.data) && is_aligned(a.weight.data))
      return launch_rounded(context, a.precision, window.template operator()<4>(), weight.template operator()<4>(),
                            result, raster);
  launch_exact<T>(context, window.template operator()<1>(), weight.template operator()<1>(), result, raster);
}

// The transposed one, which is also dx.
template <class T>
void spread(const ConvForward<T>& a, Context& context) {
  const ConvShape& s = a.shape;
  const Geometry geometry = geometry_of(s);
  const int64_t classes = int64_t{geometry.y.classes()} * geometry.x.classes();
  const int64_t rows = s.n * ceil_div(s.h, s.stride_h) * ceil_div(s.w, s.stride_w);  // of the largest class
  const Result<T, Pixels> result{a.y.data,
                                 a.bias.data,
                                 a.saved.data,
                                 nullptr,
                                 rows,
                                 channels(s),
                                 {geometry, int(s.h), int(s.w), int(channels(s)), s.c},
                                 a.activation,
                                 a.alpha};
  const Raster raster{0, 0, classes * s.groups, 1, std::max<int64_t>(s.kh * s.kw * outputs(s), 1)};
  const Taps<T> weight{a.weight.data,           geometry,        int(s.kw),
                       int(channels(s)),        int(outputs(s)), s.kh * s.kw * channels(s),
                       SmallDivisor(outputs(s))};
  const auto window = [&]<int pack>() {
    return Window<T, true, pack>{
        a.x.data, geometry, int(s.oh), int(s.ow), int(outputs(s)), s.out, SmallDivisor(outputs(s))};
  };
  if constexpr (may_round<T>)
    if (rounds(a.precision, outputs(s), a.x.data))
      return launch_rounded(context, a.precision, window.template operator()<4>(), weight, result, raster);
  launch_exact<T>(context, window.template operator()<1>(), weight, result, raster);
}

// The parts of dweight's sums over pixels, 1 if they are not cut.
int64_t weight_parts(const ConvShape& s) {
  if (is_pointwise(s)) return product_parts(s.out, s.c, pixels(s), 1);
  if (!is_direct(s)) return product_parts(outputs(s), s.kh * s.kw * channels(s), pixels(s), s.groups);
  const int64_t blocks = std::max<int64_t>(1, ceil_div(weights(s), block_threads));
  return std::max<int64_t>(1, std::min(4 * processors / blocks, pixels(s) / 64));
}

template <class T>
void weight_gradient(const ConvBackward<T>& a, const T* x, const T* dz, Context& context) {
  const ConvShape& s = a.shape;
  if (a.dweight.size == 0) return;
  const int64_t parts = weight_parts(s), each = ceil_div(ceil_div(pixels(s), parts), 16) * 16;
  T* const sums = parts > 1 ? a.parts.data : nullptr;
  if (is_direct(s)) {
    const DirectWeights<T> body{x, dz, sums ? sums : a.dweight.data, s, each, weights(s)};
    launch_each(context, parts * weights(s), body);
  } else {
    const int64_t columns = s.kh * s.kw * channels(s);
    const Result<T> result{a.dweight.data, nullptr, nullptr, sums, outputs(s), columns, {columns, outputs(s) * columns},
                           Unary::none,    T(0)};
    const Strided<T> left{dz, outputs(s), pixels(s), 1, s.out, outputs(s)};
    const Patches<T> right{x,   geometry_of(s),     int(s.h),          int(s.w), int(channels(s)),
                           s.c, SmallDivisor(s.ow), SmallDivisor(s.oh)};
    const Raster raster{0, 0, s.groups, parts, each};
    if (may_round<T> && a.precision != Precision::fp32) {
      if constexpr (may_round<T>) launch_rounded(context, a.precision, left, right, result, raster);
    } else {
      launch_exact<T>(context, left, right, result, raster);
    }
  }
  if (sums) launch_each(context, weights(s), AddRows<T>{sums, a.dweight.data, parts, weights(s)});
}

template <class T>
struct Clear {
  T* out;
  __device__ void operator()(int64_t i) const { out[i] = T(0); }
};
template <class T>
void clear(const Out<T>& out, Context& context) {
  if (out) launch_each(context, out.size, Clear<T>{out.data});
}

// dz, which is dy without an activation, and dbias.
template <class T>
In<T> dz_of(const ConvBackward<T>& a, int64_t columns, Context& context) {
  derivative(Derivative<T>{a.dy.data, a.saved.data, a.dz.data, a.dbias.data, a.sums.data, a.dy.size / columns, columns,
                           a.activation, a.alpha},
             context);
  return a.dz ? In<T>{a.dz.data, a.dz.size} : a.dy;
}

template <class T>
ConvForward<T> of_gradient(const ConvBackward<T>& a, const In<T>& dz) {
  return {dz, a.weight, {}, a.dx, {}, {}, a.shape, Unary::none, T(0), a.precision};
}

}  // namespace

int64_t conv_parts(const ConvShape& s) {
  const int64_t parts = weight_parts(s);
  return parts > 1 ? parts : 0;
}
int64_t conv_sums(const ConvShape& s, bool transposed) {
  const int64_t parts = transposed ? column_parts(s.n * s.h * s.w, s.c) : column_parts(pixels(s), s.out);
  return parts > 1 ? parts : 0;
}

// A GPU has no Winograd: tensor cores leave it little to save, and for exact float32 it is not written.
int64_t conv_transformed(const ConvShape&, Algorithm, bool) { return 0; }
bool conv_winograd(const ConvShape&, Algorithm) { return false; }

template <class T>
void conv_forward(const ConvForward<T>& a, Context& context) {
  const ConvShape& s = a.shape;
  if (a.y.size == 0 || refused(s, context)) return;
  if (is_pointwise(s))
    product(Product<T>{pixels(s), s.out, s.c, a.x.data, s.c, 1, a.weight.data, 1, s.c, a.y.data, nullptr, a.bias.data,
                       a.saved.data, a.activation, a.alpha, a.precision},
            context);
  else if (is_direct(s))
    launch_each(context, a.y.size, Direct<T, false>{a});
  else
    correlate(a, context);
}

template <class T>
void conv_transpose_forward(const ConvForward<T>& a, Context& context) {
  const ConvShape& s = a.shape;
  if (a.y.size == 0 || refused(s, context)) return;
  if (is_pointwise(s))
    product(Product<T>{pixels(s), s.c, s.out, a.x.data, s.out, 1, a.weight.data, s.c, 1, a.y.data, nullptr, a.bias.data,
                       a.saved.data, a.activation, a.alpha, a.precision},
            context);
  else if (is_direct(s))
    launch_each(context, a.y.size, Direct<T, true>{a});
  else
    spread(a, context);
}

template <class T>
void conv_backward(const ConvBackward<T>& a, Context& context) {
  if (a.dy.size == 0) return clear(a.dx, context), clear(a.dweight, context), clear(a.dbias, context);
  if (refused(a.shape, context)) return;
  const In<T> dz = dz_of(a, a.shape.out, context);
  if (a.dx) conv_transpose_forward(of_gradient(a, dz), context);
  if (a.dweight) weight_gradient(a, a.x.data, dz.data, context);
}

template <class T>
void conv_transpose_backward(const ConvBackward<T>& a, Context& context) {
  if (a.dy.size == 0) return clear(a.dx, context), clear(a.dweight, context), clear(a.dbias, context);
  if (refused(a.shape, context)) return;
  const In<T> dz = dz_of(a, a.shape.c, context);
  if (a.dx) conv_forward(of_gradient(a, dz), context);
  if (a.dweight) weight_gradient(a, dz.data, a.x.data, context);
}

#define WXB_FLOAT(T)                                                     \
  template void conv_forward(const ConvForward<T>&, Context&);           \
  template void conv_backward(const ConvBackward<T>&, Context&);         \
  template void conv_transpose_forward(const ConvForward<T>&, Context&); \
  template void conv_transpose_backward(const ConvBackward<T>&, Context&);
WXB_FLOAT(float)
WXB_FLOAT(double)

}  // namespace wxb::cuda
