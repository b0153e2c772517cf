#pragma once
#include "pool/pool.h"

namespace wxb {

// Each does the pixels [begin, end) of its result, (batch, height, width) laid end to end, on one thread.
template <class T>
struct PoolTable {
  void (*max_forward)(const MaxPool<T>&, int64_t begin, int64_t end);
  void (*max_backward)(const MaxPoolBackward<T>&, int64_t begin, int64_t end);
  void (*average_forward)(const AveragePool<T>&, int64_t begin, int64_t end);
  void (*average_backward)(const AveragePoolBackward<T>&, int64_t begin, int64_t end);
};

// f(n, i, from, to) for the pieces of rows, from pixel `from` to `to`, that the pixels [begin, end) are made of.
template <class F>
HD void for_rows(int64_t begin, int64_t end, int64_t height, int64_t width, F f) {
  for (int64_t pixel = begin; pixel < end;) {
    const int64_t row = pixel / width, from = pixel % width, left = width - from;
    const int64_t taken = end - pixel < left ? end - pixel : left;
    f(row / height, row % height, from, from + taken);
    pixel += taken;
  }
}

}  // namespace wxb
