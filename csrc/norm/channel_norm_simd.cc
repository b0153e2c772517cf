#include "core/simd_sum.h"
#include "norm/channel_norm_table.h"

namespace wxb::WXB_TARGET {

namespace {

using Rows = ChannelRows<float>;

template <int n>
struct Count {
  static constexpr int value = n;
};

constexpr int together = 4;  // rows: what belongs to a channel is loaded, and its sums are stored, once for all of them

// f(count, i) for the rows, `together` at a time and then one by one; i is the first element.
template <class F>
WXB_INLINE void by_rows(const Rows& a, F f) {
  int64_t r = 0;
  for (; r + together <= a.rows; r += together) f(Count<together>(), r * a.channels);
  for (; r < a.rows; ++r) f(Count<1>(), r * a.channels);
}

void clear(int64_t n, double* first, double* second) {
  for (int64_t j = 0; j < n; ++j) first[j] = second[j] = 0;
}

// Plain loops over channels, which the compiler makes vectors of: float32 is read, double is added up.
void statistics(const Rows& a, const float* x, double* __restrict sums, double* __restrict squares) {
  const int64_t n = a.channels;
  const float* const origin = a.origin;
  clear(n, sums, squares);
  by_rows(a, [&](auto rows, int64_t i) {
    const float* const first = x + i;
    for (int64_t j = 0; j < n; ++j) {
      double sum = sums[j], square = squares[j];
      for (int r = 0; r < decltype(rows)::value; ++r) {
        const double d = double(first[r * n + j]) - double(origin[j]);
        sum += d, square += d * d;
      }
      sums[j] = sum, squares[j] = square;
    }
  });
}

template <bool relu>
void dots_of(const Rows& a, const float* x, const float* dy, double* __restrict sums, double* __restrict products) {
  const int64_t n = a.channels;
  const float *const origin = a.origin, *const centre = a.centre, *const scale = a.scale, *const shift = a.shift;
  clear(n, sums, products);
  by_rows(a, [&](auto rows, int64_t i) {
    const float *const xs = x + i, *const dys = dy + i;
    for (int64_t j = 0; j < n; ++j) {
      double sum = sums[j], product = products[j];
      for (int r = 0; r < decltype(rows)::value; ++r) {
        const float d = xs[r * n + j] - origin[j] - centre[j];
        const float g = !relu || __builtin_fmaf(d, scale[j], shift[j]) > 0 ? dys[r * n + j] : 0.f;
        sum += double(g), product += double(g) * double(d);
      }
      sums[j] = sum, products[j] = product;
    }
  });
}

void dots(const Rows& a, const float* x, const float* dy, double* sums, double* products) {
  a.relu ? dots_of<true>(a, x, dy, sums, products) : dots_of<false>(a, x, dy, sums, products);
}

template <class Lanes>
WXB_INLINE void write(Lanes lanes, Vec v, float* p, bool streams) {
  streams ? v.stream(p) : lanes.store(v, p);
}

void normalise(const Rows& a, const float* x, float* y, bool streams) {
  const int64_t n = a.channels;
  const Vec zero(0.f);
  by_rows(a, [&](auto rows, int64_t i) {
    for_lanes(0, n, [&](auto lanes, int64_t j) {
      const Vec origin = lanes.load(a.origin + j), centre = lanes.load(a.centre + j);
      const Vec scale = lanes.load(a.scale + j), shift = lanes.load(a.shift + j);
      for (int r = 0; r < decltype(rows)::value; ++r) {
        const Vec v = fma(lanes.load(x + i + r * n + j) - origin - centre, scale, shift);
        write(lanes, a.relu ? select(v < zero, zero, v) : v, y + i + r * n + j, streams);
      }
    });
  });
  if (streams) streams_done();
}

void gradient(const Rows& a, const float* x, const float* dy, const float* mean, const float* slope, float* dx,
              bool streams) {
  const int64_t n = a.channels;
  const Vec zero(0.f);
  by_rows(a, [&](auto rows, int64_t i) {
    for_lanes(0, n, [&](auto lanes, int64_t j) {
      const Vec origin = lanes.load(a.origin + j), centre = lanes.load(a.centre + j);
      const Vec scale = lanes.load(a.scale + j), shift = lanes.load(a.shift + j);
      const Vec mean_j = lanes.load(mean + j), slope_j = lanes.load(slope + j);
      for (int r = 0; r < decltype(rows)::value; ++r) {
        const int64_t at = i + r * n + j;
        const Vec d = lanes.load(x + at) - origin - centre;
        Vec g = lanes.load(dy + at);
        if (a.relu) g = select(fma(d, scale, shift) > zero, g, zero);
        write(lanes, fma(g, scale, -fma(d, slope_j, mean_j)), dx + at, streams);
      }
    });
  });
  if (streams) streams_done();
}

}  // namespace

extern const ChannelNormTable<float> channel_norm_float;
const ChannelNormTable<float> channel_norm_float{statistics, normalise, dots, gradient};

}  // namespace wxb::WXB_TARGET
