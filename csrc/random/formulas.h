#pragma once
#include "core/hd.h"
#include "core/scalar.h"

// Numbers from random words, for V = float with W = uint32_t (reference, CUDA) and the SIMD Vec of a target with its
// vector of words (include core/philox_simd.h first). Only exactly defined operations are used, so float32 has the same
// bits everywhere. V double takes 64 bits and the C library's functions.
namespace wxb::WXB_TARGET {

// The 24 upper bits as a fraction in [0, 1).
template <class V, class W>
HD V fraction(W word) {
  return to_float(to_signed(word >> 8)) * V(5.9604645e-8f);  // 2^-24
}

// All 32 bits as a number in (0, 1], rounded once: small ones keep 24 significant bits, which the tails are made of.
template <class V, class W>
HD V positive(W word) {
  const V low = fma(to_float(to_signed(word & 0xffff)), V(2.3283064e-10f), V(1.1641532e-10f));  // 2^-32, 2^-33
  return fma(to_float(to_signed(word >> 16)), V(1.5258789e-5f), low);                           // 2^-16
}

// ln u for u in [2^-33, 1], error below 2 ulp.
template <class V>
HD V log_positive(V u) {
  const auto offset = bits(u) - 0x3f3504f3;  // mantissa in [sqrt(1/2), sqrt(2)), the rest is the exponent
  const V m = from_bits((offset & 0x007fffff) + 0x3f3504f3) - V(1.f), exponent = to_float(offset >> 23);
  V p = fma(V(7.0376836292e-2f), m, V(-1.1514610310e-1f));
  p = fma(p, m, V(1.1676998740e-1f));
  p = fma(p, m, V(-1.2420140846e-1f));
  p = fma(p, m, V(1.4249322787e-1f));
  p = fma(p, m, V(-1.6668057665e-1f));
  p = fma(p, m, V(2.0000714765e-1f));
  p = fma(p, m, V(-2.4999993993e-1f));
  p = fma(p, m, V(3.3333331174e-1f));
  const V square = m * m;
  V y = fma(exponent, V(-2.12194440e-4f), m * square * p);
  y = m + fma(square, V(-0.5f), y);
  return fma(exponent, V(0.693359375f), y);
}

// cos and sin of a random angle: an eighth turn to either side by the upper bits, then a quarter turn 0 to 3 times by
// the lowest two. Polynomials of degree 7 and 8, error below 2 ulp.
template <class V, class W>
HD void direction(W word, V& cosine, V& sine) {
  const V angle = to_float(to_signed(word) >> 8) * V(9.3626764e-8f), square = angle * angle;  // pi/4 2^-23
  V s = fma(V(-1.9515295891e-4f), square, V(8.3321608736e-3f));
  s = fma(s, square, V(-1.6666654611e-1f));
  s = fma(s * square, angle, angle);
  V c = fma(V(2.443315711809948e-5f), square, V(-1.388731625493765e-3f));
  c = fma(c, square, V(4.166664568298827e-2f));
  c = fma(c, square, V(-0.5f));
  c = fma(c, square, V(1.f));
  const auto odd = -to_signed(word & 1);  // all bits, or none
  const auto swapped_c = (bits(s) & odd) | (bits(c) & ~odd), swapped_s = (bits(c) & odd) | (bits(s) & ~odd);
  cosine = from_bits(swapped_c ^ to_signed((word + (word & 1)) << 30 & 0x80000000u));
  sine = from_bits(swapped_s ^ to_signed(word << 30 & 0x80000000u));
}

// Two independent standard normal numbers (Box, Muller 1958).
template <class V, class W>
HD void normals(W first, W second, V& a, V& b) {
  const V radius = sqrt(V(-2.f) * log_positive(positive<V>(first)));
  direction(second, a, b);
  a = radius * a, b = radius * b;
}

HD double fraction(uint64_t bits64) { return double(bits64 >> 11) * 0x1p-53; }

HD void normals(uint64_t first, uint64_t second, double& a, double& b) {
  const double radius = ::sqrt(-2.0 * ::log((double(first >> 11) + 0.5) * 0x1p-53));
  turn(fraction(second), a, b);
  a = radius * a, b = radius * b;
}

// low + (high - low) fraction, which rounding may take to high.
template <class V, class T>
HD V between(V fraction, T low, T high) {
  const V y = fma(V(high - low), fraction, V(low));
  return select(y < V(high), y, V(low));
}

}  // namespace wxb::WXB_TARGET
