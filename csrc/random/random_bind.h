#pragma once
#include <cmath>

#include "core/array.h"

// Probabilities as kernels take them.
namespace wxb {

// In units of 2^-24, rounded up: p > 0 stays above 0.
inline int32_t threshold(const Call& call, double p) {
  if (!(p >= 0 && p <= 1)) value_error(call.name, ": p is ", p, ", it must be from 0 to 1");
  return int32_t(std::ceil(p * 16777216.0));
}

// What dropout multiplies the elements by that it keeps.
template <class T>
T kept_scale(double p) {
  return T(p < 1 ? 1 / (1 - p) : 0);
}

}  // namespace wxb
