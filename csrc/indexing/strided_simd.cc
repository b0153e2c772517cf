#include "indexing/strided_table.h"

#include <utility>  // integer_sequence: a type, no code

#include "core/simd.h"

namespace wxb::WXB_TARGET {

namespace {

constexpr int lanes = Vec::lanes;

// Lanes whose number has the bit `step` change places: of a they come from b, of b from a (Eklundh 1972).
template <int step, int... lane>
WXB_INLINE void exchange(Vec& a, Vec& b, std::integer_sequence<int, lane...>) {
  constexpr Mask::Native to_a{((lane & step) ? lanes + lane - step : lane)...};
  constexpr Mask::Native to_b{((lane & step) ? lanes + lane : lane + step)...};
  const Vec::Native first = __builtin_shuffle(a.v, b.v, to_a);
  b = __builtin_shuffle(a.v, b.v, to_b);
  a = first;
}

template <int step>
WXB_INLINE void transpose_lanes(Vec* row) {
  for (int i = 0; i < lanes; ++i)
    if (!(i & step)) exchange<step>(row[i], row[i + step], std::make_integer_sequence<int, lanes>{});
  if constexpr (step > 1) transpose_lanes<step / 2>(row);
}

void tile(const float* x, int64_t x_step, float* y, int64_t y_step) {
  Vec row[lanes];
  for (int j = 0; j < lanes; ++j) row[j] = Vec::load(x + j * x_step);
  transpose_lanes<lanes / 2>(row);
  for (int i = 0; i < lanes; ++i) row[i].store(y + i * y_step);
}

// Cache lines of x and of y are used whole while they are near: tiles of 16 x 16, made of those that fit the registers.
void transpose(const uint32_t* words, int64_t x_step, uint32_t* to, int64_t y_step, int64_t width, int64_t height) {
  const auto* x = reinterpret_cast<const float*>(words);
  auto* y = reinterpret_cast<float*>(to);
  constexpr int64_t line = 16;
  const int64_t whole_i = width / line * line, whole_j = height / line * line;
  for (int64_t j = 0; j < whole_j; j += line)
    for (int64_t i = 0; i < whole_i; i += line)
      for (int64_t p = i; p < i + line; p += lanes)
        for (int64_t q = j; q < j + line; q += lanes) tile(x + q * x_step + p, x_step, y + p * y_step + q, y_step);
  for (int64_t j = 0; j < height; ++j)
    for (int64_t i = j < whole_j ? whole_i : 0; i < width; ++i) to[i * y_step + j] = words[j * x_step + i];
}

}  // namespace

extern const StridedTable strided;
const StridedTable strided{transpose};

}  // namespace wxb::WXB_TARGET
