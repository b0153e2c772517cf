#pragma once
#include "conv/conv_table.h"
#include "conv/correlate_simd.h"

// dweight: a product of the window, turned, and dz, summed over pixels, or the other way round. The pixels are cut into
// parts by the sizes alone, which are added in order.
namespace wxb::WXB_TARGET {

// Of a panel of dz 32 KB, which stay in L1 while all taps and channels pass by; more where the sums do not fit L2, so
// that they are loaded and stored less often.
inline Strips strips_of_sum(const ConvShape& s) {
  const int64_t sums = s.kh * s.kw * (s.c / s.groups) * min(s.out / s.groups, tile_columns);
  return {s.n, s.oh, s.ow, sums > 1 << 17 ? 384 : 128};
}

// What the panel [j0, j0 + columns) of dz and a strip's window add to c.
struct Panel {
  PanelB b;
  int64_t columns, vectors;
};

inline Panel panel_of(const ConvShape& s, const float* dz, int64_t channel, int64_t columns, const Strip& strip) {
  const float* const from = dz + (strip.n0 * s.oh + strip.i0) * s.ow * s.out + channel;
  const int64_t vectors = divide_up(columns, Vec::lanes), width = vectors * Vec::lanes;
  if (columns == width && s.out <= tile_columns) return {{from, s.out}, columns, vectors};
  const int64_t pixels = (strip.n1 - strip.n0) * (strip.i1 - strip.i0) * s.ow;
  float* const to = static_cast<float*>(thread_buffer(Slot::b, size_t(pixels * width) * sizeof(float)));
  copy_panels<tile_columns>(from, s.out, columns, pixels, to);
  return {{to, width}, columns, vectors};
}

inline void add_products(const Field& x, const Strip& strip, const Panel& dz, bool begins, float* c, int64_t c_row) {
  const Window w = window(x, strip);
  const Stretches s = stretches(x, w);
  const int64_t across = x.columns.outputs, next = x.columns.stride * w.pixel, high = strip.i1 - strip.i0,
                tiles = divide_up(s.depth, rows_of_tile(dz.vectors)), down = x.rows.stride * w.row;
  const bool one_below_the_other = w.image == high * down;  // the images, as if they were one
  const int64_t images = strip.n1 - strip.n0, together = one_below_the_other ? images : 1;
  const Steps steps{across, high * together, down, across * dz.b.row};
  for (int64_t t = 0; t < s.rows * s.taps; ++t)
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const int64_t d = tile * s.depth / tiles, rows = (tile + 1) * s.depth / tiles - d;
      const float* const from = w.data + t / s.taps * s.row_step + t % s.taps * s.step + d;
      float* const to = c + (t * s.depth + d) * c_row;
      for (int64_t n = 0; n < images; n += together) {  // of large kernels c lies far away: its tile stays in L1
        const bool fresh = begins && n == 0;
        kernel_for(rows, dz.vectors)(steps, {from + n * w.image, 1, next},
                                     {dz.b.data + n * high * across * dz.b.row, dz.b.row},
                                     {to, c_row, dz.columns, fresh ? no_bias : to, fresh ? 0 : c_row});
      }
    }
}

// Likewise, a row of taps at a time where a strip has several images: its window has no rows between the images, so
// that sums are long.
inline void add_products_by_rows(Field x, const Strip& strip, const Panel& dz, bool begins, float* c, int64_t c_row) {
  const Axis rows = x.rows;
  if (strip.n1 - strip.n0 == 1 || rows.stride > 1) return add_products(x, strip, dz, begins, c, c_row);
  for (int64_t p = 0; p < rows.taps; ++p) {
    x.rows = {rows.source, rows.outputs, 1, 1, 1, rows.before - p * rows.step};
    add_products(x, strip, dz, begins, c + p * x.columns.taps * x.depth * c_row, c_row);
  }
}

// Where channels fill whole vectors: dz, turned, times the window, whose rows are neighbouring pixels. What comes out,
// (outputs, taps and channels), lies as dweight does, and few outputs leave no lanes empty.
inline void add_turned_products(const Field& x, const Strip& strip, const float* dz, int64_t all, int64_t outputs,
                                bool begins, float* c, int64_t c_row) {
  const Window w = window(x, strip);
  const Stretches s = stretches(x, w);
  const int64_t across = x.columns.outputs, next = x.columns.stride * w.pixel, high = strip.i1 - strip.i0,
                tiles = divide_up(outputs, tile_rows);
  const Steps steps{across, high, across * all, x.rows.stride * w.row};
  for (int64_t n = strip.n0; n < strip.n1; ++n)
    for (int64_t t = 0; t < s.rows * s.taps; ++t)
      for (int64_t j = 0; j < s.depth; j += tile_columns)
        for (int64_t tile = 0; tile < tiles; ++tile) {
          const int64_t o = tile * outputs / tiles, rows = (tile + 1) * outputs / tiles - o,
                        columns = min(tile_columns, s.depth - j);
          const bool fresh = begins && n == strip.n0;
          const float* const from = w.data + (n - strip.n0) * w.image + t / s.taps * s.row_step + t % s.taps * s.step;
          float* const to = c + o * c_row + t * s.depth + j;
          microkernel_for(rows, columns / Vec::lanes)(
              steps, {dz + (n * x.rows.outputs + strip.i0) * across * all + o, 1, all}, {from + j, next},
              {to, c_row, columns, fresh ? no_bias : to, fresh ? 0 : c_row});
        }
}

// Part 0 becomes the sum of all, in order.
inline void add_parts(float* sum, int64_t parts, int64_t size) {
  constexpr int64_t range = 4096;
  parallel(divide_up(size, range), [&](int64_t task) {
    for_lanes(task * range, min(size, (task + 1) * range), [&](auto lanes, int64_t i) {
      Vec total = lanes.load(sum + i);
      for (int64_t part = 1; part < parts; ++part) total += lanes.load(sum + part * size + i);
      lanes.store(total, sum + i);
    });
  });
}

// weight (out, depth) from groups of (depth, out / groups), in squares: of large ones every row lies in a page of its
// own.
inline void turn_back(const float* from, int64_t groups, int64_t depth, int64_t outputs, float* weight) {
  constexpr int64_t side = 64;
  const int64_t pieces = divide_up(outputs, side);
  parallel(groups * pieces, [&](int64_t task) {
    const int64_t g = task / pieces, o = task % pieces * side;
    for (int64_t k = 0; k < depth; k += side)
      turn(from + (g * depth + k) * outputs + o, outputs, min(side, depth - k), min(side, outputs - o),
           min(side, depth - k), weight + (g * outputs + o) * depth + k, depth);
  });
}

// f(part, begin, end) for the strips of each part, on any thread; then dweight is what they left in `parts`.
template <class F>
void sum_parts(const ConvWeightGradient<float>& a, int64_t tasks, F f) {
  const ConvShape& s = a.shape;
  const int64_t depth = s.kh * s.kw * (s.c / s.groups), strips = strips_of_sum(s).count(),
                parts = min(a.count, strips);  // a strip has a row at least: none is left to some parts of long rows
  parallel(tasks * parts, [&](int64_t task) {
    const int64_t part = task % parts;
    f(task / parts, a.parts + part * depth * s.out, part * strips / parts, (part + 1) * strips / parts);
  });
  if (parts > 1) add_parts(a.parts, parts, depth * s.out);
}

}  // namespace wxb::WXB_TARGET
