#pragma once
#include "norm/channel_norm.h"

namespace wxb {

// A piece of one part: rows of `channels` elements.
template <class T>
struct ChannelRows {
  int64_t rows, channels;
  const T *origin, *centre, *scale, *shift;  // as Saved
  Unary activation = Unary::none;
  T alpha = 0;
  // Whether the activation is done in the registers of the pass; others are a call for some rows, while these are in
  // L1.
  bool in_registers() const { return activation == Unary::none || activation == Unary::relu; }
};

// Each is done on one thread; sums are added up in double, row by row.
template <class T>
struct ChannelNormTable {
  // sums += of d, squares += of d^2, d = x - origin
  void (*statistics)(const ChannelRows<T>&, const T* x, double* sums, double* squares);
  // y = act(d scale + shift), d = x - origin - centre
  void (*normalise)(const ChannelRows<T>&, const T* x, T* y, bool streams);
  // sums += of g, products += of g d, g = dy act'; unless that is done in registers g is written, if not null
  void (*dots)(const ChannelRows<T>&, const T* x, const T* dy, T* g, double* sums, double* products);
  // dx = g scale - (mean + d slope)
  void (*gradient)(const ChannelRows<T>&, const T* x, const T* dy, const T* mean, const T* slope, T* dx, bool streams);
};

}  // namespace wxb
