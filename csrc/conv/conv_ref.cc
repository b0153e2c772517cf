#include <algorithm>

#include "conv/conv_table.h"
#include "elementwise/elementwise_table.h"

namespace wxb::ref {

extern const ElementwiseTable<float> elementwise_float;
extern const ElementwiseTable<double> elementwise_double;

namespace {

template <class T>
const ElementwiseTable<T>& elementwise() {
  if constexpr (std::is_same_v<T, float>)
    return elementwise_float;
  else
    return elementwise_double;
}

// The sums, in double, over all pixels, taps and channels of the definition.

// x at position (y, x) of image n, 0 outside of it.
template <class T>
double at(const ConvShape& s, const T* x, int64_t n, int64_t row, int64_t column, int64_t channel) {
  const bool inside = row >= 0 && row < s.h && column >= 0 && column < s.w;
  return inside ? double(x[((n * s.h + row) * s.w + column) * s.c + channel]) : 0.0;
}

template <class T>
double output(const ConvForward<T>& a, int64_t n, int64_t i, int64_t j, int64_t o) {
  const ConvShape& s = a.shape;
  const int64_t channels = s.c / s.groups, first = o / (s.out / s.groups) * channels;
  const T* weight = a.weight.data + o * s.kh * s.kw * channels;
  double sum = a.bias ? double(a.bias.data[o]) : 0;
  for (int64_t p = 0; p < s.kh; ++p)
    for (int64_t q = 0; q < s.kw; ++q)
      for (int64_t c = 0; c < channels; ++c)
        sum += double(*weight++) * at(s, a.x.data, n, i * s.stride_h + p * s.dilation_h - s.top,
                                      j * s.stride_w + q * s.dilation_w - s.left, first + c);
  return sum;
}

// Keeps the sums where they are wanted, and applies the activation.
template <class T>
void finish(const ConvForward<T>& a) {
  if (a.saved) std::copy_n(a.y.data, a.y.size, a.saved.data);
  if (a.activation != Unary::none)
    elementwise<T>().unary_forward({{a.y.data, a.y.size}, a.y, a.activation, a.alpha, 0}, 0, a.y.size);
}

template <class T>
void forward(const ConvForward<T>& a) {
  const ConvShape& s = a.shape;
  T* y = a.y.data;
  for (int64_t n = 0; n < s.n; ++n)
    for (int64_t i = 0; i < s.oh; ++i)
      for (int64_t j = 0; j < s.ow; ++j)
        for (int64_t o = 0; o < s.out; ++o) *y++ = T(output(a, n, i, j, o));
  finish(a);
}

// f(tap, output) for the pairs on one axis that meet a position of the input.
template <class F>
void for_meeting(int64_t position, int64_t taps, int64_t outputs, int64_t stride, int64_t dilation, F f) {
  for (int64_t t = 0; t < taps; ++t) {
    const int64_t i = position - t * dilation;
    if (i >= 0 && i % stride == 0 && i / stride < outputs) f(t, i / stride);
  }
}

template <class T>
double transposed_output(const ConvForward<T>& a, int64_t n, int64_t y, int64_t x, int64_t c) {
  const ConvShape& s = a.shape;
  const int64_t channels = s.c / s.groups, outputs = s.out / s.groups, first = c / channels * outputs;
  double sum = a.bias ? double(a.bias.data[c]) : 0;
  for_meeting(y + s.top, s.kh, s.oh, s.stride_h, s.dilation_h, [&](int64_t p, int64_t i) {
    for_meeting(x + s.left, s.kw, s.ow, s.stride_w, s.dilation_w, [&](int64_t q, int64_t j) {
      for (int64_t o = first; o < first + outputs; ++o)
        sum += double(a.x.data[((n * s.oh + i) * s.ow + j) * s.out + o]) *
               double(a.weight.data[((o * s.kh + p) * s.kw + q) * channels + c % channels]);
    });
  });
  return sum;
}

template <class T>
void transpose(const ConvForward<T>& a) {
  const ConvShape& s = a.shape;
  T* to = a.y.data;
  for (int64_t n = 0; n < s.n; ++n)
    for (int64_t y = 0; y < s.h; ++y)
      for (int64_t x = 0; x < s.w; ++x)
        for (int64_t c = 0; c < s.c; ++c) *to++ = T(transposed_output(a, n, y, x, c));
  finish(a);
}

template <class T>
double weight_derivative(const ConvWeightGradient<T>& a, int64_t o, int64_t p, int64_t q, int64_t channel) {
  const ConvShape& s = a.shape;
  double sum = 0;
  for (int64_t n = 0; n < s.n; ++n)
    for (int64_t i = 0; i < s.oh; ++i)
      for (int64_t j = 0; j < s.ow; ++j)
        sum += double(a.dz[((n * s.oh + i) * s.ow + j) * s.out + o]) *
               at(s, a.x, n, i * s.stride_h + p * s.dilation_h - s.top, j * s.stride_w + q * s.dilation_w - s.left,
                  channel);
  return sum;
}

template <class T>
void weight_gradient(const ConvWeightGradient<T>& a) {
  const ConvShape& s = a.shape;
  const int64_t channels = s.c / s.groups;
  T* dweight = a.dweight;
  for (int64_t o = 0; o < s.out; ++o)
    for (int64_t p = 0; p < s.kh; ++p)
      for (int64_t q = 0; q < s.kw; ++q)
        for (int64_t c = 0; c < channels; ++c)
          *dweight++ = T(weight_derivative(a, o, p, q, o / (s.out / s.groups) * channels + c));
}

}  // namespace

extern const ConvTable<float> conv_float;
extern const ConvTable<double> conv_double;
const ConvTable<float> conv_float{forward, transpose, weight_gradient, nullptr};
const ConvTable<double> conv_double{forward, transpose, weight_gradient, nullptr};

}  // namespace wxb::ref
