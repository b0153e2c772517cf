#pragma once
#include "core/context.h"
#include "core/operands.h"
#include "indexing/pad.h"

// Changes of pictures before a network sees them: (batch, height, width, channels), uint8 or float32. Each kernel takes
// its choices as one row of numbers per picture and is a plain function of them; augment_uniform draws such numbers as
// a function of seed, epoch and sample alone, so that neither batches nor their order nor threads matter.

namespace wxb {

// y[n, k] uniform in [0, 1), a multiple of 2^-32: word k % 4 of the block of Philox 4x32-10 (core/philox.h) with key
// seed and counter {sample[n], epoch, (stream + 1) 2^8 + k / 4}. The last word is never 0, as it is in the streams that
// other kernels draw from the same seed.  sample (N), y (N, count)
struct AugmentUniform {
  static constexpr int64_t most = 4 << 8;     // of count
  static constexpr int64_t streams = 0xffff;  // from 0
  In<int64_t> sample;
  Out<double> y;
  int64_t count;
  uint64_t seed;
  uint32_t epoch, stream;
  void operands(const Operands& f) const { f(sample), f(y); }
  double work() const { return 20.0 * double(y.size); }
};

// The pictures a kernel reads and writes, both batches of `pixel` bytes for each place.
struct Frames {
  int64_t batch, height, width, out_height, out_width, pixel;
};

// y[n, i, j] = x[n, offset[n, 0] + i', offset[n, 1] + j'], i' = i, or out_height - 1 - i if flip[n, 0]; j' likewise:
// shifts, crops and flips. Outside a picture lies what `padding` says, zeros for `constant`.  offset, flip (N, 2)
struct AugmentMove {
  In<uint8_t> x;
  In<int64_t> offset;
  In<bool> flip;
  Out<uint8_t> y;
  Frames frames;
  Padding padding;
  void operands(const Operands& f) const { f(x), f(offset), f(flip), f(y); }
  double work() const { return 0.5 * double(y.size); }
};

// y = x, but `fill` in the rectangle of cut_height x cut_width whose first place is corner[n], as far as it lies within
// the picture. y may be x.  corner (N, 2), fill (pixel)
struct AugmentCutout {
  In<uint8_t> x;
  In<int64_t> corner;
  In<uint8_t> fill;
  Out<uint8_t> y;
  Frames frames;
  int64_t cut_height, cut_width;
  void operands(const Operands& f) const { f(x), f(corner), f(fill), f(y); }
  double work() const { return 0.5 * double(y.size); }
};

// y[n, i, j] = x[n] at (row, column) = map[n] (i, j, 1), bilinear between the four places around it; uint8 is rounded
// to the nearest. Outside lies what `padding` says; a position that is no number counts as outside for `constant` and
// as 0 for the others.  map (N, 2, 3)
template <class T>
struct AugmentAffine {
  In<T> x;
  In<double> map;
  Out<T> y;
  Frames frames;  // `pixel` is in elements
  Padding padding;
  void operands(const Operands& f) const { f(x), f(map), f(y); }
  double work() const { return 20.0 * double(y.size); }
};

// Brightness b, contrast c, saturation s = factor[n], each leaving a picture as it is at 1:
//   u = b x;  v = c u + (1 - c) mean of gray(u) over the picture;  y = s v + (1 - s) gray(v)
// with gray the luma of ITU-R BT.601, 0.299 red + 0.587 green + 0.114 blue, or the one channel itself. uint8 is rounded
// to the nearest and limited to [0, 255] once, at the end; float32 is not limited.  factor (N, 3)
template <class T>
struct AugmentColor {
  In<T> x;
  In<double> factor;
  Out<T> y;
  int64_t batch, places, channels;
  void operands(const Operands& f) const { f(x), f(factor), f(y); }
  double work() const { return 10.0 * double(y.size); }
};

namespace BACKEND {
void augment_uniform(const AugmentUniform&, Context&);
void augment_move(const AugmentMove&, Context&);
void augment_cutout(const AugmentCutout&, Context&);
template <class T>
void augment_affine(const AugmentAffine<T>&, Context&);
template <class T>
void augment_color(const AugmentColor<T>&, Context&);
}  // namespace BACKEND

}  // namespace wxb
