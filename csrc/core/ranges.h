#pragma once
#include <algorithm>

#include "core/parallel.h"
#include "core/streams.h"

namespace wxb {

// Elements that a task makes of a result of `size`: `usual`, or, where it goes past the caches, more. Then each task
// ends with a fence that waits for its stores: 3 to 6 % of 16 M elements.
inline int64_t task_elements(int64_t size, int64_t usual) { return size < streamed_from ? usual : int64_t{1} << 17; }

// body(begin, end) for the ranges that [0, size) is cut into, of 16 K elements, 64 KB of float32: some microseconds of
// work, and in and out fit the L2 cache.
template <class Body>
void by_range(int64_t size, Body body) {
  const int64_t range = task_elements(size, 16384);
  parallel((size + range - 1) / range, [&](int64_t task) { body(task * range, std::min(size, (task + 1) * range)); });
}

}  // namespace wxb
