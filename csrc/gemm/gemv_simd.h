#pragma once
#include "core/simd_sum.h"

// Products of a matrix and a vector: nothing is used twice, so the matrix is read once, in the order it lies in memory.
namespace wxb::WXB_TARGET {

// y[j] = sum over k of x[k * x_step] b[k * row + j] for j < n: rows of b are scaled and added, eight at a time, in
// order; y stays in the L1 cache.
inline void add_rows(int64_t depth, const float* x, int64_t x_step, const float* b, int64_t row, float* y, int64_t n) {
  constexpr int64_t together = 8;
  for (int64_t k = 0; k < depth; k += together) {
    const int64_t rows = min(together, depth - k);
    Vec scale[together];
#pragma GCC unroll 8
    for (int64_t r = 0; r < together; ++r) scale[r] = Vec(r < rows ? x[(k + r) * x_step] : 0.f);
    const float* from = b + k * row;
    const bool begins = k == 0;
    for_lanes(0, n, [&](auto lanes, int64_t j) {
      Vec sum = begins ? Vec(0.f) : lanes.load(y + j);
      if (rows == together) {
#pragma GCC unroll 8
        for (int64_t r = 0; r < together; ++r) sum = fma(scale[r], lanes.load(from + r * row + j), sum);
      } else {
        for (int64_t r = 0; r < rows; ++r) sum = fma(scale[r], lanes.load(from + r * row + j), sum);
      }
      lanes.store(sum, y + j);
    });
  }
}

// y[i] = sum over k of a[i * row + k] x[k] for i < count: `rows` of them at a time, so that x is loaded once for all,
// two vectors of each, joined in a fixed tree.
template <int rows>
WXB_INLINE void dot_rows(int64_t depth, const float* a, int64_t row, const float* x, float* y) {
  const auto add = [](Vec p, Vec q) { return p + q; };
  Vec even[rows], odd[rows];
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r) even[r] = odd[r] = Vec(0.f);
  int64_t k = 0;
  for (; k + 2 * Vec::lanes <= depth; k += 2 * Vec::lanes) {
    const Vec x0 = Vec::load(x + k), x1 = Vec::load(x + k + Vec::lanes);
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r) {
      even[r] = fma(Vec::load(a + r * row + k), x0, even[r]);
      odd[r] = fma(Vec::load(a + r * row + k + Vec::lanes), x1, odd[r]);
    }
  }
  for_lanes(k, depth, [&](auto lanes, int64_t i) {
    const Vec x0 = lanes.load(x + i);
#pragma GCC unroll 4
    for (int r = 0; r < rows; ++r) even[r] = fma(lanes.load(a + r * row + i), x0, even[r]);
  });
#pragma GCC unroll 4
  for (int r = 0; r < rows; ++r) y[r] = across(even[r] + odd[r], add);
}

// y[i] += bias[i * step]
inline void add_to(float* y, int64_t n, const float* bias, int64_t step) {
  for_lanes(0, n, [&](auto lanes, int64_t i) {
    lanes.store(lanes.load(y + i) + (step ? lanes.load(bias + i) : Vec(*bias)), y + i);
  });
}

inline void dots(int64_t depth, const float* a, int64_t row, const float* x, float* y, int64_t count) {
  int64_t i = 0;
  for (; i + 4 <= count; i += 4) dot_rows<4>(depth, a + i * row, row, x, y + i);
  for (; i < count; ++i) dot_rows<1>(depth, a + i * row, row, x, y + i);
}

}  // namespace wxb::WXB_TARGET
