#include "augment/color.h"
#include "augment/sampling.h"
#include "augment/uniform.h"
#include "augment/window.h"
#include "core/divisor.cuh"
#include "core/rows.cuh"

// A place of y belongs to a thread, as do all its channels.
namespace wxb::cuda {

namespace {

struct Uniform {
  AugmentUniform a;
  int64_t blocks;  // of four numbers
  __device__ void operator()(int64_t item) const { draw(a, item / blocks, item % blocks * 4); }
};

int64_t places_of(const Frames& f) { return f.batch * f.out_height * f.out_width; }

// The places of y, found without 64-bit divisions: with them ptxas spills on sm_80.
class Places {
 public:
  struct Place {
    int64_t n, i, j;  // picture, row, column
  };
  explicit Places(const Frames& f)
      : height_(f.out_height), width_(f.out_width), by_height_(f.out_height), by_width_(f.out_width) {}
  __device__ Place operator[](int64_t place) const {
    const int64_t row = by_width_.quotient(place), n = by_height_.quotient(row);
    return {n, row - n * height_, place - row * width_};
  }

 private:
  int64_t height_, width_;
  Divisor by_height_, by_width_;
};

struct Move {
  AugmentMove a;
  Places places;
  __device__ void operator()(int64_t place) const {
    const Frames& f = a.frames;
    const auto [n, i, j] = places[place];
    const Window rows(f.height, f.out_height, a.offset.data[2 * n], a.flip.data[2 * n], a.padding),
        columns(f.width, f.out_width, a.offset.data[2 * n + 1], a.flip.data[2 * n + 1], a.padding);
    const int64_t row = rows.source(rows.target(i)), column = columns.source(columns.target(j));
    const uint8_t* const from = a.x.data + ((n * f.height + row) * f.width + column) * f.pixel;
    for (int64_t c = 0; c < f.pixel; ++c) a.y.data[place * f.pixel + c] = row < 0 || column < 0 ? 0 : from[c];
  }
};

struct Cutout {
  AugmentCutout a;
  Places places;
  __device__ void operator()(int64_t place) const {
    const Frames& f = a.frames;
    const auto [n, i, j] = places[place];
    const Span rows(a.corner.data[2 * n], a.cut_height, f.height),
        columns(a.corner.data[2 * n + 1], a.cut_width, f.width);
    const bool cut = rows.holds(i) && columns.holds(j);
    for (int64_t c = 0; c < f.pixel; ++c)
      a.y.data[place * f.pixel + c] = cut ? a.fill.data[c] : a.x.data[place * f.pixel + c];
  }
};

template <class T>
struct Affine {
  AugmentAffine<T> a;
  Places places;
  __device__ void operator()(int64_t place) const {
    const Frames& f = a.frames;
    const auto [n, i, j] = places[place];
    const Walk walk(a.map.data + 6 * n, i, f.out_width);
    sample(a, a.x.data + n * f.height * f.width * f.pixel, walk, j, walk.v + j * walk.step_v, walk.u + j * walk.step_u,
           f.pixel, a.y.data + place * f.pixel);
  }
};

// A picture by a block: the mean of its gray, then its places.
template <int64_t channels, class T>
__global__ void __launch_bounds__(block_threads) recolor_pictures(AugmentColor<T> a) {
  using Number = std::conditional_t<std::is_same_v<T, float>, double, unsigned long long>;
  for (int64_t n = blockIdx.x; n < a.batch; n += gridDim.x) {
    const T* const x = a.x.data + n * a.places * channels;
    const double* const factor = a.factor.data + 3 * n;
    double mean = 0;
    if (factor[1] != 1) {
      Number sums[channels] = {};
      for (int64_t i = threadIdx.x; i < a.places; i += block_threads)
#pragma unroll
        for (int64_t c = 0; c < channels; ++c) sums[c] += Number(x[i * channels + c]);
#pragma unroll
      for (int64_t c = 0; c < channels; ++c) sums[c] = reduce_block(sums[c], Sum());
      mean = gray<channels>(double(sums[0]), double(sums[channels / 2]), double(sums[channels - 1])) / double(a.places);
      __syncthreads();  // y may be x
    }
    const Recolor r(factor, channels == 1, mean);
    for (int64_t i = threadIdx.x; i < a.places; i += block_threads)
      recolor<channels>(r, x + i * channels, a.y.data + (n * a.places + i) * channels);
  }
}

}  // namespace

void augment_uniform(const AugmentUniform& a, Context& context) {
  const int64_t blocks = ceil_div(a.count, 4);
  launch_each(context, a.sample.size * blocks, Uniform{a, blocks});
}

void augment_move(const AugmentMove& a, Context& context) {
  if (a.y.size) launch_each(context, places_of(a.frames), Move{a, Places(a.frames)});
}

void augment_cutout(const AugmentCutout& a, Context& context) {
  if (a.y.size) launch_each(context, places_of(a.frames), Cutout{a, Places(a.frames)});
}

template <class T>
void augment_affine(const AugmentAffine<T>& a, Context& context) {
  if (a.y.size) launch_each(context, places_of(a.frames), Affine<T>{a, Places(a.frames)});
}

template <class T>
void augment_color(const AugmentColor<T>& a, Context& context) {
  if (!a.y.size) return;
  const auto kernel = a.channels == 1 ? recolor_pictures<1, T> : recolor_pictures<3, T>;
  launch_blocks(context, kernel, blocks_for(a.batch, 1), block_threads, 0, a);
}

template void augment_affine(const AugmentAffine<uint8_t>&, Context&);
template void augment_affine(const AugmentAffine<float>&, Context&);
template void augment_color(const AugmentColor<uint8_t>&, Context&);
template void augment_color(const AugmentColor<float>&, Context&);

}  // namespace wxb::cuda
