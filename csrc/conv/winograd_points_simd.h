#pragma once
#include "core/simd.h"

// The matrices of Winograd's F(4, taps) along one axis (Lavin, Gray 2015, arXiv:1509.09308): four outputs of a
// correlation from taps + 3 inputs and as many products, Aᵀ [(G g) ⊙ (Bᵀ d)], where the definition takes 4 taps. Inputs
// d and taps g are polynomials, evaluated at so many points, multiplied there, and the coefficients found again.
namespace wxb::WXB_TARGET {

constexpr int square = 4;  // outputs along an axis

template <int taps>
struct Winograd;

template <>
struct Winograd<3> {  // points 0, 1, -1, 2, -2 and infinity
  static constexpr int reach = 6, points = reach * reach;

  static WXB_INLINE void weights(const Vec (&g)[3], Vec (&r)[6]) {  // G g
    const Vec ends = g[0] + g[2], far = fma(Vec(4.f), g[2], g[0]);
    r[0] = Vec(1 / 4.f) * g[0];
    r[1] = Vec(-1 / 6.f) * (ends + g[1]);
    r[2] = Vec(-1 / 6.f) * (ends - g[1]);
    r[3] = Vec(1 / 24.f) * fma(Vec(2.f), g[1], far);
    r[4] = Vec(1 / 24.f) * fma(Vec(-2.f), g[1], far);
    r[5] = g[2];
  }

  static WXB_INLINE void patch(Vec (&d)[6]) {  // Bᵀ d
    const Vec four(4.f), five(-5.f), two(2.f), even = fma(-four, d[2], d[4]), odd = fma(-four, d[1], d[3]),
                                               near_even = d[4] - d[2], near_odd = d[3] - d[1];
    d[0] = fma(four, d[0], fma(five, d[2], d[4]));
    d[5] = fma(four, d[1], fma(five, d[3], d[5]));
    d[1] = even + odd, d[2] = even - odd;
    d[3] = fma(two, near_odd, near_even), d[4] = fma(-two, near_odd, near_even);
  }

  static WXB_INLINE void outputs(const Vec (&m)[6], Vec (&r)[4]) {  // Aᵀ m
    const Vec sum = m[1] + m[2], difference = m[1] - m[2], far_sum = m[3] + m[4], far_difference = m[3] - m[4];
    r[0] = m[0] + sum + far_sum;
    r[1] = fma(Vec(2.f), far_difference, difference);
    r[2] = fma(Vec(4.f), far_sum, sum);
    r[3] = fma(Vec(8.f), far_difference, difference) + m[5];
  }

  static WXB_INLINE void gradient(const Vec (&d)[4], Vec (&r)[6]) {  // A d
    const Vec even = d[0] + d[2], odd = d[1] + d[3], far_even = fma(Vec(4.f), d[2], d[0]),
              far_odd = fma(Vec(8.f), d[3], Vec(2.f) * d[1]);
    r[0] = d[0], r[5] = d[3];
    r[1] = even + odd, r[2] = even - odd;
    r[3] = far_even + far_odd, r[4] = far_even - far_odd;
  }

  static WXB_INLINE void weights_gradient(const Vec (&m)[6], Vec (&r)[3]) {  // Gᵀ m
    const Vec sum = Vec(-1 / 6.f) * (m[1] + m[2]), far_sum = m[3] + m[4], far_difference = m[3] - m[4];
    r[0] = fma(Vec(1 / 4.f), m[0], fma(Vec(1 / 24.f), far_sum, sum));
    r[1] = fma(Vec(1 / 6.f), m[2] - m[1], Vec(1 / 12.f) * far_difference);
    r[2] = fma(Vec(1 / 6.f), far_sum, sum) + m[5];
  }
};

template <>
struct Winograd<2> {  // points 0, 1, -1, 2 and infinity
  static constexpr int reach = 5, points = reach * reach;

  static WXB_INLINE void weights(const Vec (&g)[2], Vec (&r)[5]) {
    r[0] = Vec(1 / 2.f) * g[0];
    r[1] = Vec(-1 / 2.f) * (g[0] + g[1]);
    r[2] = Vec(1 / 6.f) * (g[1] - g[0]);
    r[3] = Vec(1 / 6.f) * fma(Vec(2.f), g[1], g[0]);
    r[4] = g[1];
  }

  static WXB_INLINE void patch(Vec (&d)[5]) {
    const Vec two(2.f), odd = d[3] - d[1], even = d[4] - d[2], sum = d[1] + d[2], difference = d[1] - d[2];
    d[0] = fma(two, d[0] - d[2], odd);
    d[1] = odd - sum, d[2] = fma(Vec(3.f), difference, odd);
    d[3] = odd, d[4] = fma(-two, odd, even);
  }

  static WXB_INLINE void outputs(const Vec (&m)[5], Vec (&r)[4]) {
    const Vec sum = m[1] + m[2], difference = m[1] - m[2];
    r[0] = m[0] + sum + m[3];
    r[1] = fma(Vec(2.f), m[3], difference);
    r[2] = fma(Vec(4.f), m[3], sum);
    r[3] = fma(Vec(8.f), m[3], difference) + m[4];
  }

  static WXB_INLINE void gradient(const Vec (&d)[4], Vec (&r)[5]) {
    const Vec even = d[0] + d[2], odd = d[1] + d[3];
    r[0] = d[0], r[4] = d[3];
    r[1] = even + odd, r[2] = even - odd;
    r[3] = fma(Vec(4.f), d[2], d[0]) + fma(Vec(8.f), d[3], Vec(2.f) * d[1]);
  }

  static WXB_INLINE void weights_gradient(const Vec (&m)[5], Vec (&r)[2]) {
    const Vec far = Vec(1 / 6.f) * m[3], near = Vec(-1 / 2.f) * m[1];
    r[0] = fma(Vec(1 / 2.f), m[0], near) + fma(Vec(-1 / 6.f), m[2], far);
    r[1] = fma(Vec(2.f), far, near) + fma(Vec(1 / 6.f), m[2], m[4]);
  }
};

}  // namespace wxb::WXB_TARGET
