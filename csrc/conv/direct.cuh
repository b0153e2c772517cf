#pragma once
#include "conv/conv.h"
#include "core/cuda.cuh"
#include "elementwise/activation.cuh"

// Convolutions whose groups have few channels, depthwise ones above all: a thread computes one number, neighbouring
// threads neighbouring channels. A product would fill a tile with zeros.
namespace wxb::cuda {

struct Where {
  int64_t image;
  int y, x, channel;
};
__device__ inline Where where(int64_t i, int height, int width, int channels) {
  const int64_t pixel = i / channels, row = pixel / width, image = row / height;
  return {image, int(row - image * height), int(pixel - row * width), int(i - pixel * channels)};
}

// Where position v of the target meets the source by one tap, or -1.
template <bool transposed>
__device__ int meeting(int v, int tap, int stride, int dilation, int before, int sources) {
  int at;
  if constexpr (transposed) {
    const int from = v + before - tap * dilation;
    at = from / stride;
    if (from < 0 || at * stride != from) return -1;
  } else {
    at = v * stride + tap * dilation - before;
  }
  return at >= 0 && at < sources ? at : -1;
}

template <class T, bool transposed>
struct Direct {
  ConvForward<T> a;
  __device__ void operator()(int64_t i) const {
    const ConvShape& s = a.shape;
    const int sources = int(transposed ? s.out : s.c), targets = int(transposed ? s.c : s.out);
    const int source_h = int(transposed ? s.oh : s.h), source_w = int(transposed ? s.ow : s.w);
    const int of_group = sources / int(s.groups), channels = int(s.c / s.groups);
    const Where to = where(i, int(transposed ? s.h : s.oh), int(transposed ? s.w : s.ow), targets);
    const int group = to.channel / (targets / int(s.groups)), kh = int(s.kh), kw = int(s.kw);
    T sum = a.bias.data ? a.bias.data[to.channel] : T(0);
    for (int p = 0; p < kh; ++p) {
      const int y = meeting<transposed>(to.y, p, int(s.stride_h), int(s.dilation_h), int(s.top), source_h);
      if (y < 0 && transposed) continue;
      for (int q = 0; q < kw; ++q) {
        const int x = meeting<transposed>(to.x, q, int(s.stride_w), int(s.dilation_w), int(s.left), source_w);
        if (x < 0 && transposed) continue;
        const bool inside = y >= 0 && x >= 0;  // a weight also meets the zeros around an image: it may be NaN
        const T* from =
            a.x.data + (inside ? ((to.image * source_h + y) * source_w + x) * sources + group * of_group : 0);
        for (int c = 0; c < of_group; ++c) {
          const int64_t out = transposed ? group * of_group + c : to.channel;
          const int64_t channel = transposed ? to.channel % channels : c;
          sum = fma(inside ? from[c] : T(0), a.weight.data[((out * kh + p) * kw + q) * channels + channel], sum);
        }
      }
    }
    if (a.saved.data) a.saved.data[i] = sum;
    a.y.data[i] = activated(a.activation, a.alpha, sum);
  }
};

// dweight of x and dz, or the sums over each part of the pixels.
template <class T>
struct DirectWeights {
  const T *x, *dz;
  T* dweight;  // (parts, out, kh, kw, channels)
  ConvShape shape;
  int64_t part_pixels, weights;

  __device__ void operator()(int64_t i) const {
    const ConvShape& s = shape;
    const int64_t part = i / weights, mine = i - part * weights;
    const int out = int(mine % s.out), rest = int(mine / s.out), channels = int(s.c / s.groups);
    const int c = rest % channels, tap = rest / channels, p = tap / int(s.kw), q = tap % int(s.kw);
    const int64_t channel = out / (s.out / s.groups) * channels + c;
    const int64_t end = min((part + 1) * part_pixels, s.n * s.oh * s.ow);
    auto [image, row, column, none] = where(part * part_pixels, int(s.oh), int(s.ow), 1);
    T sum = 0;
    for (int64_t pixel = part * part_pixels; pixel < end; ++pixel) {
      const int y = meeting<false>(row, p, int(s.stride_h), int(s.dilation_h), int(s.top), int(s.h));
      const int x_at = meeting<false>(column, q, int(s.stride_w), int(s.dilation_w), int(s.left), int(s.w));
      const T value = y >= 0 && x_at >= 0 ? x[((image * s.h + y) * s.w + x_at) * s.c + channel] : T(0);
      sum = fma(value, dz[pixel * s.out + out], sum);
      if (++column == s.ow) column = 0, ++row;
      if (row == s.oh) row = 0, ++image;
    }
    dweight[part * weights + ((int64_t{out} * s.kh + p) * s.kw + q) * channels + c] = sum;
  }
};

}  // namespace wxb::cuda
