#pragma once
#include <type_traits>

#include "augment/augment.h"
#include "core/scalar.h"

// The formulas of AugmentColor, for CPU and CUDA.
namespace wxb {

// Of the sum of a picture's channels, red, green and blue or the one there is; luma is ITU-R BT.601's.
template <int64_t channels, class V>
HD V gray(V red, V green, V blue) {
  return channels == 1 ? red : V(0.299) * red + V(0.587) * green + V(0.114) * blue;
}

// All three steps are linear, and so is what they come to: y = own x + shared gray(x) + level.
struct Recolor {
  float own, shared, level;
  HD Recolor(const double* factor, bool is_gray, double mean) {
    const double b = factor[0], c = factor[1], s = is_gray ? 1 : factor[2];
    own = float(s * c * b), shared = float((1 - s) * c * b);
    level = c == 1 ? 0.f : float((1 - c) * b * mean);
  }
};

template <class T>
HD T limited(float v) {
  if constexpr (std::is_same_v<T, float>)
    return v;
  else
    return T(v > 0 ? min(v + 0.5f, 255.f) : 0.f);  // NaN is 0
}

template <int64_t channels, class T>
HD void recolor(const Recolor& r, const T* x, T* y) {
  float rest = r.level;
  if constexpr (channels == 3) rest += r.shared * gray<3>(float(x[0]), float(x[1]), float(x[2]));
  for (int64_t k = 0; k < channels; ++k) y[k] = limited<T>(r.own * float(x[k]) + rest);
}

}  // namespace wxb
