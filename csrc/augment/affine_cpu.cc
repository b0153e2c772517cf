#include <cmath>

#include "augment/pictures.h"

namespace wxb::cpu {

namespace {

// The two places around a position on an axis and the weight of the second; a place outside has index -1.
struct Taps {
  int64_t low, high;
  float weight;
};

// A position on an axis of n places, mirrored or moved to the nearest one, in [0, n - 1].
double within(double at, int64_t n, Padding padding) {
  const double end = double(n - 1);
  if (padding == Padding::reflect) {
    at = std::fabs(std::fmod(at, 2 * end));  // of one place: NaN
    at = at > end ? 2 * end - at : at;
  }
  return at > 0 ? std::min(at, end) : 0;  // NaN is 0
}

bool taps(double at, int64_t n, Padding padding, Taps& t) {
  if (padding != Padding::constant) at = within(at, n, padding);
  if (!(at > -1 && at < double(n))) return false;
  const double low = std::floor(at);
  t = {int64_t(low), int64_t(low) + 1, float(at - low)};
  if (t.high == n) t.high = -1;
  return true;
}

template <class T>
T rounded(float v) {
  if constexpr (std::is_same_v<T, float>)
    return v;
  else
    return T(v + 0.5f);  // a mean of uint8 is within their range
}

// y = the mix of four places, those outside being zeros.
template <class T>
void mix(const AugmentAffine<T>& a, const T* picture, const Taps& v, const Taps& u, T* y) {
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
void mix_checked(const AugmentAffine<T>& a, const T* picture, double row, double column, T* y) {
  Taps v, u;
  if (taps(row, a.frames.height, a.padding, v) && taps(column, a.frames.width, a.padding, u))
    mix(a, picture, v, u, y);
  else
    std::fill_n(y, a.frames.pixel, T(0));
}

// A position in units of 2^-32, which most are within: additions and shifts find the places and the weights.
constexpr double unit = 0x1p32;
constexpr double farthest = 0x1p30;

// The same of four places that all lie within the picture, `above` and below its upper left one.
void mix_within(const float* above, const float* below, int64_t n, uint32_t down, uint32_t right, float* y, int64_t c) {
  const float v = float(down) * 0x1p-32f, u = float(right) * 0x1p-32f;
  const float top = (1 - u) * above[c] + u * above[n + c], bottom = (1 - u) * below[c] + u * below[n + c];
  y[c] = (1 - v) * top + v * bottom;
}
void mix_within(const uint8_t* above, const uint8_t* below, int64_t n, uint32_t down, uint32_t right, uint8_t* y,
                int64_t c) {
  const uint32_t v = down >> 16, u = right >> 16, both = v * u >> 16;  // weights in units of 2^-16
  const uint32_t top = (65536 - u - v + both) * above[c] + (u - both) * above[n + c];
  y[c] = uint8_t((top + (v - both) * below[c] + both * below[n + c] + 32768) >> 16);
}

// A row of y, from positions (row, column) on by (down, right) for each place. `known` channels, or 0: the struct's.
template <int64_t known, class T>
void sample_row(const AugmentAffine<T>& a, const T* picture, double row, double column, double down, double right,
                T* y) {
  const int64_t n = known ? known : a.frames.pixel, width = a.frames.width, count = a.frames.out_width;
  const bool near = std::fabs(row) < farthest && std::fabs(column) < farthest &&
                    std::fabs(row + down * double(count)) < farthest &&
                    std::fabs(column + right * double(count)) < farthest;
  const int64_t step_v = near ? int64_t(std::floor(down * unit + 0.5)) : 0;
  const int64_t step_u = near ? int64_t(std::floor(right * unit + 0.5)) : 0;
  int64_t v = near ? int64_t(row * unit) : -1, u = near ? int64_t(column * unit) : -1;
  const uint64_t last_v = uint64_t(a.frames.height - 1) << 32, last_u = uint64_t(width - 1) << 32;
  for (int64_t j = 0; j < count; ++j, y += n, v += step_v, u += step_u) {
    if (uint64_t(v) >= last_v || uint64_t(u) >= last_u) {
      mix_checked(a, picture, row + down * double(j), column + right * double(j), y);
      continue;
    }
    const T* const above = picture + ((v >> 32) * width + (u >> 32)) * n;
    for (int64_t c = 0; c < n; ++c) mix_within(above, above + width * n, n, uint32_t(v), uint32_t(u), y, c);
  }
}

template <int64_t known, class T>
void sample_picture(const AugmentAffine<T>& a, int64_t n) {
  const Frames& f = a.frames;
  const double* const m = a.map.data + 6 * n;
  const T* const x = a.x.data + n * f.height * f.width * f.pixel;
  for (int64_t i = 0; i < f.out_height; ++i) {
    const double row = m[0] * double(i) + m[2], column = m[3] * double(i) + m[5];
    sample_row<known>(a, x, row, column, m[1], m[4], a.y.data + (n * f.out_height + i) * f.out_width * f.pixel);
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
