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

// ---- 3 x 3 taps, stride 1, no dilation: most of what there is. A window of 3 x 3 pixels moves along a row in
// registers:
// ---- a pixel is loaded three times, not nine, and from where it lies.

// The three rows that row i of the outputs meets; those outside of the image are `zeros`, a pixel that stands still.
struct ThreeRows {
  const float* from[3];
  int64_t step[3], columns, before;
  ThreeRows(const Field& x, int64_t n, int64_t i, const float* zeros)
      : columns(x.columns.source), before(x.columns.before) {
    for (int64_t p = 0; p < 3; ++p) {
      const int64_t row = i + p - x.rows.before;
      const bool inside = row >= 0 && row < x.rows.source;
      from[p] = inside ? x.data + (n * x.rows.source + row) * columns * x.channels : zeros;
      step[p] = inside ? x.channels : 0;
    }
  }
};

// Pixels of a channel lie as far apart as no hardware looks ahead; the next row of them is called for while this one is
// at hand (twice as fast where images do not fit the caches).
WXB_INLINE void prefetch(const float* pixel) { __builtin_prefetch(pixel); }

// f(window, j) for the outputs of a row; of the window's rows `high`, from `first` on.
template <int high, class Lanes, class F>
WXB_INLINE void slide(const ThreeRows& rows, int64_t first, int64_t outputs, Lanes lanes, int64_t c, F f) {
  Vec seen[high][3];
#pragma GCC unroll 3
  for (int p = 0; p < high; ++p) seen[p][1] = seen[p][2] = Vec(0.f);
  for (int64_t j = -2; j < outputs; ++j) {
    const int64_t column = j + 2 - rows.before;
    const bool inside = column >= 0 && column < rows.columns;
#pragma GCC unroll 3
    for (int p = 0; p < high; ++p) {
      seen[p][0] = seen[p][1], seen[p][1] = seen[p][2];
      seen[p][2] = inside ? lanes.load(rows.from[first + p] + column * rows.step[first + p] + c) : Vec(0.f);
    }
    if (j >= 0) f(seen, j);
  }
}

// Rows [begin, end) of all images' outputs.
inline void slide_channels(const Field& x, const ChannelWeights& weights, const Outputs& y, const float* zeros,
                           int64_t begin, int64_t end) {
  const int64_t channels = x.channels, outputs = x.columns.outputs, columns = x.columns.source;
  for (int64_t r = begin; r < end; ++r) {
    const int64_t n = r / x.rows.outputs, i = r % x.rows.outputs, at = n * y.image + i * y.row;
    const ThreeRows rows(x, n, i, zeros);
    for_lanes(0, channels, [&](auto lanes, int64_t c) {
      Vec w[9];
#pragma GCC unroll 9
      for (int t = 0; t < 9; ++t) w[t] = lanes.load(weights.data + t / 3 * weights.row + t % 3 * weights.tap + c);
      const Vec bias = y.bias ? lanes.load(y.bias + c) : Vec(0.f);
      slide<3>(rows, 0, outputs, lanes, c, [&](const Vec(&seen)[3][3], int64_t j) {
        Vec sum = bias;
        prefetch(rows.from[2] + (columns + j) * channels + c);
#pragma GCC unroll 9
        for (int t = 0; t < 9; ++t) sum = fma(seen[t / 3][t % 3], w[t], sum);
        lanes.store(sum, y.data + at + j * y.pixel + c);
      });
    });
    if (y.finishes()) finish(y, at, outputs, channels);
  }
}

// Rows of taps that are met at once on the way back: weights, sums and the window fill 27 registers, of which AVX2 has
// 16.
constexpr int taps_back = WXB_VECTOR_BYTES == 32 ? 1 : 3;

// The backward pass of outputs as large as the input, in one: what dx gathers from around a pixel of dz is what dweight
// multiplies with that pixel of x. Rows [begin, end) of all images; weights and what is added to dweight (taps,
// channels), to dbias (channels). dx and dbias may be absent.
inline void slide_back(const Field& dz, const float* weights, const float* x, float* dx, float* dweight, float* dbias,
                       const float* zeros, int64_t begin, int64_t end) {
  constexpr int high = taps_back;
  const int64_t channels = dz.channels, columns = dz.columns.outputs;
  for (int64_t r = begin; r < end; ++r) {
    const ThreeRows rows(dz, r / dz.rows.outputs, r % dz.rows.outputs, zeros);
    for_lanes(0, channels, [&](auto lanes, int64_t c) {
      const auto add = [&](Vec v, float* to) { lanes.store(lanes.load(to + c) + v, to + c); };
      for (int64_t first = 0; first < 3; first += high) {  // rows of the window: taps from the last one backwards
        Vec w[3 * high], sums[3 * high], bias(0.f);
#pragma GCC unroll 9
        for (int t = 0; t < 3 * high; ++t)
          w[t] = lanes.load(weights + (8 - 3 * first - t) * channels + c), sums[t] = Vec(0.f);
        slide<high>(rows, first, columns, lanes, c, [&](const Vec(&seen)[high][3], int64_t j) {
          const int64_t at = (r * columns + j) * channels + c;
          const Vec pixel = lanes.load(x + at);
          prefetch(x + at + columns * channels);
          prefetch(rows.from[2] + (columns + j) * channels + c);
          Vec sum = first && dx ? lanes.load(dx + at) : Vec(0.f);
#pragma GCC unroll 9
          for (int t = 0; t < 3 * high; ++t) {
            const Vec v = seen[t / 3][t % 3];
            sum = fma(v, w[t], sum), sums[t] = fma(v, pixel, sums[t]);
          }
          bias += seen[high / 2][1];
          if (dx) lanes.store(sum, dx + at);
        });
#pragma GCC unroll 9
        for (int t = 0; t < 3 * high; ++t) add(sums[t], dweight + (8 - 3 * first - t) * channels);
        if (dbias && first == (high == 3 ? 0 : 1)) add(bias, dbias);  // every pixel is once in the middle
      }
    });
  }
}

}  // namespace wxb::WXB_TARGET
