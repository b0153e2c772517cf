#include "core/divisor.cuh"
#include "core/elements.cuh"
#include "indexing/concat.h"

namespace wxb::cuda {

namespace {

template <class W>
struct CopyBody {
  static constexpr int pack = 16 / int(sizeof(W));
  const W* x;
  W* y;
  int64_t width, x_step, y_step;
  Divisor by_width;
  template <int n>
  __device__ void run(int64_t i) const {
    const int64_t r = by_width.quotient(i), j = i - r * width;
    store(y + (r * y_step + j), load<n>(x + (r * x_step + j)));
  }
};

}  // namespace

template <class W>
void copy_block(const CopyBlock<W>& a, Context& context) {
  constexpr int pack = CopyBody<W>::pack;
  const bool packs = (a.width | a.x_step | a.y_step | a.x_at | a.y_at) % pack == 0;
  const CopyBody<W> body{a.x.data + a.x_at, a.y.data + a.y_at, a.width, a.x_step, a.y_step, Divisor(a.width)};
  launch_elements(context, body, a.rows * a.width, packs ? a.width : 1, a.x, a.y);
}

template void copy_block(const CopyBlock<uint8_t>&, Context&);
template void copy_block(const CopyBlock<uint32_t>&, Context&);
template void copy_block(const CopyBlock<uint64_t>&, Context&);

}  // namespace wxb::cuda
