#pragma once
#include <algorithm>

#include "core/parallel.h"

namespace wxb {

// The sum of part(begin, end) over the ranges that [0, count) is cut into, at most 64 of at least `grain` elements,
// added in order: so it depends on the sizes only, and a kernel needs no workspace for it.
template <class Part>
auto parallel_sum(int64_t count, int64_t grain, Part part) {
  constexpr int64_t most = 64;
  const int64_t length = std::max(grain, (count + most - 1) / most), ranges = (count + length - 1) / length;
  decltype(part(count, count)) parts[most], total{};
  parallel(ranges, [&](int64_t r) { parts[r] = part(r * length, std::min(count, (r + 1) * length)); });
  for (int64_t r = 0; r < ranges; ++r) total += parts[r];
  return total;
}

}  // namespace wxb
