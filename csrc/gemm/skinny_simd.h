#pragma once
#include "core/simd_sum.h"
#include "gemm/pack_simd.h"

// Products with a side of one row or few: nothing is used often enough to be packed.
namespace wxb::WXB_TARGET {

// A matrix that meets a vector is read once. One of more elements than this lies beyond L2, and what then counts is
// that the next lines are on their way: 8 MB from L3 at 126 GB/s instead of 110 (one thread of Zen 5, which reads at
// 135).
constexpr int64_t beyond_l2 = 1 << 18;
WXB_INLINE void fetch(const float* p) { __builtin_prefetch(p); }

// y[j] += sum over k of x[k * x_step] b[k * row + j] for j < n: rows of b are scaled and added, some together, in
// order; y stays in the L1 cache.
template <int together, bool fetches>
void add_scaled_rows(int64_t depth, const float* x, int64_t x_step, const float* b, int64_t row, float* y, int64_t n) {
  int64_t k = 0;
  for (; k + together <= depth; k += together, b += together * row) {
    Vec scale[together];
#pragma GCC unroll 8
    for (int64_t r = 0; r < together; ++r) scale[r] = Vec(x[(k + r) * x_step]);
    for_lanes(0, n, [&](auto lanes, int64_t j) {
      Vec sum = lanes.load(y + j);
#pragma GCC unroll 8
      for (int64_t r = 0; r < together; ++r) {
        if (fetches) fetch(b + (together + r) * row + j);
        sum = fma(scale[r], lanes.load(b + r * row + j), sum);
      }
      lanes.store(sum, y + j);
    });
  }
  if constexpr (together > 1) add_scaled_rows<1, false>(depth - k, x + k * x_step, x_step, b, row, y, n);
}

// y[i * step] = sum over k of a[i * row + k] x[k], a row after the other as they lie.
inline void dot_rows_in_turn(int64_t rows, int64_t depth, const float* a, int64_t row, const float* x, float* y,
                             int64_t step) {
  constexpr int64_t ahead = 1024;
  const auto add = [](Vec p, Vec q) { return p + q; };
  for (int64_t i = 0; i < rows; ++i, a += row) {
    const auto product = [&](Vec sum, auto lanes, int64_t k) {
      fetch(a + k + ahead);
      return fma(lanes.load(a + k), lanes.load(x + k), sum);
    };
    y[i * step] = across(fold(0, depth, Vec(0.f), product, add), add);
  }
}

// A tile of C a vector wide would leave lanes empty, so here they run along k: each element of C is the dot product of
// a row of A and a row of Bᵀ. c(i, j) = sum over k of a[i a_row + k] b[j b_row + k], at c[i c_row + j c_column]. Of A,
// k may run through outer x inner stretches of `depth`, which lie apart.
struct Dots {
  int64_t rows, columns, depth;
  const float* a;
  int64_t a_row;
  const float* b;
  int64_t b_row;
  float* c;
  int64_t c_row, c_column;
  int64_t outer = 1, outer_step = 0, inner = 1, inner_step = 0;
};

constexpr int dot_rows = 4,
              dot_columns = Vec::lanes == 16 ? 4 : 2;  // sums, and the vectors they meet, fit the registers

// sums[i]'s lanes added up, in lane i of the result: a tree of additions of two vectors at a time.
WXB_INLINE Vec add_across(Vec (&sums)[Vec::lanes]) {
  const auto join = [&]<int width>(std::integral_constant<int, width>) {
#pragma GCC unroll 16
    for (int i = 0; i < int(Vec::lanes); i += 2 * width)
      sums[i] = exchange<width, false>(sums[i], sums[i + width]) + exchange<width, true>(sums[i], sums[i + width]);
  };
  join(std::integral_constant<int, 1>());
  join(std::integral_constant<int, 2>());
  if constexpr (Vec::lanes > 4) join(std::integral_constant<int, 4>());
  if constexpr (Vec::lanes > 8) join(std::integral_constant<int, 8>());
  return sums[0];
}

template <int rows, int columns>
void dot_tile(const Dots& d, int64_t i0, int64_t j0) {
  constexpr int count = rows * columns, groups = (count + int(Vec::lanes) - 1) / int(Vec::lanes);
  const float *a = d.a + i0 * d.a_row, *b = d.b + j0 * d.b_row;
  Vec sums[groups * Vec::lanes];
#pragma GCC unroll 16
  for (int s = 0; s < groups * int(Vec::lanes); ++s) sums[s] = Vec(0.f);
  for (int64_t o = 0; o < d.outer; ++o)
    for (int64_t in = 0; in < d.inner; ++in, b += d.depth) {
      const float* const stretch = a + o * d.outer_step + in * d.inner_step;
      for_lanes(0, d.depth, [&](auto lanes, int64_t k) {
        Vec of_b[columns];
#pragma GCC unroll 4
        for (int j = 0; j < columns; ++j) of_b[j] = lanes.load(b + j * d.b_row + k);
#pragma GCC unroll 4
        for (int i = 0; i < rows; ++i) {
          const Vec of_a = lanes.load(stretch + i * d.a_row + k);
#pragma GCC unroll 4
          for (int j = 0; j < columns; ++j) sums[i * columns + j] = fma(of_a, of_b[j], sums[i * columns + j]);
        }
      });
    }
  float totals[groups * Vec::lanes];
#pragma GCC unroll 4
  for (int g = 0; g < groups; ++g) {
    Vec group[Vec::lanes];
#pragma GCC unroll 16
    for (int s = 0; s < int(Vec::lanes); ++s) group[s] = sums[g * Vec::lanes + s];
    add_across(group).store(totals + g * Vec::lanes);
  }
  for (int i = 0; i < rows; ++i)
    for (int j = 0; j < columns; ++j) d.c[(i0 + i) * d.c_row + (j0 + j) * d.c_column] = totals[i * columns + j];
}

template <int rows, int columns = dot_columns>
void dot_strip(const Dots& d, int64_t i, int64_t j) {
  for (; j + columns <= d.columns; j += columns) dot_tile<rows, columns>(d, i, j);
  if constexpr (columns > 1) dot_strip<rows, columns - 1>(d, i, j);
}

// y[i] += bias[i * step]
inline void add_to(float* y, int64_t n, const float* bias, int64_t step) {
  for_lanes(0, n, [&](auto lanes, int64_t i) {
    lanes.store(lanes.load(y + i) + (step ? lanes.load(bias + i) : Vec(*bias)), y + i);
  });
}

inline void dots(const Dots& d, int64_t begin, int64_t end) {
  if (d.columns == 1 && d.outer * d.inner == 1 && d.rows * d.depth > beyond_l2)
    return dot_rows_in_turn(end - begin, d.depth, d.a + begin * d.a_row, d.a_row, d.b, d.c + begin * d.c_row, d.c_row);
  int64_t i = begin;
  for (; i + dot_rows <= end; i += dot_rows) dot_strip<dot_rows>(d, i, 0);
  for (; i < end; ++i) dot_strip<1>(d, i, 0);
}

}  // namespace wxb::WXB_TARGET
