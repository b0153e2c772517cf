#include <type_traits>

#include "augment/pictures.h"

namespace wxb::cpu {

namespace {

constexpr double luma[3] = {0.299, 0.587, 0.114};  // ITU-R BT.601

template <class T>
T limited(float v) {
  if constexpr (std::is_same_v<T, float>)
    return v;
  else
    return T(v > 0 ? std::min(v + 0.5f, 255.f) : 0.f);  // NaN is 0
}

template <int64_t channels, class T>
double mean_gray(const T* x, int64_t places) {
  using Sum = std::conditional_t<std::is_same_v<T, float>, double, uint64_t>;
  Sum sums[channels] = {};
  for (int64_t i = 0; i < places; ++i)
    for (int64_t c = 0; c < channels; ++c) sums[c] += Sum(x[i * channels + c]);
  if constexpr (channels == 1) return double(sums[0]) / double(places);
  return (luma[0] * double(sums[0]) + luma[1] * double(sums[1]) + luma[2] * double(sums[2])) / double(places);
}

// All three steps are linear, and so is what they come to: y = own x + shared gray(x) + level.
template <int64_t channels, class T>
void recolor(const T* x, const double* factor, int64_t places, T* y) {
  const double b = factor[0], c = factor[1], s = channels == 1 ? 1 : factor[2];
  const float own = float(s * c * b), shared = float((1 - s) * c * b);
  const float level = c == 1 ? 0.f : float((1 - c) * b * mean_gray<channels>(x, places));
  for (int64_t i = 0; i < places; ++i, x += channels, y += channels) {
    float rest = level;
    if constexpr (channels == 3)
      rest += shared * (float(luma[0]) * float(x[0]) + float(luma[1]) * float(x[1]) + float(luma[2]) * float(x[2]));
    for (int64_t k = 0; k < channels; ++k) y[k] = limited<T>(own * float(x[k]) + rest);
  }
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
    a.channels == 1 ? recolor<1>(x, factor, a.places, y) : recolor<3>(x, factor, a.places, y);
  });
}

template void augment_color(const AugmentColor<uint8_t>&, Context&);
template void augment_color(const AugmentColor<float>&, Context&);

}  // namespace wxb::cpu
