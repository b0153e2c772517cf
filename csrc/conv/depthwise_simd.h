#pragma once
#include "conv/correlate_simd.h"

// Depthwise convolution: every channel by itself, so lanes run along the channels and there is no product of matrices.
namespace wxb::WXB_TARGET {

// Weights (taps, channels): those of tap (p, q) lie at data + p * row + q * tap.
struct ChannelWeights {
  const float* data;
  int64_t row, tap;
};

// f(the tap's offset in the window, its offset in the weights)
template <class F>
WXB_INLINE void for_taps(const Field& x, const Window& w, const ChannelWeights& weights, F f) {
  for (int64_t p = 0; p < x.rows.taps; ++p)
    for (int64_t q = 0; q < x.columns.taps; ++q)
      f(p * x.rows.step * w.row + q * x.columns.step * w.pixel, p * weights.row + q * weights.tap);
}

constexpr int pixels_together = 8;  // sums enough to hide the latency of an addition; a weight is loaded once for all

// f(pixels, i, j) for a strip's pixels, eight or one at a time.
template <class F>
WXB_INLINE void for_pixels(const Strip& strip, int64_t across, F f) {
  for (int64_t n = strip.n0; n < strip.n1; ++n)
    for (int64_t i = strip.i0; i < strip.i1; ++i) {
      int64_t j = 0;
      for (; j + pixels_together <= across; j += pixels_together)
        f(std::integral_constant<int, pixels_together>(), n, i, j);
      for (; j < across; ++j) f(std::integral_constant<int, 1>(), n, i, j);
    }
}

inline void correlate_channels(const Field& x, const ChannelWeights& weights, const Outputs& y, const Strip& strip) {
  const Window w = x.rows.taps > 0 && x.columns.taps > 0 ? window(x, strip) : Window{x.data, 0, 0, 0};
  const int64_t next = x.columns.stride * w.pixel;
  for_pixels(
      strip, x.columns.outputs, [&]<int pixels>(std::integral_constant<int, pixels>, int64_t n, int64_t i, int64_t j) {
        const float* const from = w.data + (n - strip.n0) * w.image + (i - strip.i0) * x.rows.stride * w.row + j * next;
        const int64_t at = n * y.image + i * y.row + j * y.pixel;
        for_lanes(0, x.depth, [&](auto lanes, int64_t c) {
          Vec sums[pixels];
#pragma GCC unroll 8
          for (int k = 0; k < pixels; ++k) sums[k] = y.bias ? lanes.load(y.bias + c) : Vec(0.f);
          for_taps(x, w, weights, [&](int64_t offset, int64_t tap) {
            const Vec weight = lanes.load(weights.data + tap + c);
#pragma GCC unroll 8
            for (int k = 0; k < pixels; ++k) sums[k] = fma(lanes.load(from + offset + k * next + c), weight, sums[k]);
          });
#pragma GCC unroll 8
          for (int k = 0; k < pixels; ++k) lanes.store(sums[k], y.data + at + k * y.pixel + c);
        });
        if (y.finishes()) finish(y, at, pixels, x.depth);
      });
}

// Adds to sums (taps, channels) what a strip's window and dz give.
inline void add_channel_products(const Field& x, const float* dz, const Strip& strip, float* sums) {
  const Window w = window(x, strip);
  const ChannelWeights to{sums, x.columns.taps * x.depth, x.depth};
  const int64_t next = x.columns.stride * w.pixel;
  for_pixels(
      strip, x.columns.outputs, [&]<int pixels>(std::integral_constant<int, pixels>, int64_t n, int64_t i, int64_t j) {
        const float* const from = w.data + (n - strip.n0) * w.image + (i - strip.i0) * x.rows.stride * w.row + j * next;
        const float* const given = dz + ((n * x.rows.outputs + i) * x.columns.outputs + j) * x.depth;
        for_lanes(0, x.depth, [&](auto lanes, int64_t c) {
          Vec of_dz[pixels];
#pragma GCC unroll 8
          for (int k = 0; k < pixels; ++k) of_dz[k] = lanes.load(given + k * x.depth + c);
          for_taps(x, w, to, [&](int64_t offset, int64_t tap) {
            Vec sum = lanes.load(sums + tap + c);
#pragma GCC unroll 8
            for (int k = 0; k < pixels; ++k) sum = fma(of_dz[k], lanes.load(from + offset + k * next + c), sum);
            lanes.store(sum, sums + tap + c);
          });
        });
      });
}

}  // namespace wxb::WXB_TARGET
