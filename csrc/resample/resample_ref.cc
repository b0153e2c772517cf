#include "resample/resample_table.h"

namespace wxb::ref {

namespace {

template <class T>
double mixed(const Taps<T>& t, double low, double high) {
  return (1 - double(t.weight)) * low + double(t.weight) * high;
}

template <class T>
void forward(const Resample<T>& a, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    const Taps<T> v = taps<T>(a.h, a.mode, row % a.h.out);
    const int64_t image = row / a.h.out * a.h.in;
    for (int64_t ow = 0; ow < a.w.out; ++ow) {
      const Taps<T> u = taps<T>(a.w, a.mode, ow);
      for (int64_t c = 0; c < a.channels; ++c) {
        const auto x = [&](int64_t i, int64_t j) {
          return double(a.x.data[((image + i) * a.w.in + j) * a.channels + c]);
        };
        const auto along = [&](int64_t i) {
          return a.mode == Resampling::nearest ? x(i, u.low) : mixed(u, x(i, u.low), x(i, u.high));
        };
        const double y = a.mode == Resampling::nearest ? along(v.low) : mixed(v, along(v.low), along(v.high));
        a.y.data[(row * a.w.out + ow) * a.channels + c] = T(y);
      }
    }
  }
}

template <class T>
void backward(const ResampleBackward<T>& a, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) {
    T* const dx = a.dx.data + row * a.w.in * a.channels;
    for (int64_t k = 0; k < a.w.in * a.channels; ++k) dx[k] = 0;
    for_rows_from<T>(a.h, a.mode, row % a.h.in, [&](int64_t oh, T weight) {
      const T* dy = a.dy.data + (row / a.h.in * a.h.out + oh) * a.w.out * a.channels;
      for (int64_t ow = 0; ow < a.w.out; ++ow, dy += a.channels) {
        const Taps<T> u = taps<T>(a.w, a.mode, ow);
        for (int64_t c = 0; c < a.channels; ++c) dx[u.low * a.channels + c] += weight * (T(1) - u.weight) * dy[c];
        for (int64_t c = 0; u.weight != T(0) && c < a.channels; ++c)
          dx[u.high * a.channels + c] += weight * u.weight * dy[c];
      }
    });
  }
}

}  // namespace

extern const ResampleTable<float> resample_float;
extern const ResampleTable<double> resample_double;
const ResampleTable<float> resample_float{forward, backward};
const ResampleTable<double> resample_double{forward, backward};

}  // namespace wxb::ref
