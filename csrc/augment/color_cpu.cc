#include "augment/color.h"
#include "augment/pictures.h"

namespace wxb::cpu {

namespace {

template <int64_t channels, class T>
double mean_gray(const T* x, int64_t places) {
  using Sum = std::conditional_t<std::is_same_v<T, float>, double, uint64_t>;
  Sum sums[channels] = {};
  for (int64_t i = 0; i < places; ++i)
    for (int64_t c = 0; c < channels; ++c) sums[c] += Sum(x[i * channels + c]);
  return gray<channels>(double(sums[0]), double(sums[channels / 2]), double(sums[channels - 1])) / double(places);
}

template <int64_t channels, class T>
void recolor_picture(const T* x, const double* factor, int64_t places, T* y) {
  const Recolor r(factor, channels == 1, factor[1] == 1 ? 0 : mean_gray<channels>(x, places));
  for (int64_t i = 0; i < places; ++i, x += channels, y += channels) recolor<channels>(r, x, y);
}

}  // namespace

template <class T>
void augment_color(const AugmentColor<T>& a, Context&) {
  const int64_t picture = a.places * a.channels;
  if (!a.y.size) return;
  by_pictures(a.batch, 4 * picture * int64_t(sizeof(T)), [&](int64_t n) {
    const T* const x = a.x.data + n * picture;
    const double* const factor = a.factor.data + 3 * n;
    T* const y = a.y.data + n * picture;
    a.channels == 1 ? recolor_picture<1>(x, factor, a.places, y) : recolor_picture<3>(x, factor, a.places, y);
  });
}

template void augment_color(const AugmentColor<uint8_t>&, Context&);
template void augment_color(const AugmentColor<float>&, Context&);

}  // namespace wxb::cpu
