#pragma once
#include "conv/conv.h"

namespace wxb {

// dweight (out, kh, kw, c / groups) from x (n, h, w, c) and dz (n, oh, ow, out): the pixels are cut into `count`
// shares, which have their sums in parts.
template <class T>
struct ConvWeightGradient {
  const T *x, *dz;
  T *dweight, *parts;
  ConvShape shape;
  int64_t count;
  bool winograd;
};

template <class T>
struct ConvTable {
  void (*forward)(const ConvForward<T>&);
  void (*transpose)(const ConvForward<T>&);  // and a convolution's dx: without bias and activation
  void (*weight_gradient)(const ConvWeightGradient<T>&);
  // dx, dweight and dbias of a depthwise convolution of 3 x 3 taps, each with all around it, in one pass; or null.
  void (*at_once)(const ConvBackward<T>&, const T* dz);
};

}  // namespace wxb
