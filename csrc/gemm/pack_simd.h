#pragma once
#include "core/simd.h"

// Packing: copies of blocks of A and B in the order in which the micro-kernel reads them.
namespace wxb::WXB_TARGET {

// out lane l = a[l] where bit `width` of l is clear, else b[l - width]; with `high`, a[l + width] and b[l].
template <int width, bool high>
WXB_INLINE Vec exchange(Vec a, Vec b) {
  Mask::Native from;
  for (int l = 0; l < int(Vec::lanes); ++l) {
    const bool second = l & width;
    from[l] = (second ? int(Vec::lanes) + l : l) + (high ? (second ? 0 : width) : (second ? -width : 0));
  }
#ifdef __clang__
  Vec r;
  for (int l = 0; l < int(Vec::lanes); ++l)
    r.v[l] = from[l] < int(Vec::lanes) ? a.v[from[l]] : b.v[from[l] - int(Vec::lanes)];
  return r;
#else
  return __builtin_shuffle(a.v, b.v, from);
#endif
}

template <int width>
WXB_INLINE void exchange_all(Vec (&rows)[Vec::lanes]) {
#pragma GCC unroll 16
  for (int i = 0; i < int(Vec::lanes); ++i)
    if (!(i & width)) {
      const Vec a = rows[i], b = rows[i + width];
      rows[i] = exchange<width, false>(a, b);
      rows[i + width] = exchange<width, true>(a, b);
    }
}

// Transposes a square of vectors in registers, by exchanging ever larger blocks (Eklundh 1972).
WXB_INLINE void transpose(Vec (&rows)[Vec::lanes]) {
  exchange_all<1>(rows);
  exchange_all<2>(rows);
  if constexpr (Vec::lanes > 4) exchange_all<4>(rows);
  if constexpr (Vec::lanes > 8) exchange_all<8>(rows);
}

// Consecutive numbers of a row, as many as there are.
WXB_INLINE Vec load_up_to(const float* p, int64_t n) {
  return n >= Vec::lanes ? Vec::load(p) : n > 0 ? Vec::load(p, n) : Vec(0.f);
}

// to[i * to_row + j] = from[j * from_row + i] for i < rows and j < count; 0 for count <= j < columns.
inline void turn(const float* from, int64_t from_row, int64_t count, int64_t rows, int64_t columns, float* to,
                 int64_t to_row) {
  constexpr int64_t lanes = Vec::lanes;
  for (int64_t j = 0; j < columns; j += lanes) {
    const int64_t given = min(lanes, count - j), across = min(lanes, columns - j);
    for (int64_t i = 0; i < rows; i += lanes) {
      const int64_t down = min(lanes, rows - i);
      Vec square[lanes];
#pragma GCC unroll 16
      for (int64_t r = 0; r < lanes; ++r)
        square[r] = r < given ? load_up_to(from + (j + r) * from_row + i, down) : Vec(0.f);
      transpose(square);
#pragma GCC unroll 16
      for (int64_t r = 0; r < lanes; ++r)
        if (r < down) {
          float* const p = to + (i + r) * to_row + j;
          across == lanes ? square[r].store(p) : square[r].store(p, across);
        }
    }
  }
}

// Columns of a row-major matrix, in panels `width` wide one behind the other; the last one ends with the vector that
// its last column is in, filled up with 0. Whole rows are read: of a large matrix each lies in a page of its own.
template <int64_t width>
void copy_panels(const float* from, int64_t from_row, int64_t columns, int64_t rows, float* to) {
  constexpr int64_t lanes = Vec::lanes;
  const int64_t whole = columns / width * width, rest = columns - whole,
                rest_width = (rest + lanes - 1) / lanes * lanes;
  for (int64_t i = 0; i < rows; ++i, from += from_row) {
    for (int64_t j = 0; j < whole; j += width)
#pragma GCC unroll 4
      for (int64_t v = 0; v < width; v += lanes) Vec::load(from + j + v).store(to + j * rows + i * width + v);
    for (int64_t v = 0; v < rest; v += lanes)
      load_up_to(from + whole + v, rest - v).store(to + whole * rows + i * rest_width + v);
  }
}

}  // namespace wxb::WXB_TARGET
