#pragma once
#include "reduce/reduce.h"

namespace wxb {

// What is known of neighbouring outputs after n of the elements of each: a sum, an extreme, a place, or mean and
// sum of squared deviations.
struct Partial {
  static constexpr int64_t width = 256;
  double n;
  double value[width], second[width];
};

template <class T>
struct ReduceTable {
  // The elements [from, to) along the reduced axis of the outputs [first, first + width), counted through (outer,
  // inner); if inner > 1 they have the same outer index. On one thread.
  void (*partial)(const Reduce<T>&, int64_t first, int64_t width, int64_t from, int64_t to, Partial& result);
  // The elements [begin, end) of dx.
  void (*backward)(const ReduceBackward<T>&, int64_t begin, int64_t end);
};

// Calls f(i, n, at, step) for the pieces of [begin, end) of an array (outer, count, inner) within which the place in
// (outer, inner) moves evenly: n elements from i on meet at, at + step, ...
template <class F>
inline __attribute__((always_inline)) void for_pieces(int64_t count, int64_t inner, int64_t begin, int64_t end, F f) {
  const int64_t row = inner == 1 ? count : inner, step = inner == 1 ? 0 : 1;
  for (int64_t i = begin; i < end;) {
    const int64_t from = i % row, n = end - i < row - from ? end - i : row - from;
    f(i, n, inner == 1 ? i / count : i / (count * inner) * inner + from, step);
    i += n;
  }
}

}  // namespace wxb
