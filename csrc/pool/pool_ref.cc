#include <cmath>

#include "pool/pool_table.h"

namespace wxb::ref {

namespace {

template <class F>
void for_pixels(int64_t begin, int64_t end, int64_t height, int64_t width, F f) {
  for_rows(begin, end, height, width, [&](int64_t n, int64_t i, int64_t from, int64_t to) {
    for (int64_t j = from; j < to; ++j) f(n, i, j);
  });
}

template <class T>
void max_forward(const MaxPool<T>& a, int64_t begin, int64_t end) {
  const auto [batch, channels, h, w] = a.windows;
  int64_t at = begin * channels;
  for_pixels(begin, end, h.out, w.out, [&](int64_t n, int64_t oh, int64_t ow) {
    for (int64_t c = 0; c < channels; ++c, ++at) {
      T best{};
      int64_t place = -1;
      for (int64_t i = h.begin(oh); i < h.end(oh); ++i)
        for (int64_t j = w.begin(ow); j < w.end(ow); ++j) {
          const T v = a.x.data[((n * h.in + i) * w.in + j) * channels + c];
          if (place < 0 || v > best || std::isnan(v))
            best = v, place = (i - h.start(oh)) * w.kernel + (j - w.start(ow));
        }
      a.y.data[at] = best;
      if (a.index) a.index.data[at] = uint8_t(place);
      if (a.wide_index) a.wide_index.data[at] = int32_t(place);
    }
  });
}

// The sum of term(output pixel, oh, ow) over the windows that cover the input pixel (n, i, j).
template <class Term>
double over_windows(const Windows2d& s, int64_t n, int64_t i, int64_t j, Term term) {
  double sum = 0;
  for (int64_t oh = s.h.first(i); oh < s.h.last(i); ++oh)
    for (int64_t ow = s.w.first(j); ow < s.w.last(j); ++ow) sum += term((n * s.h.out + oh) * s.w.out + ow, oh, ow);
  return sum;
}

template <class T>
void max_backward(const MaxPoolBackward<T>& a, int64_t begin, int64_t end) {
  const auto [batch, channels, h, w] = a.windows;
  int64_t at = begin * channels;
  for_pixels(begin, end, h.in, w.in, [&](int64_t n, int64_t i, int64_t j) {
    for (int64_t c = 0; c < channels; ++c, ++at)
      a.dx.data[at] = T(over_windows(a.windows, n, i, j, [&](int64_t pixel, int64_t oh, int64_t ow) {
        const int64_t o = pixel * channels + c, place = (i - h.start(oh)) * w.kernel + (j - w.start(ow));
        const int64_t chosen = a.index ? int64_t(a.index.data[o]) : int64_t(a.wide_index.data[o]);
        return chosen == place ? double(a.dy.data[o]) : 0.0;
      }));
  });
}

template <class T>
void average_forward(const AveragePool<T>& a, int64_t begin, int64_t end) {
  const auto [batch, channels, h, w] = a.windows;
  int64_t at = begin * channels;
  for_pixels(begin, end, h.out, w.out, [&](int64_t n, int64_t oh, int64_t ow) {
    for (int64_t c = 0; c < channels; ++c, ++at) {
      double sum = 0;
      for (int64_t i = h.begin(oh); i < h.end(oh); ++i)
        for (int64_t j = w.begin(ow); j < w.end(ow); ++j)
          sum += double(a.x.data[((n * h.in + i) * w.in + j) * channels + c]);
      a.y.data[at] = T(sum / (double(h.divisor(oh)) * double(w.divisor(ow))));
    }
  });
}

template <class T>
void average_backward(const AveragePoolBackward<T>& a, int64_t begin, int64_t end) {
  const auto [batch, channels, h, w] = a.windows;
  int64_t at = begin * channels;
  for_pixels(begin, end, h.in, w.in, [&](int64_t n, int64_t i, int64_t j) {
    for (int64_t c = 0; c < channels; ++c, ++at)
      a.dx.data[at] = T(over_windows(a.windows, n, i, j, [&](int64_t pixel, int64_t oh, int64_t ow) {
        return double(a.dy.data[pixel * channels + c]) / (double(h.divisor(oh)) * double(w.divisor(ow)));
      }));
  });
}

}  // namespace

extern const PoolTable<float> pool_float;
extern const PoolTable<double> pool_double;
const PoolTable<float> pool_float{max_forward, max_backward, average_forward, average_backward};
const PoolTable<double> pool_double{max_forward, max_backward, average_forward, average_backward};

}  // namespace wxb::ref
