#pragma once
#include "gemm/block_simd.h"

// What a stretch of outputs sees of its source, as the micro-kernel can read it: with zeros around.
namespace wxb::WXB_TARGET {

// One axis of a correlation: output i meets position i * stride + t * step - before of the source at tap t.
struct Axis {
  int64_t source, outputs, taps, stride, step, before;
  int64_t span(int64_t of) const { return (of - 1) * stride + (taps - 1) * step + 1; }
  bool inside() const { return before <= 0 && span(outputs) - before <= source; }
};

// Images of which `depth` neighbouring channels of `channels` take part.
struct Field {
  const float* data;
  int64_t channels, depth;
  Axis rows, columns;
  bool inside() const { return rows.inside() && columns.inside(); }
};

// Rows [i0, i1) of the outputs of images [n0, n1).
struct Strip {
  int64_t n0, n1, i0, i1;
};

// How the outputs are cut into strips of at most about so many pixels, rows of an image or several small images: a
// multiple of `tasks` where it is these.
struct Strips {
  int64_t images, rows, together, high, across;
  Strips(int64_t images, int64_t rows, int64_t columns, int64_t pixels, int64_t tasks = 1)
      : images(images), rows(rows) {
    together = max<int64_t>(1, pixels / (rows * columns));
    across = together > 1 ? 1 : divide_up(rows, max<int64_t>(1, pixels / columns));
    high = divide_up(rows, across);
    across = divide_up(rows, high);
    if (together > 1 && images) together = divide_up(images, divide_up(divide_up(images, together), tasks) * tasks);
  }
  int64_t count() const { return divide_up(images, together) * across; }
  Strip operator[](int64_t i) const {
    const int64_t n = i / across * together, row = i % across * high;
    return {n, min(images, n + together), row, min(rows, row + high)};
  }
};

// Element (row r, column s, channel c) of image n lies at data[(n - n0) * image + r * row + s * pixel + c], where tap t
// of output i, the strip's first being 0, is row i * stride + t * step; columns likewise.
struct Window {
  const float* data;
  int64_t image, row, pixel;
};

// A row of the window: zeros, what the source has, zeros.
inline void copy_row(const Field& f, const float* from, int64_t across, float* to) {
  const Axis& x = f.columns;
  const int64_t left = min(across, max<int64_t>(0, x.before)), first = left - x.before,
                inside = max<int64_t>(0, min(across - left, x.source - first)), right = across - left - inside;
  __builtin_memset(to, 0, size_t(left * f.depth) * sizeof(float));
  to += left * f.depth, from += first * f.channels;
  if (f.depth == f.channels)
    __builtin_memcpy(to, from, size_t(inside * f.depth) * sizeof(float));
  else
    for (int64_t s = 0; s < inside; ++s)
      for_lanes(0, f.depth, [&](auto lanes, int64_t c) {
        lanes.store(lanes.load(from + s * f.channels + c), to + s * f.depth + c);
      });
  __builtin_memset(to + inside * f.depth, 0, size_t(right * f.depth) * sizeof(float));
}

// The window of a strip: the source itself where no output looks beyond it, else a copy in this thread's buffer.
inline Window window(const Field& f, const Strip& s) {
  const Axis &y = f.rows, &x = f.columns;
  const int64_t row = x.source * f.channels, first = s.i0 * y.stride - y.before;
  if (f.inside())
    return {f.data + (s.n0 * y.source + first) * row - x.before * f.channels, y.source * row, row, f.channels};
  const int64_t down = y.span(s.i1 - s.i0), across = x.span(x.outputs), wide = across * f.depth;
  float* const to = static_cast<float*>(thread_buffer(Slot::a, size_t((s.n1 - s.n0) * down * wide) * sizeof(float)));
  for (int64_t n = s.n0; n < s.n1; ++n)
    for (int64_t r = 0; r < down; ++r) {
      float* const copy = to + ((n - s.n0) * down + r) * wide;
      const int64_t at = first + r;
      if (at < 0 || at >= y.source)
        __builtin_memset(copy, 0, size_t(wide) * sizeof(float));
      else
        copy_row(f, f.data + (n * y.source + at) * row, across, copy);
    }
  return {to, down * wide, wide, f.depth};
}

// The sum over taps and channels as stretches of neighbouring numbers of a window: rows * taps stretches of `depth`.
struct Stretches {
  int64_t rows, row_step, taps, step, depth;
};

inline Stretches stretches(const Field& f, const Window& w) {
  const Stretches s{f.rows.taps, f.rows.step * w.row, f.columns.taps, f.columns.step * w.pixel, f.depth};
  if (s.taps == 1 || s.step == s.depth)  // the taps of a row are neighbours
    return {1, 0, s.rows, s.row_step, s.taps * s.depth};
  return s;
}

}  // namespace wxb::WXB_TARGET
