#pragma once
#include "conv/conv.h"
#include "conv/correlate_simd.h"

// The gradient of an input with few channels, where a tile of them would leave most lanes empty. Lanes run along the
// pixels of a row instead: weights, turned, times dz, turned, gives what each output sends to every tap and channel,
// and a row of that is added to a row of dx, whose channels and phases of the stride lie apart until the end.
namespace wxb::WXB_TARGET {

// An image of dx by itself: column x of channel c, row y at data[((x % stride_w * channels + c) * h + y) * row + x /
// stride_w].
struct Planes {
  float* data;
  int64_t row;
  float* at(const ConvShape& s, int64_t phase, int64_t c, int64_t y) const {
    return data + ((phase * (s.c / s.groups) + c) * s.h + y) * row;
  }
};

// products (taps and channels, pixels of row i) = weightᵀ dzᵀ for the group whose first output is dz's and weight's.
inline void products_of_row(const ConvShape& s, const float* dz, const float* weight, float* turned, float* products,
                            int64_t row) {
  const int64_t depth = s.out / s.groups, taps = s.kh * s.kw * (s.c / s.groups), tiles = divide_up(taps, tile_rows);
  turn(dz, s.out, s.ow, depth, row, turned, row);
  for (int64_t j = 0; j < s.ow; j += tile_columns) {
    const int64_t columns = min(tile_columns, s.ow - j);
    for (int64_t k = 0; k < depth; k += kc)
      for (int64_t tile = 0; tile < tiles; ++tile) {
        const int64_t t = tile * taps / tiles, rows = (tile + 1) * taps / tiles - t;
        float* const c = products + t * row + j;
        microkernel_for(rows, divide_up(columns, Vec::lanes))({min(kc, depth - k)}, {weight + k * taps + t, 1, taps},
                                                              {turned + k * row + j, row},
                                                              {c, row, columns, k ? c : no_bias, k ? row : 0});
      }
  }
}

// Adds the products of row i of the outputs.
inline void scatter_row(const ConvShape& s, int64_t i, const float* products, int64_t row, const Planes& dx) {
  const int64_t channels = s.c / s.groups;
  for (int64_t t = 0; t < s.kh * s.kw; ++t) {
    const int64_t y = i * s.stride_h + t / s.kw * s.dilation_h - s.top, first = t % s.kw * s.dilation_w - s.left;
    if (y < 0 || y >= s.h || first >= s.w) continue;
    const int64_t begin = first < 0 ? divide_up(-first, s.stride_w) : 0,
                  count = min(s.ow, (s.w - 1 - first) / s.stride_w + 1) - begin, x = first + begin * s.stride_w;
    for (int64_t c = 0; c < channels; ++c) {
      const float* const from = products + (t * channels + c) * row + begin;
      float* const to = dx.at(s, x % s.stride_w, c, y) + x / s.stride_w;
      for_lanes(0, max<int64_t>(0, count),
                [&](auto lanes, int64_t j) { lanes.store(lanes.load(to + j) + lanes.load(from + j), to + j); });
    }
  }
}

// Brings channels and phases together.
inline void join_planes(const ConvShape& s, const Planes& planes, float* dx) {
  const int64_t channels = s.c / s.groups, plane = s.h * planes.row;
  for (int64_t phase = 0; phase < min(s.w, s.stride_w); ++phase)
    for (int64_t y = 0; y < s.h; ++y)
      turn(planes.at(s, phase, 0, y), plane, channels, divide_up(s.w - phase, s.stride_w), channels,
           dx + (y * s.w + phase) * s.c, s.stride_w * s.c);
}

// dz and dx of one image.
inline void scatter_image(const ConvShape& s, const float* dz, const float* weight, float* dx) {
  const int64_t depth = s.out / s.groups, channels = s.c / s.groups, taps = s.kh * s.kw * channels,
                row = divide_up(s.ow, Vec::lanes) * Vec::lanes, phases = min(s.w, s.stride_w),
                size = phases * channels * s.h * divide_up(s.w, s.stride_w);
  const auto buffer = [](Slot slot, int64_t count) {
    return static_cast<float*>(thread_buffer(slot, size_t(count) * sizeof(float)));
  };
  float *const turned = buffer(Slot::a, depth * row), *const products = buffer(Slot::b, taps * row);
  const Planes planes{buffer(Slot::c, size), divide_up(s.w, s.stride_w)};
  for (int64_t g = 0; g < s.groups; ++g) {
    __builtin_memset(planes.data, 0, size_t(size) * sizeof(float));
    for (int64_t i = 0; i < s.oh; ++i) {
      products_of_row(s, dz + i * s.ow * s.out + g * depth, weight + g * depth * taps, turned, products, row);
      scatter_row(s, i, products, row, planes);
    }
    join_planes(s, planes, dx + g * channels);
  }
}

}  // namespace wxb::WXB_TARGET
