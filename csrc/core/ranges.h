#pragma once
#include <algorithm>

#include "core/parallel.h"
#include "core/streams.h"

namespace wxb {

// Elements that a task makes of a result of `size`: `usual`, or, where the result may go past the caches, a multiple,
// up to 128 K, that still leaves every thread 16 tasks. For then a task ends with a fence that waits for its stores: 3
// to 6 % of 16 M elements in tasks of 16 K.
inline int64_t task_elements(int64_t size, int64_t usual) {
  if (size < streamed_from) return usual;
  return usual * std::clamp<int64_t>(size / (usual * 16 * num_threads()), 1, (1 << 17) / usual);
}

// body(begin, end) for the ranges that [0, size) is cut into, usually of 16 K elements, 64 KB of float32: some
// microseconds of work, and in and out fit the L2 cache.
template <class Body>
void by_range(int64_t size, Body body) {
  const int64_t range = task_elements(size, 16384);
  parallel((size + range - 1) / range, [&](int64_t task) { body(task * range, std::min(size, (task + 1) * range)); });
}

}  // namespace wxb
