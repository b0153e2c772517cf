#pragma once
#include <cmath>
#include <cstdint>

#include "core/hd.h"

// The scalar side of what formulas are written against: the same names as Vec in core/simd.h.
namespace wxb {

HD float select(bool mask, float a, float b) { return mask ? a : b; }
HD double select(bool mask, double a, double b) { return mask ? a : b; }

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
