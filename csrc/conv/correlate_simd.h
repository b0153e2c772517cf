#pragma once
#include "conv/window_simd.h"
#include "elementwise/activation_simd.h"

// The convolution itself, and the input's gradient, which is one of dz with the weights turned round: every output is a
// sum of products over taps and channels, a tile of C = A B whose A is read where the window lies. No patches are laid
// out: six neighbouring pixels are six rows of A, a row of taps is a stretch of its columns.
namespace wxb::WXB_TARGET {

// Weights in panels of tile_columns outputs, one behind the other: element (k, j) of panel q at panel(q)[k * width(q) +
// j], k counting rows of taps, taps, channels.
struct Weights {
  float* data;
  int64_t depth, columns;
  int64_t panels() const { return divide_up(columns, tile_columns); }
  int64_t columns_of(int64_t q) const { return min(tile_columns, columns - q * tile_columns); }
  int64_t vectors(int64_t q) const { return divide_up(columns_of(q), Vec::lanes); }
  int64_t width(int64_t q) const { return vectors(q) * Vec::lanes; }
  int64_t size() const { return depth * divide_up(columns, Vec::lanes) * Vec::lanes; }
  float* panel(int64_t q) const { return data + q * tile_columns * depth; }
  Weights group(int64_t g) const { return {data + g * size(), depth, columns}; }
};

// Outputs: channel o of pixel (i, j) of image n lies at data[n * image + i * row + j * pixel + o].
struct Outputs {
  float* data;
  int64_t image, row, pixel;
  const float* bias = nullptr;
  float* saved = nullptr;
  Unary activation = Unary::none;
  float alpha = 0;
  bool finishes() const { return saved || activation != Unary::none; }
};

alignas(64) constexpr float no_bias[tile_columns] = {};

// Keeps what the derivative needs and applies the activation, while the tile is in L1.
inline void finish(const Outputs& y, int64_t at, int64_t pixels, int64_t columns) {
  if (y.pixel == columns) columns *= pixels, pixels = 1;
  for (int64_t j = 0; j < pixels; ++j, at += y.pixel) {
    float* const c = y.data + at;
    if (y.saved) __builtin_memcpy(y.saved + at, c, size_t(columns) * sizeof(float));
    if (y.activation != Unary::none) activate(y.activation, y.alpha, 0, c, c, columns);
  }
}

// f(offset in the window, steps, k) for chunks of the sum: all of it where that is short, since sums are best kept in
// registers, else about kc steps, whose part of a panel stays in L1 (measured: 5 % for 288 steps, 15 % for 4608). Once,
// without a step, if there is nothing to sum.
template <class F>
WXB_INLINE void for_chunks(const Stretches& s, F f) {
  const int64_t whole = s.rows * s.taps * s.depth, most = whole <= 4 * kc ? 4 * kc : kc;
  if (whole == 0) return f(int64_t{0}, Steps{0}, int64_t{0});
  const int64_t length = divide_up(s.depth, divide_up(s.depth, most)), together = max<int64_t>(1, most / s.depth);
  for (int64_t r = 0; r < s.rows; ++r)
    for (int64_t t = 0; t < s.taps; t += together)
      for (int64_t d = 0; d < s.depth; d += length)
        f(r * s.row_step + t * s.step + d, Steps{min(length, s.depth - d), min(together, s.taps - t), s.step, s.depth},
          (r * s.taps + t) * s.depth + d);
}

// A strip of one group's outputs.
inline void correlate(const Field& x, const Weights& b, const Outputs& y, const Strip& strip) {
  const int64_t count = b.depth, across = x.columns.outputs;
  const Window w = count ? window(x, strip) : Window{x.data, 0, 0, 0};
  const int64_t down = x.rows.stride * w.row, next = x.columns.stride * w.pixel;
  for (int64_t q = 0; q < b.panels(); ++q) {
    const int64_t columns = b.columns_of(q), j0 = q * tile_columns,
                  tiles = divide_up(across, rows_of_tile(b.vectors(q))), high = divide_up(across, tiles),
                  last = across - (tiles - 1) * high;
    const Microkernel inner = kernel_for(high, b.vectors(q)), outer = kernel_for(last, b.vectors(q));
    for_chunks(stretches(x, w), [&](int64_t offset, Steps steps, int64_t k) {
      const bool begins = k == 0, ends = k + steps.depth * steps.pieces == count;
      steps.next_b *= b.width(q);
      const PanelB panel{b.panel(q) + k * b.width(q), b.width(q)};
      for (int64_t n = strip.n0; n < strip.n1; ++n)
        for (int64_t i = strip.i0; i < strip.i1; ++i)
          for (int64_t tile = 0; tile < tiles; ++tile) {
            const int64_t j = tile * high, at = n * y.image + i * y.row + j * y.pixel + j0;
            const float* const from = w.data + (n - strip.n0) * w.image + (i - strip.i0) * down + j * next + offset;
            float* const c = y.data + at;
            const Tile held{c, y.pixel, columns, c, y.pixel},
                fresh{c, y.pixel, columns, y.bias ? y.bias + j0 : no_bias, 0};
            (tile + 1 < tiles ? inner : outer)(steps, {from, next, 1}, panel, begins ? fresh : held);
            if (ends && y.finishes()) finish(y, at, tile + 1 < tiles ? high : last, columns);
          }
    });
  }
}

// Strips of about 256 pixels: a chunk of a panel, read from L2, serves them all; of fewer where their window would not
// fit L2.
inline int64_t pixels_of_strip(int64_t depth) {
  return min<int64_t>(256, max<int64_t>(64, 131072 / max<int64_t>(1, depth)));
}

// each(g, x, y, strip) for all strips of all groups; f and `of` are the first group's.
template <class F>
void for_strips(const Field& f, const Outputs& of, int64_t outputs, int64_t images, int64_t groups, F each) {
  constexpr double parallel_from = 5e5;  // multiply-adds; ten times what a fork and join costs
  const double work = double(images * groups * f.rows.outputs * f.columns.outputs) * double(outputs) *
                      double(f.rows.taps * f.columns.taps * f.depth);
  const Strips strips(images, f.rows.outputs, f.columns.outputs, pixels_of_strip(f.depth),
                      work < parallel_from ? 1 : num_threads());
  parallel(groups * strips.count(), [&](int64_t task) {
    const int64_t g = task / strips.count();
    Field x = f;
    Outputs y = of;
    x.data += g * f.depth, y.data += g * outputs;
    if (y.bias) y.bias += g * outputs;
    if (y.saved) y.saved += g * outputs;
    each(g, x, y, strips[task % strips.count()]);
  });
}

}  // namespace wxb::WXB_TARGET
