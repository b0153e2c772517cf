#pragma once
#include "conv/conv.h"
#include "conv/correlate_simd.h"

// The transposed convolution as what it is called after: each pixel of x times the weights of a tap is added to the
// pixel of y that it meets there. As a correlation y looks at x with zeros around, and for a large kernel without
// padding most of what it sees are zeros: 9 x 9 taps of stride 2 over 6 x 6 pixels take 2.8 times the products.
namespace wxb::WXB_TARGET {

// Is it the less work? A quarter of the products saved pays for adding to y at every tap where sums are long enough.
inline bool spreads(const ConvShape& s) {
  const double met = double(s.oh * s.stride_h) * double(s.ow * s.stride_w);
  return s.groups == 1 && s.out >= 32 && s.c >= Vec::lanes && s.ow >= 3 && double(s.h) * double(s.w) >= 1.33 * met;
}

// The outputs [begin, end) of an axis that meet one of `size` inputs at a tap, which is first + i stride.
struct Met {
  int64_t begin, end, first;
};
inline Met met(int64_t size, int64_t outputs, int64_t stride, int64_t first) {
  const int64_t begin = first < 0 ? divide_up(-first, stride) : 0,
                end = size > first ? (size - 1 - first) / stride + 1 : 0;
  return {begin, min(outputs, end), first};
}

// What a tap's pixels of images [n0, n1) add to the channels [j0, j0 + columns) of y; b (out, columns).
inline void spread_tap(const ConvForward<float>& a, const Met& rows, const Met& across, int64_t n0, int64_t n1,
                       const PanelB& b, int64_t j0, int64_t columns) {
  const ConvShape& s = a.shape;
  const int64_t vectors = divide_up(columns, Vec::lanes), count = across.end - across.begin;
  if (count <= 0) return;
  const int64_t tiles = divide_up(count, rows_of_tile(vectors)), pixel = s.stride_w * s.c;
  for (int64_t k = 0; k < s.out; k += kc) {
    const Steps steps{min(kc, s.out - k)};
    const PanelB panel{b.data + k * b.row, b.row};
    for (int64_t n = n0; n < n1; ++n)
      for (int64_t i = rows.begin; i < rows.end; ++i)
        for (int64_t tile = 0; tile < tiles; ++tile) {
          const int64_t first = tile * count / tiles, high = (tile + 1) * count / tiles - first,
                        j = across.begin + first;
          const float* const from = a.x.data + ((n * s.oh + i) * s.ow + j) * s.out + k;
          const int64_t y = rows.first + i * s.stride_h, x = across.first + j * s.stride_w;
          float* const to = a.y.data + ((n * s.h + y) * s.w + x) * s.c + j0;
          kernel_for(high, vectors)(steps, {from, s.out, 1}, panel, {to, pixel, columns, to, pixel});
        }
  }
}

// The channels [j0, j0 + columns) of images [n0, n1).
inline void spread_images(const ConvForward<float>& a, int64_t n0, int64_t n1, int64_t j0, int64_t columns) {
  const ConvShape& s = a.shape;
  const int64_t width = divide_up(columns, Vec::lanes) * Vec::lanes;
  const float* const start = a.bias ? a.bias.data + j0 : no_bias;
  for (int64_t at = n0 * s.h * s.w; at < n1 * s.h * s.w; ++at)
    for_lanes(0, columns,
              [&](auto lanes, int64_t j) { lanes.store(lanes.load(start + j), a.y.data + at * s.c + j0 + j); });
  float* const packed = static_cast<float*>(thread_buffer(Slot::a, size_t(s.out * width) * sizeof(float)));
  for (int64_t t = 0; t < s.kh * s.kw; ++t) {
    copy_panels<tile_columns>(a.weight.data + t * s.c + j0, s.kh * s.kw * s.c, columns, s.out, packed);
    spread_tap(a, met(s.h, s.oh, s.stride_h, t / s.kw * s.dilation_h - s.top),
               met(s.w, s.ow, s.stride_w, t % s.kw * s.dilation_w - s.left), n0, n1, {packed, width}, j0, columns);
  }
  const Outputs y{a.y.data, 0, 0, s.c, nullptr, a.saved.data, a.activation, a.alpha};
  if (y.finishes()) finish(y, n0 * s.h * s.w * s.c + j0, (n1 - n0) * s.h * s.w, columns);
}

// A task has some channels of as many images as meet a tap's weights often: copying these then costs little.
inline void spread(const ConvForward<float>& a) {
  const ConvShape& s = a.shape;
  const int64_t panels = divide_up(s.c, tile_columns), together = max<int64_t>(1, 576 / (s.oh * s.ow)),
                groups = divide_up(s.n, together);
  parallel(panels * groups, [&](int64_t task) {
    const int64_t n = task / panels * together, j = task % panels * tile_columns;
    spread_images(a, n, min(s.n, n + together), j, min(tile_columns, s.c - j));
  });
}

}  // namespace wxb::WXB_TARGET
