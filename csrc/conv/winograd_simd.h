#pragma once
#include "conv/correlate_simd.h"
#include "conv/winograd_points_simd.h"

// A correlation of squares of 4 x 4 outputs by Winograd's algorithm: of 3 x 3 taps each comes from a patch of 6 x 6
// inputs by 36 products for each pair of channels, where the taps take 144; of 2 x 2 taps from 5 x 5 by 25, not 64. In
// two dimensions Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A; summed over channels, ⊙ is 36 products of matrices: patches by channels
// times channels by outputs. A convolution of stride s and s taps times as many is one of stride 1 over s s times the
// channels, the phases of its input: pixels a stride apart that meet the same taps.
namespace wxb::WXB_TARGET {

// A patch's channels, given where each of its pixels lies: product p at to[p * step].
template <class F>
void transform_patch(const float* const (&pixels)[F::points], int64_t channels, float* to, int64_t step) {
  constexpr int reach = F::reach;
  for_lanes(0, channels, [&](auto lanes, int64_t c) {
    Vec d[reach][reach];
#pragma GCC unroll 6
    for (int i = 0; i < reach; ++i) {
#pragma GCC unroll 6
      for (int j = 0; j < reach; ++j) d[i][j] = lanes.load(pixels[i * reach + j] + c);
      F::patch(d[i]);
    }
#pragma GCC unroll 6
    for (int j = 0; j < reach; ++j) {
      Vec column[reach];
#pragma GCC unroll 6
      for (int i = 0; i < reach; ++i) column[i] = d[i][j];
      F::patch(column);
#pragma GCC unroll 6
      for (int i = 0; i < reach; ++i) lanes.store(column[i], to + (i * reach + j) * step + c);
    }
  });
}

// The outputs at(i, j), i < rows and j < columns, of a square, from its products, `step` apart.
template <class F>
void transform_square(const float* from, int64_t step, const Outputs& y, int64_t at, int64_t rows, int64_t columns,
                      int64_t channels) {
  constexpr int reach = F::reach;
  for_lanes(0, channels, [&](auto lanes, int64_t c) {
    Vec half[reach][square];
#pragma GCC unroll 6
    for (int i = 0; i < reach; ++i) {
      Vec m[reach];
#pragma GCC unroll 6
      for (int j = 0; j < reach; ++j) m[j] = Vec::load(from + (i * reach + j) * step + c);
      F::outputs(m, half[i]);
    }
    const Vec bias = y.bias ? lanes.load(y.bias + c) : Vec(0.f);
#pragma GCC unroll 4
    for (int j = 0; j < square; ++j) {
      Vec m[reach], r[square];
#pragma GCC unroll 6
      for (int i = 0; i < reach; ++i) m[i] = half[i][j];
      F::outputs(m, r);
#pragma GCC unroll 4
      for (int i = 0; i < square; ++i)
        if (i < rows && j < columns) lanes.store(r[i] + bias, y.data + at + i * y.row + j * y.pixel + c);
    }
  });
  if (y.finishes())
    for (int64_t i = 0; i < rows; ++i) finish(y, at + i * y.row, columns, channels);
}

// A phase of the input of a stride: the pixels that tap (i, j) meets, where those are the taps (stride i + p, stride j
// + q). Their order is that of p, then q.
inline int64_t phases(const Field& x) { return x.rows.stride * x.columns.stride; }
inline Field phase_of(Field x, int64_t phase) {
  x.rows.before -= phase / x.columns.stride, x.columns.before -= phase % x.columns.stride;
  return x;
}

// G g Gᵀ of all weights of x: as they are packed, with products for taps and a phase's channels behind another's.
template <class F>
Weights transform_weights(const Field& x, const Weights& weights, float* data) {
  constexpr int64_t together = 16;  // channels of a task
  constexpr int reach = F::reach, taps = reach - 3;
  const int64_t channels = x.depth, pieces = divide_up(channels, together), stride_h = x.rows.stride,
                stride_w = x.columns.stride;
  const Weights to{data, F::points * phases(x) * channels, weights.columns};
  parallel(to.panels() * phases(x) * pieces, [&](int64_t task) {
    const int64_t first = task % pieces * together, phase = task / pieces % phases(x), q = task / pieces / phases(x),
                  width = to.width(q), step = channels * width, right = stride_w * step,
                  down = stride_h * x.columns.taps * step, next = phases(x) * step;
    const float* const from = weights.panel(q) + (phase / stride_w * x.columns.taps + phase % stride_w) * step;
    for (int64_t at = first * width; at < min(channels, first + together) * width; at += Vec::lanes) {
      Vec half[taps][reach];
#pragma GCC unroll 3
      for (int j = 0; j < taps; ++j) {
        Vec g[taps];
#pragma GCC unroll 3
        for (int i = 0; i < taps; ++i) g[i] = Vec::load(from + at + i * down + j * right);
        F::weights(g, half[j]);
      }
#pragma GCC unroll 6
      for (int i = 0; i < reach; ++i) {
        Vec g[taps], r[reach];
#pragma GCC unroll 3
        for (int j = 0; j < taps; ++j) g[j] = half[j][i];
        F::weights(g, r);
#pragma GCC unroll 6
        for (int j = 0; j < reach; ++j) r[j].store(to.panel(q) + (i * reach + j) * next + phase * step + at);
      }
    }
  });
  return to;
}

// Patches lie in groups, of as many as a tile has rows: product p of channel c of patch t at
// data[t / together * group + p * step + t % together * channels + c]. A cache line more between products, or the
// stores of a patch would meet in few sets of the cache.
struct Products {
  float* data;
  int64_t points, channels, together = tile_rows;
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

template <class F>
void transform_patches(const Field& x, const Patches& patches, int64_t first, int64_t count, const float* zeros,
                       const Products& to) {
  constexpr int reach = F::reach;
  for (int64_t t = 0; t < count; ++t) {
    const Place place(patches, first + t);
    const float* pixels[F::points];
    for (int64_t i = 0; i < reach; ++i)
      for (int64_t j = 0; j < reach; ++j) {
        const int64_t row = (place.i + i) * x.rows.stride - x.rows.before,
                      column = (place.j + j) * x.columns.stride - x.columns.before,
                      pixel = (place.n * x.rows.source + row) * x.columns.source + column;
        const bool inside = row >= 0 && row < x.rows.source && column >= 0 && column < x.columns.source;
        pixels[i * reach + j] = inside ? x.data + pixel * x.channels : zeros;
      }
    transform_patch<F>(pixels, x.depth, to.at(t), to.step());
  }
}

// The products of panel q of the outputs with all patches.
inline void multiply_points(const Products& v, const Weights& u, int64_t q, int64_t count, const Products& m) {
  const int64_t width = u.width(q), depth = v.channels, last = (count - 1) % tile_rows + 1;
  const Microkernel inner = microkernel_for(tile_rows, u.vectors(q)), outer = microkernel_for(last, u.vectors(q));
  for (int64_t p = 0; p < v.points; ++p)
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
inline int64_t patches_of_task(int64_t count, int64_t points, int64_t channels, int64_t columns) {
  constexpr int64_t bytes = 768 << 10, least = 36, tasks = 8;  // measured from 32 to 512 channels
  const int64_t each = points * (channels + min(columns, tile_columns)) * int64_t(sizeof(float)),
                most = min(max<int64_t>(least, bytes / each), max<int64_t>(2 * tile_rows, divide_up(count, tasks)));
  return divide_up(divide_up(count, divide_up(count, most)), tile_rows) * tile_rows;
}

template <class F>
void correlate_squares(const Field& x, const Weights& weights, float* transformed, const Outputs& y, int64_t images) {
  const Weights u = transform_weights<F>(x, weights, transformed);
  const Patches patches(images, x.rows.outputs, x.columns.outputs);
  const int64_t channels = phases(x) * x.depth,
                together = patches_of_task(patches.count, F::points, channels, u.columns);
  parallel(divide_up(patches.count, together), [&](int64_t task) {
    const int64_t first = task * together, count = min(together, patches.count - first);
    Products v{nullptr, F::points, channels}, m{nullptr, F::points, min(u.width(0), tile_columns)};
    float* const zeros = static_cast<float*>(
        thread_buffer(Slot::a, size_t(x.depth + v.size(together) + m.size(together) + 32) * sizeof(float)));
    __builtin_memset(zeros, 0, size_t(x.depth) * sizeof(float));
    v.data = zeros + divide_up(x.depth, 16) * 16;
    for (int64_t phase = 0; phase < phases(x); ++phase) {
      Products part = v;
      part.data += phase * x.depth;
      transform_patches<F>(phase_of(x, phase), patches, first, count, zeros, part);
    }
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
        transform_square<F>(m.at(t), m.step(), part, place.n * y.image + place.i * y.row + place.j * y.pixel,
                            min<int64_t>(square, x.rows.outputs - place.i),
                            min<int64_t>(square, x.columns.outputs - place.j), u.columns_of(q));
      }
    }
  });
}

// f of the matrices for a field, whose taps along both axes are 2 or 3 times the stride.
template <class F>
WXB_INLINE void by_taps(const Field& x, F f) {
  x.rows.taps == 2 * x.rows.stride ? f(Winograd<2>{}) : f(Winograd<3>{});
}

// All squares of all images. transformed: a place for the weights.
inline void correlate_by_winograd(const Field& x, const Weights& weights, float* transformed, const Outputs& y,
                                  int64_t images) {
  by_taps(x, [&]<class F>(F) { correlate_squares<F>(x, weights, transformed, y, images); });
}

}  // namespace wxb::WXB_TARGET
