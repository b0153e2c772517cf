#pragma once
#include "conv/winograd_simd.h"

// dweight = Gᵀ [sum over patches of (Bᵀ d B) ⊙ (A dz Aᵀ)] G: products of matrices again, channels by patches times
// patches by outputs.
namespace wxb::WXB_TARGET {

// A dz Aᵀ of some outputs of a square, given where each of its pixels lies; whole vectors are stored.
template <class F>
void transform_gradient(const float* const (&pixels)[square * square], int64_t outputs, float* to, int64_t step) {
  constexpr int reach = F::reach;
  for_lanes(0, outputs, [&](auto lanes, int64_t c) {
    Vec half[square][reach];
#pragma GCC unroll 4
    for (int i = 0; i < square; ++i) {
      Vec d[square];
#pragma GCC unroll 4
      for (int j = 0; j < square; ++j) d[j] = lanes.load(pixels[i * square + j] + c);
      F::gradient(d, half[i]);
    }
#pragma GCC unroll 6
    for (int j = 0; j < reach; ++j) {
      const Vec d[square] = {half[0][j], half[1][j], half[2][j], half[3][j]};
      Vec r[reach];
      F::gradient(d, r);
#pragma GCC unroll 6
      for (int i = 0; i < reach; ++i) r[i].store(to + (i * reach + j) * step + c);
    }
  });
}

// What a task makes of dweight: as many channels and outputs that the sums of each pair, 576 KB, stay in L2.
constexpr int64_t share = 64;
constexpr int64_t patches_at_once = 32;  // whose products take as much

// dz (n, rows, columns, outputs of all), of which these take part.
template <class F>
void transform_gradients(const Field& dz, const Patches& patches, int64_t first, int64_t count, const float* zeros,
                         const Products& to) {
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
    transform_gradient<F>(pixels, dz.depth, to.at(t), to.step());
  }
}

// sums, (channels, outputs) for each point, of what patches that were transformed give.
inline void add_point_products(const Products& v, const Products& d, int64_t count, bool begins, const Products& sums) {
  const int64_t channels = v.channels, width = d.channels, tiles = divide_up(channels, tile_rows);
  for (int64_t p = 0; p < v.points; ++p)
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

// Gᵀ m G: tap (i, j) of channel c and output o goes to to[i * down + j * right + c * all_outputs + o].
template <class F>
void transform_sums(const Products& sums, int64_t channels, int64_t outputs, float* to, int64_t down, int64_t right,
                    int64_t all_outputs) {
  constexpr int reach = F::reach, taps = reach - 3;
  for (int64_t c = 0; c < channels; ++c)
    for_lanes(0, outputs, [&](auto lanes, int64_t o) {
      const float* const from = sums.data + c * sums.channels + o;
      Vec half[reach][taps];
#pragma GCC unroll 6
      for (int i = 0; i < reach; ++i) {
        Vec m[reach];
#pragma GCC unroll 6
        for (int j = 0; j < reach; ++j) m[j] = Vec::load(from + (i * reach + j) * sums.step());
        F::weights_gradient(m, half[i]);
      }
#pragma GCC unroll 3
      for (int j = 0; j < taps; ++j) {
        Vec m[reach], r[taps];
#pragma GCC unroll 6
        for (int i = 0; i < reach; ++i) m[i] = half[i][j];
        F::weights_gradient(m, r);
#pragma GCC unroll 3
        for (int i = 0; i < taps; ++i) lanes.store(r[i], to + i * down + j * right + c * all_outputs + o);
      }
    });
}

// The gradient of the weights between some channels of a phase of x and some outputs, dz, from patches [begin, end).
template <class F>
void add_patches(const Field& x, const Field& dz, const Patches& patches, int64_t begin, int64_t end, float* to) {
  const int64_t width = divide_up(dz.depth, Vec::lanes) * Vec::lanes, right = x.channels * dz.channels;
  Products v{nullptr, F::points, x.depth, patches_at_once}, d{nullptr, F::points, width, patches_at_once},
      sums{nullptr, F::points, width, x.depth};
  const int64_t nothing = share + Vec::lanes, size = nothing + v.group() + d.group() + sums.group();
  float* const zeros = static_cast<float*>(thread_buffer(Slot::a, size_t(size) * sizeof(float)));
  __builtin_memset(zeros, 0, size_t(nothing) * sizeof(float));
  v.data = zeros + nothing, d.data = v.data + v.group(), sums.data = d.data + d.group();
  for (int64_t t = begin; t < end; t += patches_at_once) {
    const int64_t count = min(patches_at_once, end - t);
    transform_patches<F>(x, patches, t, count, zeros, v);
    transform_gradients<F>(dz, patches, t, count, zeros, d);
    add_point_products(v, d, count, t == begin, sums);
  }
  transform_sums<F>(sums, x.depth, dz.depth, to, x.rows.stride * x.columns.taps * right, x.columns.stride * right,
                    dz.channels);
}

// Part `part` of `parts` of dweight (taps and channels, outputs), in squares of channels and outputs, as tasks.
struct WeightSquares {
  Field x, dz;
  int64_t down, across;
  WeightSquares(const Field& x, const Field& dz)
      : x(x), dz(dz), down(divide_up(x.channels, share)), across(divide_up(dz.channels, share)) {}
  int64_t count() const { return phases(x) * down * across; }

  void add(int64_t task, int64_t images, int64_t part, int64_t parts, float* to) const {
    const int64_t phase = task / (down * across), c = task / across % down * share, o = task % across * share,
                  tap = phase / x.columns.stride * x.columns.taps + phase % x.columns.stride;
    const Patches patches(images, dz.rows.source, dz.columns.source);
    Field some = phase_of(x, phase), outputs = dz;
    some.data += c, some.depth = min(share, x.channels - c);
    outputs.data += o, outputs.depth = min(share, dz.channels - o);
    by_taps(x, [&]<class F>(F) {
      add_patches<F>(some, outputs, patches, part * patches.count / parts, (part + 1) * patches.count / parts,
                     to + (tap * x.channels + c) * dz.channels + o);
    });
  }
};

}  // namespace wxb::WXB_TARGET
