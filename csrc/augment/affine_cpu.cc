#include "augment/pictures.h"
#include "augment/sampling.h"

namespace wxb::cpu {

namespace {

// `known` channels, or 0: the struct's.
template <int64_t known, class T>
void sample_picture(const AugmentAffine<T>& a, int64_t number) {
  const Frames& f = a.frames;
  const int64_t n = known ? known : f.pixel;
  const T* const x = a.x.data + number * f.height * f.width * f.pixel;
  for (int64_t i = 0; i < f.out_height; ++i) {
    const Walk walk(a.map.data + 6 * number, i, f.out_width);
    T* y = a.y.data + (number * f.out_height + i) * f.out_width * f.pixel;
    int64_t v = walk.v, u = walk.u;
    for (int64_t j = 0; j < f.out_width; ++j, y += n, v += walk.step_v, u += walk.step_u)
      sample(a, x, walk, j, v, u, n, y);
  }
}

}  // namespace

template <class T>
void augment_affine(const AugmentAffine<T>& a, Context&) {
  const Frames& f = a.frames;
  if (!a.y.size) return;
  const int64_t bytes = f.out_height * f.out_width * f.pixel * int64_t(sizeof(T));
  by_pictures(f.batch, 8 * bytes, [&](int64_t n) {  // a byte takes some eight times what it does to move it
    switch (f.pixel) {
      case 1: return sample_picture<1>(a, n);
      case 3: return sample_picture<3>(a, n);
      default: return sample_picture<0>(a, n);
    }
  });
}

template void augment_affine(const AugmentAffine<uint8_t>&, Context&);
template void augment_affine(const AugmentAffine<float>&, Context&);

}  // namespace wxb::cpu
