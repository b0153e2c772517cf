#include "indexing/strided_table.h"

namespace wxb::ref {

namespace {

void transpose(const uint32_t* x, int64_t x_step, uint32_t* y, int64_t y_step, int64_t width, int64_t height) {
  for (int64_t i = 0; i < width; ++i)
    for (int64_t j = 0; j < height; ++j) y[i * y_step + j] = x[j * x_step + i];
}

}  // namespace

extern const StridedTable strided;
const StridedTable strided{transpose};

}  // namespace wxb::ref
