#pragma once
#include "core/simd.h"

// Vector exp, log and what is made of them. Errors are stated in units in the last place (ulp) of the float32 result
// and tested over the whole range by tests/elementwise. NaN in gives NaN out.
namespace wxb::WXB_TARGET {

// 2^n for integer n in [-126, 127]
WXB_INLINE Vec power_of_two(Mask::Native n) { return from_bits((n + 127) << 23); }

WXB_INLINE Vec round(Vec x) {   // to the nearest integer, ties to even, |x| < 2^22
  const Vec magic(12582912.f);  // 1.5 * 2^23: the sum has no fraction bits left
  return (x + magic) - magic;
}

// exp(r) - 1 for |r| <= ln(2)/2, as r + r^2 q(r): minimax, error below 0.6 ulp of exp.
WXB_INLINE Vec expm1_reduced(Vec r) {
  Vec q = fma(Vec(1.9875691500e-4f), r, Vec(1.3981999507e-3f));
  q = fma(q, r, Vec(8.3334519073e-3f));
  q = fma(q, r, Vec(4.1665795894e-2f));
  q = fma(q, r, Vec(1.6666665459e-1f));
  q = fma(q, r, Vec(5.0000001201e-1f));
  return fma(q, r * r, r);
}

struct Reduced {
  Vec r, n;  // x = n ln 2 + r
};

WXB_INLINE Reduced reduce_exp(Vec x) {
  const Vec n = round(x * Vec(1.44269504089f));
  Vec r = fma(n, Vec(-0.693359375f), x);  // ln 2 in two parts, the first exact in 10 bits
  return {fma(n, Vec(2.12194440e-4f), r), n};
}

// e^x; overflows to Inf, underflows through the subnormals to 0.
WXB_INLINE Vec exp(Vec x) {
  const Vec clipped = select(x > Vec(89.f), Vec(89.f), select(x < Vec(-104.f), Vec(-104.f), x));
  const auto [r, n] = reduce_exp(select(x == x, clipped, Vec(0.f)));
  const Vec y = Vec(1.f) + expm1_reduced(r);
  const Mask::Native k = to_int(n), half = k >> 1;  // two factors, so that 2^128 and subnormals are reached
  const Vec result = y * power_of_two(half) * power_of_two(k - half);
  return select(x == x, result, x);
}

// e^x - 1 without cancellation near 0.
WXB_INLINE Vec expm1(Vec x) {
  const Vec clipped = select(x > Vec(89.f), Vec(89.f), select(x < Vec(-104.f), Vec(-104.f), x));
  const auto [r, n] = reduce_exp(select(x == x, clipped, Vec(0.f)));
  const Vec p = expm1_reduced(r);
  const Mask::Native k = to_int(n), half = k >> 1;
  // 2^n (p + 1) - 1 = 2^n p + (2^n - 1); beyond 2^25 the 1 is lost either way
  const Vec scale = power_of_two(half), rest = power_of_two(k - half);
  const Vec two_n = scale * rest;
  const Vec small = fma(two_n, p, two_n - Vec(1.f)), large = (p + Vec(1.f)) * scale * rest;
  return select(x == x, select(n > Vec(60.f), large, small), x);
}

// ln x; ln 0 = -Inf, negative gives NaN, subnormals are scaled up first.
WXB_INLINE Vec log(Vec x) {
  const Mask subnormal = x < Vec(1.17549435e-38f);
  const Vec scaled = select(subnormal, x * Vec(8388608.f), x);
  // mantissa in [sqrt(1/2), sqrt(2)), exponent e
  const Mask::Native offset = bits(scaled) - 0x3f3504f3;
  const Mask::Native e = (offset >> 23);
  const Vec m = from_bits((offset & 0x007fffff) + 0x3f3504f3) - Vec(1.f);
  const Vec exponent = to_float(e) - select(subnormal, Vec(23.f), Vec(0.f));
  Vec p = fma(Vec(7.0376836292e-2f), m, Vec(-1.1514610310e-1f));
  p = fma(p, m, Vec(1.1676998740e-1f));
  p = fma(p, m, Vec(-1.2420140846e-1f));
  p = fma(p, m, Vec(1.4249322787e-1f));
  p = fma(p, m, Vec(-1.6668057665e-1f));
  p = fma(p, m, Vec(2.0000714765e-1f));
  p = fma(p, m, Vec(-2.4999993993e-1f));
  p = fma(p, m, Vec(3.3333331174e-1f));
  const Vec square = m * m;
  Vec y = m * square * p;
  y = fma(exponent, Vec(-2.12194440e-4f), y);
  y = fma(square, Vec(-0.5f), y);
  y = m + y;
  y = fma(exponent, Vec(0.693359375f), y);
  const Vec infinity(__builtin_inff());
  y = select(x == Vec(0.f), -infinity, y);
  y = select(x < Vec(0.f), Vec(__builtin_nanf("")), y);
  return select((x == x) & (x != infinity), y, x);
}

// ln(1 + x): the rounding error of 1 + x is put back in first order.
WXB_INLINE Vec log1p(Vec x) {
  const Vec u = Vec(1.f) + x, lost = select(u > Vec(2.f), Vec(1.f) - (u - x), x - (u - Vec(1.f)));
  const Vec corrected = log(u) + select(u > Vec(0.f), lost / u, Vec(0.f));
  return select(abs(x) < Vec(1e-4f), fma(x * Vec(-0.5f), x, x), select(u < Vec(__builtin_inff()), corrected, log(u)));
}

// 1 / (1 + e^-x)
WXB_INLINE Vec sigmoid(Vec x) { return Vec(1.f) / (Vec(1.f) + exp(-x)); }

// tanh x = -m / (m + 2) with m = e^{-2|x|} - 1, the sign put back.
WXB_INLINE Vec tanh(Vec x) {
  const Vec m = expm1(abs(x) * Vec(-2.f));
  const Vec y = -m / (m + Vec(2.f));
  return from_bits(bits(y) | (bits(x) & int32_t(0x80000000)));
}

// erf x: below 1 an odd polynomial, above it 1 - e^-x^2 P(t) with t = 1 / (1 + p|x|)
// (Abramowitz, Stegun 1964, 7.1.26 gives 1.5e-7 absolute, which is one ulp there).
WXB_INLINE Vec erf(Vec x) {
  const Vec a = abs(x), z = x * x;
  Vec s = fma(Vec(-5.6477133e-4f), z, Vec(4.8915699e-3f));
  s = fma(s, z, Vec(-2.6782987e-2f));
  s = fma(s, z, Vec(1.1281994e-1f));
  s = fma(s, z, Vec(-3.7612297e-1f));
  s = fma(s, z, Vec(1.1283791f));
  const Vec small = s * x;
  const Vec t = Vec(1.f) / fma(a, Vec(0.3275911f), Vec(1.f));
  Vec p = fma(Vec(1.061405429f), t, Vec(-1.453152027f));
  p = fma(p, t, Vec(1.421413741f));
  p = fma(p, t, Vec(-0.284496736f));
  p = fma(p, t, Vec(0.254829592f));
  const Vec large = Vec(1.f) - p * t * exp(-z);
  const Vec signed_large = from_bits(bits(large) | (bits(x) & int32_t(0x80000000)));
  return select(x == x, select(a < Vec(1.f), small, signed_large), x);
}

WXB_INLINE Vec pow(Vec x, Vec y) {  // lane by lane: a float32 exp(y log x) would lose up to seven bits
  Vec r;
  for (int64_t i = 0; i < Vec::lanes; ++i) r.v[i] = __builtin_powf(x.v[i], y.v[i]);
  return r;
}

}  // namespace wxb::WXB_TARGET
