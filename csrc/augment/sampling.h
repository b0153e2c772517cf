#pragma once
#include <type_traits>

#include "augment/augment.h"
#include "core/scalar.h"

// Where a place of AugmentAffine's y comes from and what it becomes, for CPU and CUDA.
namespace wxb {

// The two places around a position on an axis and the weight of the second; a place outside has index -1.
struct Taps {
  int64_t low, high;
  float weight;
};

// A position on an axis of n places, mirrored or moved to the nearest one, in [0, n - 1].
HD double within(double at, int64_t n, Padding padding) {
  const double end = double(n - 1);
  if (padding == Padding::reflect) {
    at = ::fabs(::fmod(at, 2 * end));  // of one place: NaN
    at = at > end ? 2 * end - at : at;
  }
  return at > 0 ? min(at, end) : 0;  // NaN is 0
}

HD bool taps(double at, int64_t n, Padding padding, Taps& t) {
  if (padding != Padding::constant) at = within(at, n, padding);
  if (!(at > -1 && at < double(n))) return false;
  const double low = ::floor(at);
  t = {int64_t(low), int64_t(low) + 1, float(at - low)};
  if (t.high == n) t.high = -1;
  return true;
}

template <class T>
HD T rounded(float v) {
  if constexpr (std::is_same_v<T, float>)
    return v;
  else
    return T(v + 0.5f);  // a mean of uint8 is within their range
}

// y = the mix of four places, those outside being zeros.
template <class T>
HD void mix(const AugmentAffine<T>& a, const T* picture, const Taps& v, const Taps& u, T* y) {
  const int64_t n = a.frames.pixel;
  const auto at = [&](int64_t i, int64_t j, int64_t c) {
    return i < 0 || j < 0 ? 0.f : float(picture[(i * a.frames.width + j) * n + c]);
  };
  for (int64_t c = 0; c < n; ++c) {
    const float top = (1 - u.weight) * at(v.low, u.low, c) + u.weight * at(v.low, u.high, c);
    const float bottom = (1 - u.weight) * at(v.high, u.low, c) + u.weight * at(v.high, u.high, c);
    y[c] = rounded<T>((1 - v.weight) * top + v.weight * bottom);
  }
}

template <class T>
HD void mix_checked(const AugmentAffine<T>& a, const T* picture, double row, double column, T* y) {
  Taps v, u;
  if (taps(row, a.frames.height, a.padding, v) && taps(column, a.frames.width, a.padding, u))
    mix(a, picture, v, u, y);
  else
    for (int64_t c = 0; c < a.frames.pixel; ++c) y[c] = T(0);
}

// The same of four places that all lie within the picture, `above` and below its upper left one.
HD void mix_within(const float* above, const float* below, int64_t n, uint32_t down, uint32_t right, float* y,
                   int64_t c) {
  const float v = float(down) * 0x1p-32f, u = float(right) * 0x1p-32f;
  const float top = (1 - u) * above[c] + u * above[n + c], bottom = (1 - u) * below[c] + u * below[n + c];
  y[c] = (1 - v) * top + v * bottom;
}
HD void mix_within(const uint8_t* above, const uint8_t* below, int64_t n, uint32_t down, uint32_t right, uint8_t* y,
                   int64_t c) {
  const uint32_t v = down >> 16, u = right >> 16, both = v * u >> 16;  // weights in units of 2^-16
  const uint32_t top = (65536 - u - v + both) * above[c] + (u - both) * above[n + c];
  y[c] = uint8_t((top + (v - both) * below[c] + both * below[n + c] + 32768) >> 16);
}

// A row of y: positions (row, column) and on by (down, right) for each place; v, u the same in units of 2^-32, which
// most are within: additions and shifts find the places and the weights. Those farther away are negative.
struct Walk {
  double row, column, down, right;
  int64_t v, u, step_v, step_u;

  HD Walk(const double* map, int64_t i, int64_t count)
      : row(map[0] * double(i) + map[2]), column(map[3] * double(i) + map[5]), down(map[1]), right(map[4]) {
    constexpr double unit = 0x1p32, farthest = 0x1p30;
    const bool near = ::fabs(row) < farthest && ::fabs(column) < farthest &&
                      ::fabs(row + down * double(count)) < farthest &&
                      ::fabs(column + right * double(count)) < farthest;
    step_v = near ? int64_t(::floor(down * unit + 0.5)) : 0;
    step_u = near ? int64_t(::floor(right * unit + 0.5)) : 0;
    v = near ? int64_t(row * unit) : -1, u = near ? int64_t(column * unit) : -1;
  }
};

// Place j of a row, of n channels, whose v and u are those of `walk` and j steps.
template <class T>
HD void sample(const AugmentAffine<T>& a, const T* picture, const Walk& walk, int64_t j, int64_t v, int64_t u,
               int64_t n, T* y) {
  const int64_t width = a.frames.width;
  if (uint64_t(v) >= uint64_t(a.frames.height - 1) << 32 || uint64_t(u) >= uint64_t(width - 1) << 32)
    return mix_checked(a, picture, walk.row + walk.down * double(j), walk.column + walk.right * double(j), y);
  const T* const above = picture + ((v >> 32) * width + (u >> 32)) * n;
  for (int64_t c = 0; c < n; ++c) mix_within(above, above + width * n, n, uint32_t(v), uint32_t(u), y, c);
}

}  // namespace wxb
