#include "core/divisor.cuh"
#include "core/elements.cuh"
#include "pool/pool.h"

// A thread has a pixel of the result, in a pack of channels where there are whole ones.
namespace wxb::cuda {

namespace {

template <class T>
constexpr int pack_of = 16 / int(sizeof(T));

// Element i of (batch, height, width, channels).
struct Pixel {
  int64_t n, i, j, c;
};
class Pixels {
 public:
  Pixels(int64_t height, int64_t width, int64_t channels)
      : height_(height),
        width_(width),
        channels_(channels),
        by_height_(height),
        by_width_(width),
        by_channels_(channels) {}
  __device__ Pixel operator()(int64_t element) const {
    const int64_t pixel = by_channels_.quotient(element), row = by_width_.quotient(pixel);
    const int64_t n = by_height_.quotient(row);
    return {n, row - n * height_, pixel - row * width_, element - pixel * channels_};
  }

 private:
  int64_t height_, width_, channels_;
  Divisor by_height_, by_width_, by_channels_;
};

Pixels inputs_of(const Windows2d& s) { return {s.h.in, s.w.in, s.channels}; }
Pixels outputs_of(const Windows2d& s) { return {s.h.out, s.w.out, s.channels}; }

// f(i, j, element) for the inputs of a window.
template <class F>
__device__ void for_window(const Windows2d& s, const Pixel& p, F f) {
  const int64_t begin = s.w.begin(p.j), end = s.w.end(p.j);
  for (int64_t i = s.h.begin(p.i); i < s.h.end(p.i); ++i)
    for (int64_t j = begin; j < end; ++j) f(i, j, ((p.n * s.h.in + i) * s.w.in + j) * s.channels + p.c);
}

// f(oh, ow, element) for the windows that cover an input.
template <class F>
__device__ void over_windows(const Windows2d& s, const Pixel& p, F f) {
  const int64_t first = s.w.first(p.j), last = s.w.last(p.j);
  for (int64_t oh = s.h.first(p.i); oh < s.h.last(p.i); ++oh)
    for (int64_t ow = first; ow < last; ++ow) f(oh, ow, ((p.n * s.h.out + oh) * s.w.out + ow) * s.channels + p.c);
}

// Index is uint8 where that holds every place of a window, else int32.
template <class T, class Index>
struct MaxBody {
  static constexpr int pack = pack_of<T>;
  MaxPool<T> a;
  Index* index;
  Pixels pixels;
  template <int n>
  __device__ void run(int64_t element) const {
    const Windows2d& s = a.windows;
    const Pixel p = pixels(element);
    const int64_t top = s.h.start(p.i), left = s.w.start(p.j);
    Pack<T, n> best{};
    Pack<Index, n> chosen{};
    bool first = true;
    for_window(s, p, [&](int64_t i, int64_t j, int64_t at) {
      const auto x = load<n>(a.x.data + at);
      const auto place = Index((i - top) * s.w.kernel + (j - left));
#pragma unroll
      for (int k = 0; k < n; ++k) {
        const bool take = first | (x.v[k] > best.v[k]) | (x.v[k] != x.v[k]);
        best.v[k] = take ? x.v[k] : best.v[k];
        chosen.v[k] = take ? place : chosen.v[k];
      }
      first = false;
    });
    store(a.y.data + element, best);
    if (index) store(index + element, chosen);
  }
};

template <class T, class Index>
struct MaxBackwardBody {
  static constexpr int pack = pack_of<T>;
  MaxPoolBackward<T> a;
  const Index* index;
  Pixels pixels;
  template <int n>
  __device__ void run(int64_t element) const {
    const Windows2d& s = a.windows;
    const Pixel p = pixels(element);
    Pack<T, n> dx{};
    over_windows(s, p, [&](int64_t oh, int64_t ow, int64_t at) {
      const auto dy = load<n>(a.dy.data + at);
      const auto chosen = load<n>(index + at);
      const auto place = Index((p.i - s.h.start(oh)) * s.w.kernel + (p.j - s.w.start(ow)));
#pragma unroll
      for (int k = 0; k < n; ++k) dx.v[k] += chosen.v[k] == place ? dy.v[k] : T(0);
    });
    store(a.dx.data + element, dx);
  }
};

template <class T>
struct AverageBody {
  static constexpr int pack = pack_of<T>;
  AveragePool<T> a;
  Pixels pixels;
  template <int n>
  __device__ void run(int64_t element) const {
    const Windows2d& s = a.windows;
    const Pixel p = pixels(element);
    Pack<T, n> y{}, row{};  // sums of rows first: a chain is no longer than a side
    int64_t last = -1;
    for_window(s, p, [&](int64_t i, int64_t, int64_t at) {
      const auto x = load<n>(a.x.data + at);
#pragma unroll
      for (int k = 0; k < n; ++k) {
        y.v[k] += i == last ? T(0) : row.v[k];
        row.v[k] = i == last ? row.v[k] + x.v[k] : x.v[k];
      }
      last = i;
    });
    const T divisor = T(s.h.divisor(p.i)) * T(s.w.divisor(p.j));
#pragma unroll
    for (int k = 0; k < n; ++k) y.v[k] = (y.v[k] + row.v[k]) / divisor;
    store(a.y.data + element, y);
  }
};

__device__ float reciprocal(float x) { return 1 / x; }
__device__ double reciprocal(double x) {  // a division of doubles is a call, and spills what is in registers
  const double root = rsqrt(x);
  return root * root;
}

template <class T>
struct AverageBackwardBody {
  static constexpr int pack = sizeof(T) == 4 ? 4 : 1;
  AveragePoolBackward<T> a;
  Pixels pixels;
  template <int n>
  __device__ void run(int64_t element) const {
    const Windows2d& s = a.windows;
    Pack<T, n> dx{};
    over_windows(s, pixels(element), [&](int64_t oh, int64_t ow, int64_t at) {
      const auto dy = load<n>(a.dy.data + at);
      const T share = reciprocal(T(s.h.divisor(oh)) * T(s.w.divisor(ow)));
#pragma unroll
      for (int k = 0; k < n; ++k) dx.v[k] += dy.v[k] * share;
    });
    store(a.dx.data + element, dx);
  }
};

}  // namespace

template <class T>
void max_pool_forward(const MaxPool<T>& a, Context& context) {
  const Windows2d& s = a.windows;
  const auto run = [&]<class Index>(const Out<Index>& index) {
    const MaxBody<T, Index> body{a, index.data, outputs_of(s)};
    launch_elements(context, body, a.y.size, s.channels, a.x, a.y, index);
  };
  a.wide_index ? run(a.wide_index) : run(a.index);
}

template <class T>
void max_pool_backward(const MaxPoolBackward<T>& a, Context& context) {
  const Windows2d& s = a.windows;
  const auto run = [&]<class Index>(const In<Index>& index) {
    const MaxBackwardBody<T, Index> body{a, index.data, inputs_of(s)};
    launch_elements(context, body, a.dx.size, s.channels, a.dy, a.dx, index);
  };
  a.wide_index ? run(a.wide_index) : run(a.index);
}

template <class T>
void average_pool_forward(const AveragePool<T>& a, Context& context) {
  const AverageBody<T> body{a, outputs_of(a.windows)};
  launch_elements(context, body, a.y.size, a.windows.channels, a.x, a.y);
}

template <class T>
void average_pool_backward(const AveragePoolBackward<T>& a, Context& context) {
  const AverageBackwardBody<T> body{a, inputs_of(a.windows)};
  launch_elements(context, body, a.dx.size, a.windows.channels, a.dy, a.dx);
}

#define WXB_FLOAT(T)                                                    \
  template void max_pool_forward(const MaxPool<T>&, Context&);          \
  template void max_pool_backward(const MaxPoolBackward<T>&, Context&); \
  template void average_pool_forward(const AveragePool<T>&, Context&);  \
  template void average_pool_backward(const AveragePoolBackward<T>&, Context&);
WXB_FLOAT(float)
WXB_FLOAT(double)

}  // namespace wxb::cuda
