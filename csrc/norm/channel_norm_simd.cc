#include "core/parallel.h"
#include "core/simd_sum.h"
#include "elementwise/activation_simd.h"
#include "norm/channel_norm_table.h"

namespace wxb::WXB_TARGET {

namespace {

using Rows = ChannelRows<float>;

template <int n>
struct Count {
  static constexpr int value = n;
};

constexpr int64_t ahead = 2048;  // elements
constexpr int together = 4;  // rows: what belongs to a channel is loaded, and its sums are stored, once for all of them

// f(count, i) for the rows, `together` at a time and then one by one; i is the first element.
template <class F>
WXB_INLINE void by_rows(const Rows& a, F f) {
  int64_t r = 0;
  for (; r + together <= a.rows; r += together) f(Count<together>(), r * a.channels);
  for (; r < a.rows; ++r) f(Count<1>(), r * a.channels);
}

// Memory is what takes the time: more of it is on its way than a core fetches by itself.
WXB_INLINE void fetch(const float* p) { __builtin_prefetch(p + ahead, 0, 2); }

// A vector's lanes as doubles: float32 is read, double is added up.
struct Wide {
  typedef double Half __attribute__((vector_size(WXB_VECTOR_BYTES)));
  typedef double Unaligned __attribute__((vector_size(WXB_VECTOR_BYTES), aligned(8), may_alias));
  static constexpr int64_t half = Vec::lanes / 2;
  Half low, high;

  WXB_INLINE static Wide load(All, const double* p) {
    return {*reinterpret_cast<const Unaligned*>(p), *reinterpret_cast<const Unaligned*>(p + half)};
  }
  WXB_INLINE void store(All, double* p) const {
    *reinterpret_cast<Unaligned*>(p) = low;
    *reinterpret_cast<Unaligned*>(p + half) = high;
  }
  WXB_INLINE static Wide load(First first, const double* p) {
    Wide r = {};
    __builtin_memcpy(&r, p, size_t(first.n) * 8);
    return r;
  }
  WXB_INLINE void store(First first, double* p) const { __builtin_memcpy(p, this, size_t(first.n) * 8); }
};

template <int from, int... lane>
WXB_INLINE Wide::Half widened(Vec v, std::integer_sequence<int, lane...>) {
  const auto half = __builtin_shufflevector(v.v, v.v, (from + lane)...);
#if defined(WXB_AVX512)  // the compiler converts four lanes at a time
  return Wide::Half(_mm512_maskz_cvtps_pd(0xff, __m256(half)));
#elif defined(WXB_AVX2)
  return Wide::Half(_mm256_cvtps_pd(__m128(half)));
#else
  return __builtin_convertvector(half, Wide::Half);
#endif
}

WXB_INLINE Wide widen(Vec v) {
  constexpr auto lanes = std::make_integer_sequence<int, int(Wide::half)>();
  return {widened<0>(v, lanes), widened<int(Wide::half)>(v, lanes)};
}

WXB_INLINE Wide operator+(Wide a, Wide b) { return {a.low + b.low, a.high + b.high}; }
WXB_INLINE Wide operator-(Wide a, Wide b) { return {a.low - b.low, a.high - b.high}; }
WXB_INLINE Wide operator*(Wide a, Wide b) { return {a.low * b.low, a.high * b.high}; }

struct Terms {
  Wide first, second;
};

// f(rows, first element) for some rows at a time, of which several arrays stay in L1.
template <class F>
WXB_INLINE void by_stretch(const Rows& a, F f) {
  const int64_t taken = max<int64_t>(1, 2048 / a.channels);
  Rows rows = a;
  for (int64_t r = 0; r < a.rows; r += taken) {
    rows.rows = min(taken, a.rows - r);
    f(rows, r * a.channels);
  }
}

// sums += of first, products += of first second; prepare(lanes, j) gives a function from an element of channel j to
// both.
template <class Prepare>
WXB_INLINE void add_up(const Rows& a, double* sums, double* products, Prepare prepare) {
  by_rows(a, [&](auto rows, int64_t i) {
    for_lanes(0, a.channels, [&](auto lanes, int64_t j) {
      const auto term = prepare(lanes, j);
      Wide sum = Wide::load(lanes, sums + j), product = Wide::load(lanes, products + j);
      for (int r = 0; r < decltype(rows)::value; ++r) {
        const Terms t = term(i + r * a.channels + j);
        sum = sum + t.first, product = product + t.first * t.second;
      }
      sum.store(lanes, sums + j), product.store(lanes, products + j);
    });
  });
}

void statistics(const Rows& a, const float* x, double* sums, double* squares) {
  add_up(a, sums, squares, [&](auto lanes, int64_t j) {
    const Wide origin = widen(lanes.load(a.origin + j));
    return [=](int64_t at) {
      fetch(x + at);
      const Wide d = widen(lanes.load(x + at)) - origin;
      return Terms{d, d};
    };
  });
}

template <bool relu>
void dots_of(const Rows& a, const float* x, const float* dy, double* sums, double* products) {
  add_up(a, sums, products, [&](auto lanes, int64_t j) {
    const Vec origin = lanes.load(a.origin + j), centre = lanes.load(a.centre + j);
    const Vec scale = lanes.load(a.scale + j), shift = lanes.load(a.shift + j), zero(0.f);
    return [=](int64_t at) {
      fetch(x + at), fetch(dy + at);
      const Vec d = lanes.load(x + at) - origin - centre, g = lanes.load(dy + at);
      return Terms{widen(relu ? select(fma(d, scale, shift) > zero, g, zero) : g), widen(d)};
    };
  });
}

template <class Lanes>
WXB_INLINE void write(Lanes lanes, Vec v, float* p, bool streams) {
  streams ? v.stream(p) : lanes.store(v, p);
}

// y = d scale + shift, or relu of it
void affine(const Rows& a, const float* x, float* y, bool streams) {
  const int64_t n = a.channels;
  const bool relu = a.activation == Unary::relu;
  const Vec zero(0.f);
  by_rows(a, [&](auto rows, int64_t i) {
    for_lanes(0, n, [&](auto lanes, int64_t j) {
      const Vec origin = lanes.load(a.origin + j), centre = lanes.load(a.centre + j);
      const Vec scale = lanes.load(a.scale + j), shift = lanes.load(a.shift + j);
      for (int r = 0; r < decltype(rows)::value; ++r) {
        fetch(x + i + r * n + j);
        const Vec v = fma(lanes.load(x + i + r * n + j) - origin - centre, scale, shift);
        write(lanes, relu ? select(v < zero, zero, v) : v, y + i + r * n + j, streams);
      }
    });
  });
  if (streams) streams_done();
}

void normalise(const Rows& a, const float* x, float* y, bool streams) {
  if (a.in_registers()) return affine(a, x, y, streams);
  by_stretch(a, [&](const Rows& rows, int64_t at) {
    affine(rows, x + at, y + at, false);
    activate(a.activation, a.alpha, 0, y + at, y + at, rows.rows * a.channels);
  });
}

void dots(const Rows& a, const float* x, const float* dy, float* g, double* sums, double* products) {
  if (a.activation == Unary::none) return dots_of<false>(a, x, dy, sums, products);
  if (a.activation == Unary::relu) return dots_of<true>(a, x, dy, sums, products);
  float* const z = static_cast<float*>(thread_buffer(Slot::a, size_t(max<int64_t>(2048, a.channels)) * sizeof(float)));
  by_stretch(a, [&](const Rows& rows, int64_t at) {
    affine(rows, x + at, z, false);
    float* const to = g ? g + at : z;
    activation_gradient_at(a.activation, a.alpha, 0, z, dy + at, to, rows.rows * a.channels);
    dots_of<false>(rows, x + at, to, sums, products);
  });
}

void gradient(const Rows& a, const float* x, const float* dy, const float* mean, const float* slope, float* dx,
              bool streams) {
  const int64_t n = a.channels;
  const bool relu = a.activation == Unary::relu;
  const Vec zero(0.f);
  by_rows(a, [&](auto rows, int64_t i) {
    for_lanes(0, n, [&](auto lanes, int64_t j) {
      const Vec origin = lanes.load(a.origin + j), centre = lanes.load(a.centre + j);
      const Vec scale = lanes.load(a.scale + j), shift = lanes.load(a.shift + j);
      const Vec mean_j = lanes.load(mean + j), slope_j = lanes.load(slope + j);
      for (int r = 0; r < decltype(rows)::value; ++r) {
        const int64_t at = i + r * n + j;
        fetch(x + at), fetch(dy + at);
        const Vec d = lanes.load(x + at) - origin - centre;
        Vec g = lanes.load(dy + at);
        if (relu) g = select(fma(d, scale, shift) > zero, g, zero);
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
