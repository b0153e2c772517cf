#pragma once
#include <cstdint>

namespace wxb {

// y[i y_step + j] = x[j x_step + i] for i < width, j < height, both at most 64: what fits the nearest cache.
struct StridedTable {
  void (*transpose)(const uint32_t* x, int64_t x_step, uint32_t* y, int64_t y_step, int64_t width, int64_t height);
};

}  // namespace wxb
