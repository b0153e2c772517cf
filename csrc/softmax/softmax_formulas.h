#pragma once
#include <cstdint>

#include "core/hd.h"
#include "core/scalar.h"

namespace wxb::WXB_TARGET {

// q = keep t + floor of a target t: what label smoothing makes of it (Szegedy et al. 2015).
template <class V>
struct Smoothing {
  V keep, floor;
  HD V operator()(V target) const { return fma(keep, target, floor); }
};

template <class T>
HD Smoothing<T> smoothing_of(T smoothing, int64_t classes) {
  return {T(1) - smoothing, smoothing / T(classes)};
}

}  // namespace wxb::WXB_TARGET
