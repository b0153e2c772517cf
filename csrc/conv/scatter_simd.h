#pragma once
#include "conv/conv.h"
#include "conv/correlate_simd.h"

// The gradient of an input with few channels, where a tile of them would leave most lanes empty: a row of dz times the
// weights gives what each output sends to all its taps and channels, which is then added where it belongs.
namespace wxb::WXB_TARGET {

// (dz's row, taps and channels of a group) at `to`, in rows of b.columns.
inline void products_of_row(const float* dz, int64_t pixels, int64_t apart, const Weights& b, float* to) {
  for (int64_t q = 0; q < b.panels(); ++q)
    for (int64_t k = 0; k < b.depth; k += kc)
      for (int64_t j = 0; j < pixels; j += tile_rows) {
        float* const c = to + j * b.columns + q * tile_columns;
        microkernel_for(min<int64_t>(tile_rows, pixels - j), b.vectors(q))(
            {min(kc, b.depth - k)}, {dz + j * apart + k, apart, 1}, {b.panel(q) + k * b.width(q), b.width(q)},
            {c, b.columns, b.columns_of(q), k ? c : no_bias, k ? b.columns : 0});
      }
}

// Adds the products of row i of the outputs to an image of dx.
inline void scatter_row(const ConvShape& s, int64_t i, const float* products, float* dx) {
  const int64_t channels = s.c / s.groups, taps = s.kh * s.kw;
  for (int64_t t = 0; t < taps; ++t) {
    const int64_t y = i * s.stride_h + t / s.kw * s.dilation_h - s.top, first = t % s.kw * s.dilation_w - s.left;
    if (y < 0 || y >= s.h) continue;
    const int64_t begin = first < 0 ? divide_up(-first, s.stride_w) : 0,
                  end = first < s.w ? min(s.ow, (s.w - 1 - first) / s.stride_w + 1) : 0;
    const float* from = products + begin * taps * channels + t * channels;
    float* to = dx + (y * s.w + first + begin * s.stride_w) * s.c;
    for (int64_t j = begin; j < end; ++j, from += taps * channels, to += s.stride_w * s.c)
      for_lanes(0, channels,
                [&](auto lanes, int64_t c) { lanes.store(lanes.load(to + c) + lanes.load(from + c), to + c); });
  }
}

inline void scatter_image(const ConvShape& s, const float* dz, const Weights& weights, float* dx) {
  __builtin_memset(dx, 0, size_t(s.h * s.w * s.c) * sizeof(float));
  float* const products = static_cast<float*>(thread_buffer(Slot::a, size_t(s.ow * weights.columns) * sizeof(float)));
  for (int64_t g = 0; g < s.groups; ++g)
    for (int64_t i = 0; i < s.oh; ++i) {
      products_of_row(dz + i * s.ow * s.out + g * weights.depth, s.ow, s.out, weights.group(g), products);
      scatter_row(s, i, products, dx + g * (s.c / s.groups));
    }
}

}  // namespace wxb::WXB_TARGET
