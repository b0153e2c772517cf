#pragma once
#include <cmath>
#include <cstdint>

#include "core/hd.h"

// The scalar side of what formulas are written against: the same names as Vec in core/simd.h.
namespace wxb {

HD float select(bool mask, float a, float b) { return mask ? a : b; }
HD double select(bool mask, double a, double b) { return mask ? a : b; }

// The first number where either is NaN, so min(max(x, low), high) keeps NaN.
HD float min(float a, float b) { return b < a ? b : a; }
HD double min(double a, double b) { return b < a ? b : a; }
HD float max(float a, float b) { return a < b ? b : a; }
HD double max(double a, double b) { return a < b ? b : a; }

HD float exp(float x) { return ::expf(x); }
HD double exp(double x) { return ::exp(x); }
HD float log(float x) { return ::logf(x); }
HD double log(double x) { return ::log(x); }
HD float log1p(float x) { return ::log1pf(x); }
HD double log1p(double x) { return ::log1p(x); }
HD float expm1(float x) { return ::expm1f(x); }
HD double expm1(double x) { return ::expm1(x); }
HD float tanh(float x) { return ::tanhf(x); }
HD double tanh(double x) { return ::tanh(x); }
HD float erf(float x) { return ::erff(x); }
HD double erf(double x) { return ::erf(x); }
HD float sqrt(float x) { return ::sqrtf(x); }
HD double sqrt(double x) { return ::sqrt(x); }
HD float abs(float x) { return ::fabsf(x); }
HD double abs(double x) { return ::fabs(x); }
HD float pow(float x, float y) { return ::powf(x, y); }
HD double pow(double x, double y) { return ::pow(x, y); }
HD float fma(float a, float b, float c) { return ::fmaf(a, b, c); }
HD double fma(double a, double b, double c) { return ::fma(a, b, c); }

// Cosine and sine of so many whole turns. CUDA's ::cos keeps a table in local memory for angles beyond all use.
HD void turn(double turns, double& cosine, double& sine) {
#ifdef __CUDA_ARCH__
  ::sincospi(2 * turns, &sine, &cosine);
#else
  cosine = ::cos(6.283185307179586 * turns), sine = ::sin(6.283185307179586 * turns);
#endif
}

// 1 / (1 + e^-x), for negative x as e^x / (1 + e^x), which keeps the digits of small values
HD float sigmoid(float x) {
  const float z = ::expf(-::fabsf(x));
  return (x < 0 ? z : 1.f) / (1.f + z);
}
HD double sigmoid(double x) {
  const double z = ::exp(-::fabs(x));
  return (x < 0 ? z : 1.0) / (1.0 + z);
}

// The standard normal distribution: e^(-x^2/2) / sqrt(2 pi) and its integral.
template <class T>
struct Gaussian {
  T density, cdf;
};
HD Gaussian<float> gaussian(float x) {
  return {0.3989422804f * ::expf(-0.5f * x * x), 0.5f * ::erfcf(-0.7071067812f * x)};
}
HD Gaussian<double> gaussian(double x) {
  return {0.3989422804014327 * ::exp(-0.5 * x * x), 0.5 * ::erfc(-0.7071067811865476 * x)};
}

// Reinterpretations and conversions.
HD int32_t bits(float x) {
  int32_t i;
  __builtin_memcpy(&i, &x, 4);
  return i;
}
HD float from_bits(int32_t i) {
  float x;
  __builtin_memcpy(&x, &i, 4);
  return x;
}
HD float to_float(int32_t i) { return float(i); }
HD int32_t to_signed(uint32_t word) { return int32_t(word); }

}  // namespace wxb
