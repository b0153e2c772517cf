#pragma once
#include "conv/conv.h"
#include "conv/correlate_simd.h"

// The transposed convolution to few channels, where a tile of them would leave most lanes empty. Lanes run along the
// pixels of a row instead: weights, turned, times x, turned, gives what each pixel sends to every tap and channel,
// and a row of that is added to a row of y, whose channels and phases of the stride lie apart until the end.
namespace wxb::WXB_TARGET {

// An image of y by itself: column x of channel c, row y at data[((x % stride_w * channels + c) * h + y) * row + x /
// stride_w].
struct Planes {
  float* data;
  int64_t row;
  float* at(const ConvShape& s, int64_t phase, int64_t c, int64_t y) const {
    return data + ((phase * (s.c / s.groups) + c) * s.h + y) * row;
  }
};

// products (taps and channels, pixels of row i) = weightᵀ xᵀ for the group whose first channel is x's and weight's.
inline void products_of_row(const ConvShape& s, const float* x, const float* weight, float* turned, float* products,
                            int64_t row) {
  const int64_t depth = s.out / s.groups, taps = s.kh * s.kw * (s.c / s.groups), tiles = divide_up(taps, tile_rows);
  turn(x, s.out, s.ow, depth, row, turned, row);
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

// Adds the products of row i of x.
inline void scatter_row(const ConvShape& s, int64_t i, const float* products, int64_t row, const Planes& planes) {
  const int64_t channels = s.c / s.groups;
  for (int64_t t = 0; t < s.kh * s.kw; ++t) {
    const int64_t y = i * s.stride_h + t / s.kw * s.dilation_h - s.top, first = t % s.kw * s.dilation_w - s.left;
    if (y < 0 || y >= s.h || first >= s.w) continue;
    const int64_t begin = first < 0 ? divide_up(-first, s.stride_w) : 0,
                  count = min(s.ow, (s.w - 1 - first) / s.stride_w + 1) - begin, x = first + begin * s.stride_w;
    for (int64_t c = 0; c < channels; ++c) {
      const float* const from = products + (t * channels + c) * row + begin;
      float* const to = planes.at(s, x % s.stride_w, c, y) + x / s.stride_w;
      for_lanes(0, max<int64_t>(0, count),
                [&](auto lanes, int64_t j) { lanes.store(lanes.load(to + j) + lanes.load(from + j), to + j); });
    }
  }
}

// Brings channels and phases together.
inline void join_planes(const ConvShape& s, const Planes& planes, float* to) {
  const int64_t channels = s.c / s.groups, plane = s.h * planes.row;
  for (int64_t phase = 0; phase < min(s.w, s.stride_w); ++phase)
    for (int64_t y = 0; y < s.h; ++y)
      turn(planes.at(s, phase, 0, y), plane, channels, divide_up(s.w - phase, s.stride_w), channels,
           to + (y * s.w + phase) * s.c, s.stride_w * s.c);
}

// What the sums begin with.
inline void fill_planes(const ConvShape& s, const float* bias, const Planes& planes) {
  const int64_t channels = s.c / s.groups, plane = s.h * planes.row;
  for (int64_t phase = 0; phase < min(s.w, s.stride_w); ++phase)
    for (int64_t c = 0; c < channels; ++c) {
      float* const to = planes.at(s, phase, c, 0);
      const Vec start(bias ? bias[c] : 0.f);
      for_lanes(0, plane, [&](auto lanes, int64_t i) { lanes.store(start, to + i); });
    }
}

// Image n.
inline void scatter_image(const ConvForward<float>& a, int64_t n) {
  const ConvShape& s = a.shape;
  const int64_t depth = s.out / s.groups, channels = s.c / s.groups, taps = s.kh * s.kw * channels,
                row = divide_up(s.ow, Vec::lanes) * Vec::lanes, phases = min(s.w, s.stride_w),
                size = phases * channels * s.h * divide_up(s.w, s.stride_w);
  const auto buffer = [](Slot slot, int64_t count) {
    return static_cast<float*>(thread_buffer(slot, size_t(count) * sizeof(float)));
  };
  float *const turned = buffer(Slot::a, depth * row), *const products = buffer(Slot::b, taps * row);
  const Planes planes{buffer(Slot::c, size), divide_up(s.w, s.stride_w)};
  const float* const x = a.x.data + n * s.oh * s.ow * s.out;
  const Outputs y{a.y.data, 0, 0, s.c, nullptr, a.saved.data, a.activation, a.alpha};
  const int64_t first = n * s.h * s.w * s.c;
  for (int64_t g = 0; g < s.groups; ++g) {
    fill_planes(s, a.bias ? a.bias.data + g * channels : nullptr, planes);
    for (int64_t i = 0; i < s.oh; ++i) {
      products_of_row(s, x + i * s.ow * s.out + g * depth, a.weight.data + g * depth * taps, turned, products, row);
      scatter_row(s, i, products, row, planes);
    }
    join_planes(s, planes, y.data + first + g * channels);
  }
  if (y.finishes()) finish(y, first, s.h * s.w, s.c);
}

}  // namespace wxb::WXB_TARGET
