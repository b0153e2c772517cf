#pragma once
#include "core/context.h"
#include "core/hd.h"
#include "core/operands.h"

// Resampling of (batch, height, width, channels) to another height and width.

namespace wxb {

enum class Resampling : uint8_t { nearest, bilinear };

// One axis. Input per output is numerator / denominator: in / out, or 1 / factor where a factor was given.
struct Grid {
  int64_t in, out;
  double numerator, denominator;
};

// Where output o comes from: (1 - weight) x_low + weight x_high.
template <class T>
struct Taps {
  int64_t low, high;
  T weight;
};

// Pixels are squares, their centres at half numbers. nearest: the pixel that holds the output's corner. bilinear: the
// two pixels whose centres are around the output's, cut off at the border.
template <class T>
HD Taps<T> taps(const Grid& g, Resampling mode, int64_t o) {
  const bool linear = mode == Resampling::bilinear;
  const double at = (double(o) + (linear ? 0.5 : 0.0)) * g.numerator / g.denominator - (linear ? 0.5 : 0.0);
  const double end = double(g.in - 1), kept = at < 0 ? 0 : at < end ? at : end;
  const int64_t low = int64_t(kept);
  if (!linear || kept == double(low)) return {low, low, T(0)};
  return {low, low + 1, T(kept - double(low))};
}

// The outputs that input i goes to lie in [first, last).
struct Reach {
  int64_t first, last;
};

HD Reach reach(const Grid& g, Resampling mode, int64_t i) {
  const double out_per_in = g.denominator / g.numerator, end = double(g.out);
  double from = double(i - 1) * out_per_in - 2;
  from = from < 0 ? 0 : from < end ? from : end;
  Reach r{int64_t(from), 0};
  while (r.first < g.out && taps<double>(g, mode, r.first).high < i) ++r.first;
  r.last = r.first;
  while (r.last < g.out && taps<double>(g, mode, r.last).low <= i) ++r.last;
  return r;
}

// y = the taps' sum along the height of their sums along the width.
template <class T>
struct Resample {
  In<T> x;
  Out<T> y;
  int64_t batch, channels;
  Grid h, w;
  Resampling mode;
  void operands(const Operands& f) const { f(x), f(y); }
  double work() const { return 4.0 * double(y.size); }
};

// dx_i = the sum of the dy that x_i went to, times its weights.
template <class T>
struct ResampleBackward {
  In<T> dy;
  Out<T> dx;
  int64_t batch, channels;
  Grid h, w;
  Resampling mode;
  void operands(const Operands& f) const { f(dy), f(dx); }
  double work() const { return 8.0 * double(dy.size); }
};

namespace BACKEND {
template <class T>
void resample_forward(const Resample<T>&, Context&);
template <class T>
void resample_backward(const ResampleBackward<T>&, Context&);
}  // namespace BACKEND

}  // namespace wxb
