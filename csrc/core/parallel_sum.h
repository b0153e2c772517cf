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

// sums_j = parts_0j + parts_1j + ..., added in double: the column sums (columns) of which every task left its share in
// a row of parts (tasks, columns).
template <class T>
void add_rows(const T* parts, int64_t tasks, int64_t columns, T* sums) {
  constexpr int64_t width = 256;  // columns of a task: a kilobyte of each row
  parallel((columns + width - 1) / width, [&](int64_t block) {
    const int64_t first = block * width, n = std::min(width, columns - first);
    double total[width] = {};
    for (int64_t task = 0; task < tasks; ++task)
      for (int64_t j = 0; j < n; ++j) total[j] += double(parts[task * columns + first + j]);
    for (int64_t j = 0; j < n; ++j) sums[first + j] = T(total[j]);
  });
}

}  // namespace wxb
