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

// panel[k * width + i] = source[i * stride + k] for i < count, 0 for count <= i < width: rows become columns.
// Writes up to Vec::lanes - 1 floats behind the panel if width is no multiple of them.
inline void pack_rows(const float* source, int64_t stride, int64_t count, int64_t depth, int64_t width, float* panel) {
  constexpr int64_t lanes = Vec::lanes;
  for (int64_t i0 = 0; i0 < width; i0 += lanes) {
    const int64_t rows = min(lanes, count - i0), columns = min(lanes, width - i0);
    for (int64_t k0 = 0; k0 < depth; k0 += lanes) {
      const int64_t left = min(lanes, depth - k0);
      Vec square[lanes];
#pragma GCC unroll 16
      for (int64_t i = 0; i < lanes; ++i)
        square[i] = i < rows ? load_up_to(source + (i0 + i) * stride + k0, left) : Vec(0.f);
      transpose(square);
      float* to = panel + k0 * width + i0;
      if (i0 + lanes >= width && i0 == 0) {  // one square wide: what a store writes too much, the next one mends
#pragma GCC unroll 16
        for (int64_t k = 0; k < lanes; ++k)
          if (k < left) square[k].store(to + k * width);
      } else {
#pragma GCC unroll 16
        for (int64_t k = 0; k < lanes; ++k)
          if (k < left) columns == lanes ? square[k].store(to + k * width) : square[k].store(to + k * width, columns);
      }
    }
  }
}

// panel[k * width + i] = source[k * stride + i] for i < count, 0 for count <= i < width.
// Writes up to Vec::lanes - 1 floats behind the panel if width is no multiple of them.
inline void pack_columns(const float* source, int64_t stride, int64_t count, int64_t depth, int64_t width,
                         float* panel) {
  constexpr int64_t lanes = Vec::lanes;
  for (int64_t k = 0; k < depth; ++k) {
    const float* from = source + k * stride;
    float* to = panel + k * width;
    for (int64_t i = 0; i < width; i += lanes) load_up_to(from + i, count - i).store(to + i);
  }
}

}  // namespace wxb::WXB_TARGET
