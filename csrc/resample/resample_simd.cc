#include "core/simd_sum.h"
#include "resample/resample_table.h"

namespace wxb::WXB_TARGET {

namespace {

WXB_INLINE Vec mixed(Vec low, Vec high, Vec weight) { return fma(low, Vec(1.f) - weight, high * weight); }

void nearest(const Resample<float>& a, int64_t row) {
  const int64_t n = a.channels, source = row / a.h.out * a.h.in + taps<float>(a.h, a.mode, row % a.h.out).low;
  const float* const x = a.x.data + source * a.w.in * n;
  float* y = a.y.data + row * a.w.out * n;
  for (int64_t ow = 0; ow < a.w.out; ++ow, y += n) {
    const float* const from = x + taps<float>(a.w, a.mode, ow).low * n;
    for_lanes(0, n, [&](auto lanes, int64_t c) { lanes.store(lanes.load(from + c), y + c); });
  }
}

void bilinear(const Resample<float>& a, int64_t row) {
  const int64_t n = a.channels, image = row / a.h.out * a.h.in;
  const Taps<float> v = taps<float>(a.h, a.mode, row % a.h.out);
  const float *const top = a.x.data + (image + v.low) * a.w.in * n, *const bottom = top + (v.high - v.low) * a.w.in * n;
  const Vec down(v.weight);
  float* y = a.y.data + row * a.w.out * n;
  for (int64_t ow = 0; ow < a.w.out; ++ow, y += n) {
    const Taps<float> u = taps<float>(a.w, a.mode, ow);
    const int64_t low = u.low * n, high = u.high * n;
    const Vec right(u.weight);
    for_lanes(0, n, [&](auto lanes, int64_t c) {
      const Vec above = mixed(lanes.load(top + low + c), lanes.load(top + high + c), right);
      const Vec below = mixed(lanes.load(bottom + low + c), lanes.load(bottom + high + c), right);
      lanes.store(mixed(above, below, down), y + c);
    });
  }
}

void forward(const Resample<float>& a, int64_t begin, int64_t end) {
  for (int64_t row = begin; row < end; ++row) a.mode == Resampling::nearest ? nearest(a, row) : bilinear(a, row);
}

// sums += weight dy
WXB_INLINE void add(const float* dy, float weight, int64_t n, float* sums) {
  const Vec w(weight);
  for_lanes(0, n,
            [&](auto lanes, int64_t c) { lanes.store(fma(lanes.load(dy + c), w, lanes.load(sums + c)), sums + c); });
}

// A row is gathered from the rows it went to, and within them each pixel is handed back to those it came from.
void backward(const ResampleBackward<float>& a, int64_t begin, int64_t end) {
  const int64_t n = a.channels;
  for (int64_t row = begin; row < end; ++row) {
    float* const dx = a.dx.data + row * a.w.in * n;
    for_lanes(0, a.w.in * n, [&](auto lanes, int64_t k) { lanes.store(Vec(0.f), dx + k); });
    for_rows_from<float>(a.h, a.mode, row % a.h.in, [&](int64_t oh, float weight) {
      const float* dy = a.dy.data + (row / a.h.in * a.h.out + oh) * a.w.out * n;
      for (int64_t ow = 0; ow < a.w.out; ++ow, dy += n) {
        const Taps<float> u = taps<float>(a.w, a.mode, ow);
        add(dy, weight * (1.f - u.weight), n, dx + u.low * n);
        if (u.weight != 0.f) add(dy, weight * u.weight, n, dx + u.high * n);
      }
    });
  }
}

}  // namespace

extern const ResampleTable<float> resample_float;
const ResampleTable<float> resample_float{forward, backward};

}  // namespace wxb::WXB_TARGET
