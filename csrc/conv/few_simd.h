#pragma once
#include "conv/correlate_simd.h"
#include "gemm/skinny_simd.h"

// A correlation of few outputs, which would leave most lanes of a tile empty, so here they run along taps and channels:
// each output is a dot product of what its pixel sees and its weights, as they lie: (outputs, taps and channels).
namespace wxb::WXB_TARGET {

// Is it less work? Multiply-adds of vectors for a pixel; adding up the lanes costs some forty, and six for each result.
inline bool is_few(const Field& x, int64_t outputs) {
  const Axis &rows = x.rows, &columns = x.columns;
  const bool together = columns.step == 1 && (x.depth == x.channels || !x.inside());
  const int64_t taps = rows.taps * columns.taps, stretch = together ? columns.taps * x.depth : x.depth,
                vectors = (together ? rows.taps : taps) * divide_up(stretch, Vec::lanes);
  return outputs * (vectors + 6) + 40 < taps * x.depth * divide_up(outputs, Vec::lanes);
}

// A strip of one group's outputs.
inline void correlate_few(const Field& x, const float* weights, int64_t outputs, const Outputs& y, const Strip& strip) {
  const int64_t depth = x.rows.taps * x.columns.taps * x.depth, across = x.columns.outputs;
  const Window w = window(x, strip);
  const Stretches s = stretches(x, w);
  for (int64_t n = strip.n0; n < strip.n1; ++n)
    for (int64_t i = strip.i0; i < strip.i1; ++i) {
      const int64_t at = n * y.image + i * y.row;
      const float* const from = w.data + (n - strip.n0) * w.image + (i - strip.i0) * x.rows.stride * w.row;
      dots({across, outputs, s.depth, from, x.columns.stride * w.pixel, weights, depth, y.data + at, y.pixel, 1, s.rows,
            s.row_step, s.taps, s.step},
           0, across);
      for (int64_t j = 0; y.bias && j < across; ++j)
        for (int64_t o = 0; o < outputs; ++o) y.data[at + j * y.pixel + o] += y.bias[o];
      if (y.finishes()) finish(y, at, across, outputs);
    }
}

}  // namespace wxb::WXB_TARGET
