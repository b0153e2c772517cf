#pragma once
#include "conv/conv.h"
#include "conv/few_simd.h"

// The transposed convolution to few channels, where a tile of them would leave most lanes empty. A pixel of x times all
// weights is what it sends to every tap and channel; those of a row of taps are neighbours in y too and are added
// there.
namespace wxb::WXB_TARGET {

// What a pixel sends, in pieces that lie whole in y: rows of taps, or taps where they are dilated.
struct Pieces {
  int64_t count, across, size;  // across: in a row of taps
  explicit Pieces(const ConvShape& s)
      : count(s.dilation_w == 1 ? s.kh : s.kh * s.kw),
        across(count / s.kh),
        size(s.kh * s.kw * (s.c / s.groups) / count) {}
};

// An image of y by itself, one group's channels, with all around it that pixels of x send to.
struct Canvas {
  int64_t rows, columns, channels;
  float* data = nullptr;
  explicit Canvas(const ConvShape& s)
      : rows(max(s.h + s.top, (s.oh - 1) * s.stride_h + (s.kh - 1) * s.dilation_h + 1)),
        columns(max(s.w + s.left, (s.ow - 1) * s.stride_w + (s.kw - 1) * s.dilation_w + 1)),
        channels(s.c / s.groups) {}
  int64_t size() const { return rows * columns * channels; }
  float* at(int64_t i, int64_t j) const { return data + (i * columns + j) * channels; }
};

// Is it the least work? Multiply-adds of vectors, as in is_few, measured: adding a vector of a piece to y costs twelve,
// a copy of what a pixel sees four for each of its vectors.
inline bool scatters(const ConvShape& s) {
  const int64_t depth = s.out / s.groups, channels = s.c / s.groups, taps = s.kh * s.kw;
  constexpr int64_t most = 1 << 20;  // elements of an image
  if (channels >= Vec::lanes || s.n * s.oh * s.ow * taps * depth == 0 || Canvas(s).size() > most) return false;
  const Pieces pieces(s);
  const int64_t sent = depth * divide_up(taps * channels, Vec::lanes) +
                       12 * pieces.count * divide_up(pieces.size, Vec::lanes),
                seen = divide_up(taps * depth, s.stride_h * s.stride_w),
                few = channels * (divide_up(seen, Vec::lanes) + 6) + 40 + 4 * divide_up(depth, Vec::lanes);
  return double(sent) * double(s.oh * s.ow) < double(min(seen, few)) * double(s.h * s.w);
}

constexpr int64_t sent_at_once = 4 * tile_rows;  // pixels, so that what they send stays in L1

// products (count, row): what the pixels from x on send.
inline void products_of_pixels(const Weights& w, const float* x, int64_t pixel, int64_t count, float* products,
                               int64_t row) {
  for (int64_t q = 0; q < w.panels(); ++q)
    for (int64_t k = 0; k < w.depth; k += kc)
      for (int64_t t = 0; t < count; t += tile_rows) {
        float* const c = products + t * row + q * tile_columns;
        microkernel_for(min<int64_t>(tile_rows, count - t), w.vectors(q))(
            {min(kc, w.depth - k)}, {x + t * pixel + k, pixel, 1}, {w.panel(q) + k * w.width(q), w.width(q)},
            {c, row, w.width(q), k ? c : no_bias, k ? row : 0});
      }
}

// Whole vectors are added: 0 behind the last number of a piece.
inline void add_pieces(const ConvShape& s, int64_t i, int64_t j, int64_t count, const float* products, int64_t row,
                       const Canvas& canvas) {
  const Pieces pieces(s);
  for (int64_t k = 0; k < count; ++k)  // then pieces: what one reads was not written just before, in other vectors
    for (int64_t p = 0; p < pieces.count; ++p) {
      float* const to = canvas.at(i * s.stride_h + p / pieces.across * s.dilation_h,
                                  (j + k) * s.stride_w + p % pieces.across * s.dilation_w);
      const float* const from = products + k * row + p * pieces.size;
      for_lanes(0, pieces.size, [&](auto lanes, int64_t v) {
        (Vec::load(to + v) + lanes.keep(Vec::load(from + v), Vec(0.f))).store(to + v);
      });
    }
}

// Image n; weights (out of the group, taps and channels) in panels.
inline void scatter_image(const ConvForward<float>& a, const Weights& weights, int64_t n) {
  const ConvShape& s = a.shape;
  const int64_t depth = s.out / s.groups, row = divide_up(weights.columns, Vec::lanes) * Vec::lanes,
                room = sent_at_once * row + Vec::lanes;
  Canvas canvas(s);
  float* const products =
      static_cast<float*>(thread_buffer(Slot::a, size_t(room + canvas.size() + Vec::lanes) * sizeof(float)));
  canvas.data = products + room;
  const Outputs y{a.y.data, 0, 0, s.c, nullptr, a.saved.data, a.activation, a.alpha};
  const int64_t first = n * s.h * s.w * s.c;
  for (int64_t g = 0; g < s.groups; ++g) {
    __builtin_memset(canvas.data, 0, size_t(canvas.size() + Vec::lanes) * sizeof(float));
    for (int64_t i = 0; i < s.oh; ++i)
      for (int64_t j = 0; j < s.ow; j += sent_at_once) {
        const int64_t count = min(sent_at_once, s.ow - j);
        products_of_pixels(weights.group(g), a.x.data + ((n * s.oh + i) * s.ow + j) * s.out + g * depth, s.out, count,
                           products, row);
        add_pieces(s, i, j, count, products, row, canvas);
      }
    for (int64_t i = 0; i < s.h; ++i) {
      const float* from = canvas.at(i + s.top, s.left);
      float* to = y.data + first + i * s.w * s.c + g * canvas.channels;
      if (s.groups == 1 && !a.bias)
        __builtin_memcpy(to, from, size_t(s.w * s.c) * sizeof(float));
      else
        for (int64_t j = 0; j < s.w; ++j, from += canvas.channels, to += s.c)
          for (int64_t c = 0; c < canvas.channels; ++c)
            to[c] = from[c] + (a.bias ? a.bias.data[g * canvas.channels + c] : 0.f);
    }
  }
  if (y.finishes()) finish(y, first, s.h * s.w, s.c);
}

}  // namespace wxb::WXB_TARGET
