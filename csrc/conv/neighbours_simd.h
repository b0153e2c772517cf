#pragma once
#include "conv/conv.h"
#include "conv/correlate_simd.h"

// Few outputs leave lanes empty. Where taps are few too, neighbouring pixels of a row fill them: channels last, the
// outputs of g neighbours lie as g times the outputs of one, of a kernel that reaches over all that they see. 1 to 6
// channels, 5 x 5 taps: 30 steps for two pixels, not 50. Of its dweight, what a neighbour has of taps beyond its own is
// left out; forward these taps would be zeros, and a zero times an infinity beyond a pixel's sight is NaN: so not
// there.
namespace wxb::WXB_TARGET {

inline int64_t weights_of(const ConvShape& s) { return s.out * s.kh * s.kw * s.c; }

// The same convolution with as many neighbours together as take the fewest steps.
inline ConvShape with_neighbours(const ConvShape& s) {
  constexpr int64_t most = 1 << 16;  // weights, so that those of all parts of dweight take 4 MB
  ConvShape best = s;
  if (s.groups > 1 || s.dilation_w > 1) return best;
  for (int64_t g = 2; g <= 4 && s.ow % g == 0; g *= 2) {
    ConvShape wide = s;
    wide.out *= g, wide.ow /= g, wide.kw += (g - 1) * s.stride_w, wide.stride_w *= g;
    const auto steps = [](const ConvShape& s) { return s.kw * divide_up(s.out, Vec::lanes) * s.ow; };
    if (wide.out <= tile_columns && weights_of(wide) <= most && 10 * steps(wide) < 9 * steps(best)) best = wide;
  }
  return best;
}

// dweight of one from that of neighbours together.
inline void join_neighbours(const ConvShape& one, const ConvShape& wide, const float* from, float* dweight) {
  const int64_t row = one.kw * one.c, wide_row = wide.kw * one.c, next = one.stride_w * one.c;
  __builtin_memset(dweight, 0, size_t(weights_of(one)) * sizeof(float));
  for (int64_t o = 0; o < wide.out; ++o)
    for (int64_t p = 0; p < one.kh; ++p)
      for (int64_t i = 0; i < row; ++i)
        dweight[(o % one.out * one.kh + p) * row + i] += from[(o * one.kh + p) * wide_row + o / one.out * next + i];
}

}  // namespace wxb::WXB_TARGET
