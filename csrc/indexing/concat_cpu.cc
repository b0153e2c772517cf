#include "indexing/concat.h"

#include <algorithm>
#include <cstring>

#include "core/parallel.h"

namespace wxb::cpu {

template <class W>
void copy_block(const CopyBlock<W>& a, Context&) {
  constexpr int64_t range = 16384;  // elements per task, some 10 us
  if (!a.width) return;
  const int64_t width = std::min(a.width, range), parts = (a.width + width - 1) / width;
  const int64_t rows = std::max<int64_t>(1, range / width);  // per task
  parallel((a.rows + rows - 1) / rows * parts, [&](int64_t task) {
    const int64_t from = task % parts * width, n = std::min(width, a.width - from), first = task / parts * rows;
    for (int64_t r = first; r < std::min(first + rows, a.rows); ++r)
      std::memcpy(a.y.data + r * a.y_step + a.y_at + from, a.x.data + r * a.x_step + a.x_at + from,
                  size_t(n) * sizeof(W));
  });
}

template void copy_block(const CopyBlock<uint8_t>&, Context&);
template void copy_block(const CopyBlock<uint32_t>&, Context&);
template void copy_block(const CopyBlock<uint64_t>&, Context&);

}  // namespace wxb::cpu
