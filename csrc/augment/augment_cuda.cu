#include "augment/color.h"
#include "augment/sampling.h"
#include "augment/uniform.h"
#include "augment/window.h"
#include "core/rows.cuh"

// A place of y belongs to a thread, as do all its channels.
namespace wxb::cuda {

namespace {

struct Uniform {
  AugmentUniform a;
  int64_t blocks;  // of four numbers
  __device__ void operator()(int64_t item) const { draw(a, item / blocks, item % blocks * 4); }
};

int64_t places(const Frames& f) { return f.batch * f.out_height * f.out_width; }

struct Move {
  AugmentMove a;
  __device__ void operator()(int64_t place) const {
    const Frames& f = a.frames;
    const int64_t n = place / (f.out_height * f.out_width), i = place / f.out_width % f.out_height;
    const Window rows(f.height, f.out_height, a.offset.data[2 * n], a.flip.data[2 * n], a.padding),
        columns(f.width, f.out_width, a.offset.data[2 * n + 1], a.flip.data[2 * n + 1], a.padding);
    const int64_t row = rows.source(rows.target(i)), column = columns.source(columns.target(place % f.out_width));
    const uint8_t* const from = a.x.data + ((n * f.height + row) * f.width + column) * f.pixel;
    for (int64_t c = 0; c < f.pixel; ++c) a.y.data[place * f.pixel + c] = row < 0 || column < 0 ? 0 : from[c];
  }
};

struct Cutout {
  AugmentCutout a;
  __device__ void operator()(int64_t place) const {
    const Frames& f = a.frames;
    const int64_t n = place / (f.height * f.width), i = place / f.width % f.height;
    const Span rows(a.corner.data[2 * n], a.cut_height, f.height),
        columns(a.corner.data[2 * n + 1], a.cut_width, f.width);
    const bool cut = rows.holds(i) && columns.holds(place % f.width);
    for (int64_t c = 0; c < f.pixel; ++c)
      a.y.data[place * f.pixel + c] = cut ? a.fill.data[c] : a.x.data[place * f.pixel + c];
  }
};

template <class T>
struct Affine {
  AugmentAffine<T> a;
  __device__ void operator()(int64_t place) const {
    const Frames& f = a.frames;
    const int64_t n = place / (f.out_height * f.out_width), j = place % f.out_width;
    const Walk walk(a.map.data + 6 * n, place / f.out_width % f.out_height, f.out_width);
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
  if (a.y.size) launch_each(context, places(a.frames), Move{a});
}

void augment_cutout(const AugmentCutout& a, Context& context) {
  if (a.y.size) launch_each(context, places(a.frames), Cutout{a});
}

template <class T>
void augment_affine(const AugmentAffine<T>& a, Context& context) {
  if (a.y.size) launch_each(context, places(a.frames), Affine<T>{a});
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
