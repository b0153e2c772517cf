#pragma once
#include "augment/augment.h"
#include "core/hd.h"

// What AugmentMove and AugmentCutout do along an axis, for CPU and CUDA.
namespace wxb {

HD int64_t clamp(int64_t v, int64_t low, int64_t high) { return v < low ? low : high < v ? high : v; }

// How one axis of a picture, `in` long, is seen through a window of `out` at `start`.
struct Window {
  int64_t in, out, start;
  bool flip;
  Padding padding;

  HD Window(int64_t in_size, int64_t out_size, int64_t offset, bool flipped, Padding mode)
      : in(in_size), out(out_size), flip(flipped), padding(mode) {
    // Mirrored at both ends a picture repeats itself; otherwise all is alike beyond the ends. No sum below overflows.
    const int64_t repeat = in > 1 ? 2 * (in - 1) : 1;
    start = mode == Padding::reflect ? offset % repeat : clamp(offset, -out, in);
    if (mode == Padding::reflect && start >= in) start -= repeat;
    if (mode == Padding::reflect && start <= -in) start += repeat;
  }

  // [first, last): what of the window, not flipped, lies within the picture
  HD int64_t first() const { return clamp(-start, 0, out); }
  HD int64_t last() const { return clamp(in - start, first(), out); }

  // Where place k of the window, not flipped, comes from, or -1.
  HD int64_t source(int64_t k) const {
    const int64_t s = start + k;
    if (s >= 0 && s < in) return s;
    if (padding == Padding::constant) return -1;
    if (padding == Padding::edge || in == 1) return s < 0 ? 0 : in - 1;
    const int64_t repeat = 2 * (in - 1), r = (s < 0 ? -s : s) % repeat;
    return r < in ? r : repeat - r;
  }
  HD int64_t target(int64_t k) const { return flip ? out - 1 - k : k; }
};

// What of [start, start + count) lies within [0, n). count is not negative.
struct Span {
  int64_t first, last;
  HD Span(int64_t start, int64_t count, int64_t n) : first(clamp(start, 0, n)), last(n) {
    if (start <= 0 || count <= n - first) last = clamp(start + count, 0, n);
  }
  HD bool holds(int64_t i) const { return i >= first && i < last; }
};

}  // namespace wxb
