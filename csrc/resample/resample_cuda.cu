#include "core/divisor.cuh"
#include "core/elements.cuh"
#include "resample/resample.h"

namespace wxb::cuda {

namespace {

// y = (1 - t) low + t high, where both taps are one pixel: that pixel, infinite or not.
template <class T, int n>
__device__ void mix(Pack<T, n>& low, const Pack<T, n>& high, T t) {
#pragma unroll
  for (int k = 0; k < n; ++k) low.v[k] = fma(t, high.v[k], (T(1) - t) * low.v[k]);
}

template <class T>
struct ForwardBody {
  static constexpr int pack = 16 / int(sizeof(T));
  Resample<T> a;
  Divisor channels, width, height;

  template <int n>
  __device__ void run(int64_t element) const {
    const int64_t pixel = channels.quotient(element), row = width.quotient(pixel), image = height.quotient(row);
    const Taps<T> v = taps<T>(a.h, a.mode, row - image * a.h.out), u = taps<T>(a.w, a.mode, pixel - row * a.w.out);
    const T* const x = a.x.data + image * a.h.in * a.w.in * a.channels + (element - pixel * a.channels);
    auto y = along<n>(x + v.low * a.w.in * a.channels, u);
    if (a.mode == Resampling::bilinear) mix(y, along<n>(x + v.high * a.w.in * a.channels, u), v.weight);
    store(a.y.data + element, y);
  }

  template <int n>
  __device__ Pack<T, n> along(const T* row, const Taps<T>& u) const {
    auto y = load<n>(row + u.low * a.channels);
    if (a.mode == Resampling::bilinear) mix(y, load<n>(row + u.high * a.channels), u.weight);
    return y;
  }
};

// The weight with which input i goes to output o; may be 0.
template <class T>
__device__ T weight_of(const Grid& g, Resampling mode, int64_t i, int64_t o) {
  const Taps<T> t = taps<T>(g, mode, o);
  return (t.low == i ? T(1) - t.weight : T(0)) + (t.high == i ? t.weight : T(0));
}

template <class T>
struct BackwardBody {
  static constexpr int pack = 16 / int(sizeof(T));
  ResampleBackward<T> a;
  Divisor channels, width, height;

  template <int n>
  __device__ void run(int64_t element) const {
    const int64_t pixel = channels.quotient(element), row = width.quotient(pixel), image = height.quotient(row);
    const int64_t i = row - image * a.h.in, j = pixel - row * a.w.in;
    const Reach down = reach(a.h, a.mode, i), across = reach(a.w, a.mode, j);
    const T* const dy = a.dy.data + image * a.h.out * a.w.out * a.channels + (element - pixel * a.channels);
    Pack<T, n> dx{};
    for (int64_t oh = down.first; oh < down.last; ++oh) {
      const T weight = weight_of<T>(a.h, a.mode, i, oh);
      for (int64_t ow = across.first; ow < across.last; ++ow)
        add(dx, load<n>(dy + (oh * a.w.out + ow) * a.channels), weight * weight_of<T>(a.w, a.mode, j, ow));
    }
    store(a.dx.data + element, dx);
  }

  template <int n>
  __device__ static void add(Pack<T, n>& dx, const Pack<T, n>& dy, T weight) {
    if (weight == T(0)) return;
#pragma unroll
    for (int k = 0; k < n; ++k) dx.v[k] = fma(weight, dy.v[k], dx.v[k]);
  }
};

}  // namespace

template <class T>
void resample_forward(const Resample<T>& a, Context& context) {
  const ForwardBody<T> body{a, Divisor(a.channels), Divisor(a.w.out), Divisor(a.h.out)};
  launch_elements(context, body, a.y.size, a.channels, a.x, a.y);
}

template <class T>
void resample_backward(const ResampleBackward<T>& a, Context& context) {
  const BackwardBody<T> body{a, Divisor(a.channels), Divisor(a.w.in), Divisor(a.h.in)};
  launch_elements(context, body, a.dx.size, a.channels, a.dy, a.dx);
}

template void resample_forward(const Resample<float>&, Context&);
template void resample_forward(const Resample<double>&, Context&);
template void resample_backward(const ResampleBackward<float>&, Context&);
template void resample_backward(const ResampleBackward<double>&, Context&);

}  // namespace wxb::cuda
