#pragma once
#include "conv/winograd_simd.h"

// dweight by Winograd's algorithm, which transposed reads: of a patch d of the input and the square e of dz that came
// of it, dg = Gᵀ [(Bᵀ d B) ⊙ (A e Aᵀ)] G. The sum over all squares is 36 products of matrices, channels by squares
// times squares by outputs, between the transforms.
namespace wxb::WXB_TARGET {

WXB_INLINE void times_a_transposed(Vec a, Vec b, Vec c, Vec d, Vec (&r)[6]) {
  const Vec even = a + c, odd = b + d, far_even = fma(Vec(4.f), c, a), far_odd = fma(Vec(8.f), d, b + b);
  r[0] = a;
  r[1] = even + odd, r[2] = even - odd;
  r[3] = far_even + far_odd, r[4] = far_even - far_odd;
  r[5] = d;
}

WXB_INLINE void times_g_transposed(const Vec (&m)[6], Vec (&r)[3]) {
  const Vec sum = m[1] + m[2], difference = m[1] - m[2], far_sum = m[3] + m[4], far_difference = m[3] - m[4];
  r[0] = fma(Vec(1 / 4.f), m[0], fma(Vec(-1 / 6.f), sum, Vec(1 / 24.f) * far_sum));
  r[1] = fma(Vec(-1 / 6.f), difference, Vec(1 / 12.f) * far_difference);
  r[2] = fma(Vec(-1 / 6.f), sum, fma(Vec(1 / 6.f), far_sum, m[5]));
}

// A e Aᵀ of a square's outputs, given where each of its pixels lies: result p at to[p * step].
inline void spread_square(const float* const (&pixels)[square * square], int64_t outputs, float* to, int64_t step) {
  for_lanes(0, outputs, [&](auto lanes, int64_t o) {
    Vec half[square][reach], r[reach];
#pragma GCC unroll 4
    for (int i = 0; i < square; ++i) {
      const float* const* const row = pixels + i * square;
      times_a_transposed(lanes.load(row[0] + o), lanes.load(row[1] + o), lanes.load(row[2] + o), lanes.load(row[3] + o),
                         half[i]);
    }
#pragma GCC unroll 6
    for (int j = 0; j < reach; ++j) {
      times_a_transposed(half[0][j], half[1][j], half[2][j], half[3][j], r);
#pragma GCC unroll 6
      for (int i = 0; i < reach; ++i) r[i].store(to + (i * reach + j) * step + o);
    }
  });
}

// Some neighbouring outputs of dz (images, rows, columns, channels).
struct Squares {
  const float* data;
  int64_t rows, columns, channels, outputs;
};

inline void spread_squares(const Squares& dz, const Patches& patches, int64_t first, int64_t count, const float* zeros,
                           const Results& to) {
  for (int64_t t = 0; t < count; ++t) {
    const Place place(patches, first + t);
    const float* pixels[square * square];
    for (int64_t i = 0; i < square; ++i)
      for (int64_t j = 0; j < square; ++j) {
        const int64_t row = place.i + i, column = place.j + j;
        const bool inside = row < dz.rows && column < dz.columns;
        pixels[i * square + j] =
            inside ? dz.data + ((place.n * dz.rows + row) * dz.columns + column) * dz.channels : zeros;
      }
    spread_square(pixels, dz.outputs, to.at(t), to.step());
  }
}

// Zeros for the patches that are missing in the last six.
inline void fill_up(const Results& r, int64_t count) {
  for (int64_t t = count; t % tile_rows; ++t)
    for (int64_t p = 0; p < points; ++p)
      __builtin_memset(r.at(t) + p * r.step(), 0, size_t(r.channels) * sizeof(float));
}

// Of a task: sums that stay near L2 with what is made of some squares at a time. Wider blocks transform less often
// (measured from 64 to 256 channels).
constexpr int64_t channels_of_block = 64, outputs_of_block = 128, squares_together = 36;

// Adds to sums what squares [first, last) give: point p of channel c and output o at sums[p * step + c * row + o].
inline void add_squares(const Field& x, const Squares& dz, const Patches& patches, int64_t first, int64_t last,
                        float* sums, int64_t step, int64_t row) {
  const int64_t width = divide_up(dz.outputs, Vec::lanes) * Vec::lanes, most = max(x.depth, width);
  Results v{nullptr, x.depth}, m{nullptr, width};
  float* const zeros = static_cast<float*>(
      thread_buffer(Slot::a, size_t(most + v.size(squares_together) + m.size(squares_together) + 32) * sizeof(float)));
  __builtin_memset(zeros, 0, size_t(most) * sizeof(float));
  v.data = zeros + divide_up(most, 16) * 16, m.data = v.data + divide_up(v.size(squares_together), 16) * 16;
  for (int64_t t = first; t < last; t += squares_together) {
    const int64_t count = min(squares_together, last - t);
    transform_patches(x, patches, t, count, zeros, v), fill_up(v, count);
    spread_squares(dz, patches, t, count, zeros, m), fill_up(m, count);
    const Steps steps{tile_rows, divide_up(count, tile_rows), v.group(), m.group()};
    for (int64_t p = 0; p < points; ++p)
      for (int64_t j = 0; j < dz.outputs; j += tile_columns) {
        const int64_t columns = min(tile_columns, dz.outputs - j), vectors = divide_up(columns, Vec::lanes),
                      tiles = divide_up(x.depth, rows_of_tile(vectors));
        for (int64_t tile = 0; tile < tiles; ++tile) {
          const int64_t c = tile * x.depth / tiles, rows = (tile + 1) * x.depth / tiles - c;
          float* const to = sums + p * step + c * row + j;
          const bool fresh = t == first;
          kernel_for(rows, vectors)(steps, {v.data + p * v.step() + c, 1, x.depth}, {m.data + p * m.step() + j, width},
                                    {to, row, columns, fresh ? no_bias : to, fresh ? 0 : row});
        }
      }
  }
}

// Gᵀ S G in place: sums (36, channels, outputs) become (9, channels, outputs).
inline void gather_taps(float* sums, int64_t channels, int64_t outputs) {
  const int64_t step = channels * outputs;
  parallel(channels, [&](int64_t c) {
    for_lanes(c * outputs, (c + 1) * outputs, [&](auto lanes, int64_t at) {
      Vec half[reach][3], r[3];
#pragma GCC unroll 6
      for (int i = 0; i < reach; ++i) {
        Vec s[reach];
#pragma GCC unroll 6
        for (int j = 0; j < reach; ++j) s[j] = lanes.load(sums + (i * reach + j) * step + at);
        times_g_transposed(s, half[i]);
      }
#pragma GCC unroll 3
      for (int j = 0; j < 3; ++j) {
        const Vec s[reach] = {half[0][j], half[1][j], half[2][j], half[3][j], half[4][j], half[5][j]};
        times_g_transposed(s, r);
#pragma GCC unroll 3
        for (int i = 0; i < 3; ++i) lanes.store(r[i], sums + (i * 3 + j) * step + at);
      }
    });
  });
}

}  // namespace wxb::WXB_TARGET
