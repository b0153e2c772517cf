#pragma once
#include "core/simd.h"

// Vector exp, log and what is made of them. An error is in units in the last place (ulp) of the float32 result, the
// largest over all 2^32 arguments; tests/elementwise/test_math.py holds them to it. NaN in gives NaN out, infinities,
// signed zeros and subnormals are treated as in C. Every target gives the same bits: the same operations in the same
// order, each rounded once. Coefficients are minimax fits (a linear program on Chebyshev nodes, weighted for the
// relative error of the result, each coefficient rounded to float32 before the next is fitted); the error given with
// each is that of the fit alone, in exact arithmetic.
namespace wxb::WXB_TARGET {

// p x^k + c_1 x^(k-1) + ... + c_k by Horner's rule
template <class... Coefficients>
WXB_INLINE Vec polynomial(Vec x, Vec p, Coefficients... c) {
  ((p = fma(p, x, Vec(c))), ...);
  return p;
}

// Adding it leaves no fraction bits (|x| < 2^22) and the rounded number, ties to even, in the low bits.
constexpr float round_magic = 12582912.f;  // 1.5 * 2^23

struct Reduced {
  Vec r, n, scale;
};

// x, or -x, = n ln 2 + r with |r| <= ln(2) / 2; scale is 2^(n + shift) where that is a normal float. ln 2 is taken as a
// float32 and the rest: n times the first and its difference from x are exact.
template <int shift = 0, bool minus = false>
WXB_INLINE Reduced reduce_exp(Vec x) {
  const Vec magic(round_magic + float(127 + shift));  // the low bits of t are the exponent bits of scale
  const Vec t = fma(x, Vec(minus ? -1.44269504f : 1.44269504f), magic), n = t - magic;
  return {fma(n, Vec(1.90465421e-9f), fma(n, Vec(-0.693147182f), minus ? -x : x)), n, from_bits(bits(t) << 23)};
}

// e^(s r) for |s r| <= ln(2) / 2, relative error 3.1e-9. s is a power of two: it changes the coefficients exactly.
WXB_INLINE Vec exp_reduced(Vec r, float s = 1.f) {
  const float s2 = s * s, s4 = s2 * s2;
  return polynomial(r, 1.38214696e-3f * s4 * s2, 8.36866256e-3f * s4 * s, 4.16682549e-2f * s4, 0.166665211f * s2 * s,
                    0.49999994f * s2, s, 1.f);
}

// e^x: 0.9 ulp
WXB_INLINE Vec exp(Vec x) {
  const Reduced e = reduce_exp(min(max(x, Vec(-104.f)), Vec(89.f)));  // beyond them 0 and Inf
  return ldexp(exp_reduced(e.r), e.n);
}

// e^r - 1 for |r| <= ln(2) / 2, relative error 1.4e-8
WXB_INLINE Vec expm1_reduced(Vec r) {
  const Vec q = polynomial(r, 1.38699461e-3f, 8.36625323e-3f, 4.16674428e-2f, 0.166665465f, 0.49999997f);
  return fma(q, r * r, r);
}

// e^x - 1 = 2^n (p + 1) - 1 with p = e^r - 1: 1.6 ulp
WXB_INLINE Vec expm1(Vec x) {
  const Reduced e = reduce_exp<-1>(min(max(x, Vec(-20.f)), Vec(89.f)));  // beyond them -1 and Inf; 2^128 overflows
  const Vec y = fma(e.scale, expm1_reduced(e.r), e.scale - Vec(0.5f));
  return copysign(y + y, x);
}

// 1 / (1 + e^-x) = c / (s + c + s p) with -x = n ln 2 + r, p = e^r - 1 and s = 2^n c, where c keeps s a normal float:
// 1.8 ulp. What s + c loses in rounding is put back.
WXB_INLINE Vec sigmoid(Vec x) {
  const Reduced e = reduce_exp<-32, true>(min(max(x, Vec(-104.f)), Vec(40.f)));  // beyond them 0 and 1
  const Vec c(0x1p-32f), sum = e.scale + c, lost = c - (sum - e.scale);
  return c / (sum + fma(e.scale, expm1_reduced(e.r), lost));
}

// ln(1 + f) for f in [-1/4, 1/2], relative error 4.9e-9
WXB_INLINE Vec log1p_reduced(Vec f) {
  const Vec q = polynomial(f, -4.51522693e-2f, 0.10472551f, -0.131639361f, 0.1447763f, -0.166468784f, 0.19990848f,
                           -0.250001103f, 0.333334506f, -0.5f);
  return fma(q, f * f, f);
}

// n ln 2 + y; both parts of ln 2 are positive, so that n = Inf and -Inf give themselves
WXB_INLINE Vec add_ln2(Vec n, Vec y) { return fma(n, Vec(0.693147123f), fma(n, Vec(5.76999475e-8f), y)); }

// ln x: 1 ulp
WXB_INLINE Vec log(Vec x) {
  const auto [mantissa, exponent] = split(x);
  return add_ln2(exponent, log1p_reduced(mantissa - Vec(1.f)));
}

// ln(1 + x): 1.3 ulp
WXB_INLINE Vec log1p(Vec x) {
  const Vec one(1.f), u = one + x, lost = min(x, one) - (u - max(x, one));  // u + lost = 1 + x, exactly
  // u = m 2^n with m in [3/4, 3/2); f = (u + lost) 2^-n - 1, which is x itself where n = 0
  const Int n = (bits(u) - 0x3f400000) & int32_t(0xff800000), inverse = max(0x3f800000 - n, Int{});  // 2^23 n, 2^-n
  const Vec m = from_bits(bits(u) - n), f = fma(lost, from_bits(inverse), m - one);
  const Vec y = copysign(add_ln2(to_float(n >> 23), log1p_reduced(f)), x);
  const Vec infinity(__builtin_inff());
  const Vec at_most_zero = select(u == Vec(0.f), -infinity, Vec(__builtin_nanf("")));
  return select(x < infinity, select(x > -one, y, at_most_zero), x);
}

// tanh x = (e^2x - 1) / (e^2x + 1). With 2|x| = n ln 2 + 2r, 0 <= 2r < ln 2, s = 2^n and u = tanh r this is
// N / D, D = s + 1 + (s - 1) u and N = D - 2 + 2u: where D is rounded, N follows it and the quotient hardly changes. 2
// ulp
WXB_INLINE Vec tanh(Vec x) {
  // The low bits of t are those of n + 127. 0.1732 is half a unit of n, less a little, so that n = 0 for x = 0.
  const Vec a = min(abs(x), Vec(9.02f)), magic(round_magic + 127.f), one(1.f), two(2.f);
  const Vec t = fma(a - Vec(0.1732f), Vec(2.88539008f), magic), s = from_bits(bits(t) << 23);
  const Vec r = fma(t - magic, Vec(-0.346573591f), a);
  // tanh r / r - 1 over r^2, by Estrin's scheme; relative error of tanh r 4.5e-10
  const Vec z = r * r;
  const Vec low = fma(z, Vec(0.133324236f), Vec(-0.333333224f)),
            high = fma(z, Vec(1.94747932e-2f), Vec(-5.37341461e-2f));
  const Vec u = fma(r * z, fma(high, z * z, low), r);
  const Vec d = fma(s - one, u, s + one);
  return copysign(fma(two, u, d - two) / d, x);
}

// erf x, below 0.9 by an odd polynomial with relative error 1.5e-8, above as 1 - e^q(|x|), relative error 1.7e-9: 1.2
// ulp
WXB_INLINE Vec erf(Vec x) {
  const Vec z = x * x, a = min(abs(x), Vec(4.f));
  const Vec p =
      polynomial(z, -6.02079963e-4f, 4.99895914e-3f, -2.6770493e-2f, 0.112819217f, -0.376125038f, 0.128379151f);
  const Reduced e = reduce_exp(polynomial(a, 1.98221358e-4f, -3.06551065e-3f, 2.23152898e-2f, -0.104113802f,
                                          -0.636976004f, -1.12779725f, -1.66458238e-4f));
  const Vec large = Vec(1.f) - exp_reduced(e.r) * e.scale;
  return select(a < Vec(0.9f), fma(p, x, x), copysign(large, x));
}

struct Gaussian {
  Vec density, cdf;
};

// The standard normal distribution: e^(-x^2/2) / sqrt(2 pi) and its integral. For negative x the cdf has a relative
// error of a few ulp down to the subnormals: it is e^(-x^2/2) times a rational function of |x|, relative error 1.3e-8.
WXB_INLINE Gaussian gaussian(Vec x) {
  // -a^2/2 = n ln 2 + r is reduced as -2r = a^2 + 2n ln 2, so that a^2 need not be rounded: 2 ln 2 is taken as a number
  // of ten bits, whose product with n is exact, and the rest.
  const Vec a = min(abs(x), Vec(14.5f)), magic(round_magic);
  const Vec n = fma(a * a, Vec(-0.721347520f), magic) - magic;
  const Vec minus_2r = fma(n, Vec(-4.24388880e-4f), fma(a, a, n * Vec(1.38671875f)));
  const Vec e = ldexp(exp_reduced(minus_2r, -0.5f), n);
  const Vec p = polynomial(a, 0.398947030f, 3.94847226f, 17.8346119f, 42.7147179f, 48.7995758f);
  const Vec q = polynomial(a, a + Vec(9.89799213f), 45.6899185f, 117.165665f, 163.302322f, 97.5991516f);
  const Vec tail = e * (p / q);
  return {e * Vec(0.398942280f), select(x < Vec(0.f), tail, Vec(1.f) - tail)};
}

WXB_INLINE Vec pow(Vec x, Vec y) {  // lane by lane: a float32 exp(y log x) would lose up to seven bits
  Vec r;
  for (int64_t i = 0; i < Vec::lanes; ++i) r.v[i] = __builtin_powf(x.v[i], y.v[i]);
  return r;
}

}  // namespace wxb::WXB_TARGET
