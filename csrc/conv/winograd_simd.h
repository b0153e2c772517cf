#pragma once
#include "conv/correlate_simd.h"

// Winograd's correlation F(4 x 4, 3 x 3) (Lavin, Gray 2015, arXiv:1509.09308): 4 x 4 outputs from a patch of 6 x 6
// inputs by 36 multiplications for each pair of channels, where the taps take 144. For a patch d and taps g the outputs
// are Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A; summed over channels, ⊙ is 36 products of matrices: patches by channels times
// channels by outputs.
namespace wxb::WXB_TARGET {

constexpr int64_t square = 4, reach = 6, points = reach * reach;  // outputs, inputs along an axis; products

// The three matrices, along one axis.

WXB_INLINE void times_g(Vec a, Vec b, Vec c, Vec (&r)[6]) {
  const Vec ends = a + c, far = fma(Vec(4.f), c, a);
  r[0] = Vec(1 / 4.f) * a;
  r[1] = Vec(-1 / 6.f) * (ends + b);
  r[2] = Vec(-1 / 6.f) * (ends - b);
  r[3] = Vec(1 / 24.f) * fma(Vec(2.f), b, far);
  r[4] = Vec(1 / 24.f) * fma(Vec(-2.f), b, far);
  r[5] = c;
}

WXB_INLINE void times_b(Vec& a, Vec& b, Vec& c, Vec& d, Vec& e, Vec& f) {
  const Vec four(4.f), five(-5.f), two(2.f), even = fma(-four, c, e), odd = fma(-four, b, d), near_even = e - c,
                                             near_odd = d - b;
  a = fma(four, a, fma(five, c, e));
  f = fma(four, b, fma(five, d, f));
  b = even + odd, c = even - odd;
  d = fma(two, near_odd, near_even), e = fma(-two, near_odd, near_even);
}

WXB_INLINE void times_a(const Vec (&m)[6], Vec (&r)[4]) {
  const Vec sum = m[1] + m[2], difference = m[1] - m[2], far_sum = m[3] + m[4], far_difference = m[3] - m[4];
  r[0] = m[0] + sum + far_sum;
  r[1] = fma(Vec(2.f), far_difference, difference);
  r[2] = fma(Vec(4.f), far_sum, sum);
  r[3] = fma(Vec(8.f), far_difference, difference) + m[5];
}

// And turned, for the way back.

WXB_INLINE void times_a_turned(const Vec (&d)[4], Vec (&r)[6]) {
  const Vec even = d[0] + d[2], odd = d[1] + d[3], far_even = fma(Vec(4.f), d[2], d[0]),
            far_odd = fma(Vec(8.f), d[3], Vec(2.f) * d[1]);
  r[0] = d[0], r[5] = d[3];
  r[1] = even + odd, r[2] = even - odd;
  r[3] = far_even + far_odd, r[4] = far_even - far_odd;
}

WXB_INLINE void times_g_turned(const Vec (&m)[6], Vec (&r)[3]) {
  const Vec sum = Vec(-1 / 6.f) * (m[1] + m[2]), far_sum = m[3] + m[4], far_difference = m[3] - m[4];
  r[0] = fma(Vec(1 / 4.f), m[0], fma(Vec(1 / 24.f), far_sum, sum));
  r[1] = fma(Vec(1 / 6.f), m[2] - m[1], Vec(1 / 12.f) * far_difference);
  r[2] = fma(Vec(1 / 6.f), far_sum, sum) + m[5];
}

// A patch's channels, given where each of its pixels lies: result p at to[p * step].
inline void transform_patch(const float* const (&pixels)[points], int64_t channels, float* to, int64_t step) {
  for_lanes(0, channels, [&](auto lanes, int64_t c) {
    Vec d[reach][reach];
#pragma GCC unroll 6
    for (int i = 0; i < reach; ++i) {
#pragma GCC unroll 6
      for (int j = 0; j < reach; ++j) d[i][j] = lanes.load(pixels[i * reach + j] + c);
      times_b(d[i][0], d[i][1], d[i][2], d[i][3], d[i][4], d[i][5]);
    }
#pragma GCC unroll 6
    for (int j = 0; j < reach; ++j) {
      times_b(d[0][j], d[1][j], d[2][j], d[3][j], d[4][j], d[5][j]);
#pragma GCC unroll 6
      for (int i = 0; i < reach; ++i) lanes.store(d[i][j], to + (i * reach + j) * step + c);
    }
  });
}

// The outputs at(i, j), i < rows and j < columns, of a square, from its products, `step` apart.
inline void transform_square(const float* from, int64_t step, const Outputs& y, int64_t at, int64_t rows,
                             int64_t columns, int64_t channels) {
  for_lanes(0, channels, [&](auto lanes, int64_t c) {
    Vec half[reach][square];
#pragma GCC unroll 6
    for (int i = 0; i < reach; ++i) {
      Vec m[reach];
#pragma GCC unroll 6
      for (int j = 0; j < reach; ++j) m[j] = Vec::load(from + (i * reach + j) * step + c);
      times_a(m, half[i]);
    }
    const Vec bias = y.bias ? lanes.load(y.bias + c) : Vec(0.f);
#pragma GCC unroll 4
    for (int j = 0; j < square; ++j) {
      const Vec m[reach] = {half[0][j], half[1][j], half[2][j], half[3][j], half[4][j], half[5][j]};
      Vec r[square];
      times_a(m, r);
#pragma GCC unroll 4
      for (int i = 0; i < square; ++i)
        if (i < rows && j < columns) lanes.store(r[i] + bias, y.data + at + i * y.row + j * y.pixel + c);
    }
  });
  if (y.finishes())
    for (int64_t i = 0; i < rows; ++i) finish(y, at + i * y.row, columns, channels);
}

// G g Gᵀ of all weights: as they are packed, with points for taps.
inline Weights transform_weights(const Weights& taps, int64_t channels, float* data) {
  constexpr int64_t together = 16;  // channels of a task
  const Weights to{data, points * channels, taps.columns};
  const int64_t pieces = divide_up(channels, together);
  parallel(to.panels() * pieces, [&](int64_t task) {
    const int64_t q = task / pieces, first = task % pieces * together, width = to.width(q), step = channels * width;
    for (int64_t at = first * width; at < min(channels, first + together) * width; at += Vec::lanes) {
      const float* const g = taps.panel(q) + at;
      Vec half[3][reach], r[reach];
#pragma GCC unroll 3
      for (int j = 0; j < 3; ++j)
        times_g(Vec::load(g + j * step), Vec::load(g + (3 + j) * step), Vec::load(g + (6 + j) * step), half[j]);
#pragma GCC unroll 6
      for (int i = 0; i < reach; ++i) {
        times_g(half[0][i], half[1][i], half[2][i], r);
#pragma GCC unroll 6
        for (int j = 0; j < reach; ++j) r[j].store(to.panel(q) + (i * reach + j) * step + at);
      }
    }
  });
  return to;
}

// Patches lie in groups, of as many as a tile has rows: result p of channel c of patch t at
// data[t / together * group + p * step + t % together * channels + c]. A cache line more between results, or the 36
// stores of a patch would meet in few sets of the cache.
struct Results {
  float* data;
  int64_t channels, together = tile_rows;
  int64_t step() const { return together * channels + 16; }
  int64_t group() const { return points * step(); }
  int64_t size(int64_t patches) const { return divide_up(patches, together) * group(); }
  float* at(int64_t t) const { return data + t / together * group() + t % together * channels; }
};

struct Patches {
  int64_t high, across, count;  // of an image; in all
  Patches(int64_t images, int64_t rows, int64_t columns)
      : high(divide_up(rows, square)), across(divide_up(columns, square)), count(images * high * across) {}
};

// Where patch t begins.
struct Place {
  int64_t n, i, j;  // image, first output
  Place(const Patches& p, int64_t t)
      : n(t / (p.high * p.across)), i(t / p.across % p.high * square), j(t % p.across * square) {}
};

inline void transform_patches(const Field& x, const Patches& patches, int64_t first, int64_t count, const float* zeros,
                              const Results& to) {
  for (int64_t t = 0; t < count; ++t) {
    const Place place(patches, first + t);
    const float* pixels[points];
    for (int64_t i = 0; i < reach; ++i)
      for (int64_t j = 0; j < reach; ++j) {
        const int64_t row = place.i + i - x.rows.before, column = place.j + j - x.columns.before;
        const bool inside = row >= 0 && row < x.rows.source && column >= 0 && column < x.columns.source;
        const int64_t pixel = (place.n * x.rows.source + row) * x.columns.source + column;
        pixels[i * reach + j] = inside ? x.data + pixel * x.channels : zeros;
      }
    transform_patch(pixels, x.depth, to.at(t), to.step());
  }
}

// The products of panel q of the outputs with all patches.
inline void multiply_points(const Results& v, const Weights& u, int64_t q, int64_t count, const Results& m) {
  const int64_t width = u.width(q), depth = v.channels, last = (count - 1) % tile_rows + 1;
  const Microkernel inner = microkernel_for(tile_rows, u.vectors(q)), outer = microkernel_for(last, u.vectors(q));
  for (int64_t p = 0; p < points; ++p)
    for (int64_t k = 0; k < depth; k += kc)
      for (int64_t t = 0; t < count; t += tile_rows) {
        float* const c = m.at(t) + p * m.step();
        (t + tile_rows < count ? inner : outer)({min(kc, depth - k)}, {v.at(t) + p * v.step() + k, depth, 1},
                                                {u.panel(q) + (p * depth + k) * width, width},
                                                {c, width, width, k ? c : no_bias, k ? width : 0});
      }
}

// Patches of a task: what is made of them stays in L2, but 36 share the weights, which come from further away; fewer
// where there would be too few tasks.
inline int64_t patches_of_task(int64_t count, int64_t channels, int64_t columns) {
  constexpr int64_t bytes = 768 << 10, least = 36, tasks = 8;  // measured from 32 to 512 channels
  const int64_t each = points * (channels + min(columns, tile_columns)) * int64_t(sizeof(float)),
                most = min(max<int64_t>(least, bytes / each), max<int64_t>(2 * tile_rows, divide_up(count, tasks)));
  return divide_up(divide_up(count, divide_up(count, most)), tile_rows) * tile_rows;
}

// As correlate_all, of weights that were transformed.
inline void correlate_patches(const Field& x, const Weights& u, const Outputs& y, int64_t images) {
  const Patches patches(images, x.rows.outputs, x.columns.outputs);
  const int64_t together = patches_of_task(patches.count, x.channels, u.columns);
  parallel(divide_up(patches.count, together), [&](int64_t task) {
    const int64_t first = task * together, count = min(together, patches.count - first);
    Results v{nullptr, x.channels}, m{nullptr, min(u.width(0), tile_columns)};
    float* const zeros = static_cast<float*>(
        thread_buffer(Slot::a, size_t(x.channels + v.size(together) + m.size(together) + 32) * sizeof(float)));
    __builtin_memset(zeros, 0, size_t(x.channels) * sizeof(float));
    v.data = zeros + divide_up(x.channels, 16) * 16;
    transform_patches(x, patches, first, count, zeros, v);
    m.data = v.data + v.size(together);
    for (int64_t q = 0; q < u.panels(); ++q) {
      m.channels = u.width(q);
      multiply_points(v, u, q, count, m);
      Outputs part = y;
      part.data += q * tile_columns;
      if (part.bias) part.bias += q * tile_columns;
      if (part.saved) part.saved += q * tile_columns;
      for (int64_t t = 0; t < count; ++t) {
        const Place place(patches, first + t);
        transform_square(m.at(t), m.step(), part, place.n * y.image + place.i * y.row + place.j * y.pixel,
                         min(square, x.rows.outputs - place.i), min(square, x.columns.outputs - place.j),
                         u.columns_of(q));
      }
    }
  });
}

// ---- dweight = Gᵀ [sum over patches of (Bᵀ d B) ⊙ (A dz Aᵀ)] G: 36 products of matrices again, channels by patches
// ---- times patches by outputs.

// A dz Aᵀ of some outputs of a square, given where each of its pixels lies; whole vectors are stored.
inline void transform_gradient(const float* const (&pixels)[square * square], int64_t outputs, float* to,
                               int64_t step) {
  for_lanes(0, outputs, [&](auto lanes, int64_t c) {
    Vec half[square][reach];
#pragma GCC unroll 4
    for (int i = 0; i < square; ++i) {
      Vec d[square];
#pragma GCC unroll 4
      for (int j = 0; j < square; ++j) d[j] = lanes.load(pixels[i * square + j] + c);
      times_a_turned(d, half[i]);
    }
#pragma GCC unroll 6
    for (int j = 0; j < reach; ++j) {
      const Vec d[square] = {half[0][j], half[1][j], half[2][j], half[3][j]};
      Vec r[reach];
      times_a_turned(d, r);
#pragma GCC unroll 6
      for (int i = 0; i < reach; ++i) r[i].store(to + (i * reach + j) * step + c);
    }
  });
}

// What a task makes of dweight: as many channels and outputs that the 36 sums of each pair, 576 KB, stay in L2.
constexpr int64_t share = 64;
constexpr int64_t patches_at_once = 32;  // whose results take as much

// dz (n, rows, columns, outputs of all), of which these take part.
inline void transform_gradients(const Field& dz, const Patches& patches, int64_t first, int64_t count,
                                const float* zeros, const Results& to) {
  for (int64_t t = 0; t < count; ++t) {
    const Place place(patches, first + t);
    const float* pixels[square * square];
    for (int64_t i = 0; i < square; ++i)
      for (int64_t j = 0; j < square; ++j) {
        const int64_t row = place.i + i, column = place.j + j,
                      pixel = (place.n * dz.rows.source + row) * dz.columns.source + column;
        pixels[i * square + j] =
            row < dz.rows.source && column < dz.columns.source ? dz.data + pixel * dz.channels : zeros;
      }
    transform_gradient(pixels, dz.depth, to.at(t), to.step());
  }
}

// sums, (channels, outputs) for each point, of what patches that were transformed give.
inline void add_point_products(const Results& v, const Results& d, int64_t count, bool begins, const Results& sums) {
  const int64_t channels = v.channels, width = d.channels, tiles = divide_up(channels, tile_rows);
  for (int64_t p = 0; p < points; ++p)
    for (int64_t j = 0; j < width; j += tile_columns)
      for (int64_t tile = 0; tile < tiles; ++tile) {
        const int64_t c = tile * channels / tiles, rows = (tile + 1) * channels / tiles - c,
                      columns = min(tile_columns, width - j);
        float* const to = sums.data + p * sums.step() + c * width + j;
        microkernel_for(rows, columns / Vec::lanes)({count}, {v.data + p * v.step() + c, 1, channels},
                                                    {d.data + p * d.step() + j, width},
                                                    {to, width, columns, begins ? no_bias : to, begins ? 0 : width});
      }
}

// Gᵀ m G: tap t of channel c and output o goes to to[(t * all_channels + c) * all_outputs + o].
inline void transform_sums(const Results& sums, int64_t channels, int64_t outputs, float* to, int64_t all_channels,
                           int64_t all_outputs) {
  for (int64_t c = 0; c < channels; ++c)
    for_lanes(0, outputs, [&](auto lanes, int64_t o) {
      const float* const from = sums.data + c * sums.channels + o;
      Vec half[reach][3];
#pragma GCC unroll 6
      for (int i = 0; i < reach; ++i) {
        Vec m[reach];
#pragma GCC unroll 6
        for (int j = 0; j < reach; ++j) m[j] = Vec::load(from + (i * reach + j) * sums.step());
        times_g_turned(m, half[i]);
      }
#pragma GCC unroll 3
      for (int j = 0; j < 3; ++j) {
        const Vec m[reach] = {half[0][j], half[1][j], half[2][j], half[3][j], half[4][j], half[5][j]};
        Vec r[3];
        times_g_turned(m, r);
#pragma GCC unroll 3
        for (int i = 0; i < 3; ++i) lanes.store(r[i], to + ((i * 3 + j) * all_channels + c) * all_outputs + o);
      }
    });
}

// The gradient of the weights between some channels of x and some outputs, dz, from patches [begin, end).
inline void add_patches(const Field& x, const Field& dz, const Patches& patches, int64_t begin, int64_t end,
                        float* to) {
  const int64_t width = divide_up(dz.depth, Vec::lanes) * Vec::lanes;
  Results v{nullptr, x.depth, patches_at_once}, d{nullptr, width, patches_at_once}, sums{nullptr, width, x.depth};
  const int64_t nothing = share + Vec::lanes, size = nothing + v.group() + d.group() + sums.group();
  float* const zeros = static_cast<float*>(thread_buffer(Slot::a, size_t(size) * sizeof(float)));
  __builtin_memset(zeros, 0, size_t(nothing) * sizeof(float));
  v.data = zeros + nothing, d.data = v.data + v.group(), sums.data = d.data + d.group();
  for (int64_t t = begin; t < end; t += patches_at_once) {
    const int64_t count = min(patches_at_once, end - t);
    transform_patches(x, patches, t, count, zeros, v);
    transform_gradients(dz, patches, t, count, zeros, d);
    add_point_products(v, d, count, t == begin, sums);
  }
  transform_sums(sums, x.depth, dz.depth, to, x.channels, dz.channels);
}

}  // namespace wxb::WXB_TARGET
