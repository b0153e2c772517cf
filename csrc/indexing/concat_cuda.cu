#include "core/elements.cuh"
#include "indexing/concat.h"

namespace wxb::cuda {

namespace {

template <class W>
struct CopyBody {
  static constexpr int pack = 16 / int(sizeof(W));
  CopyBlock<W> a;
  template <int n>
  __device__ void run(int64_t i) const {
    const int64_t r = i / a.width, j = i - r * a.width;
    store(a.y.data + r * a.y_step + a.y_at + j, load<n>(a.x.data + r * a.x_step + a.x_at + j));
  }
};

}  // namespace

template <class W>
void copy_block(const CopyBlock<W>& a, Context& context) {
  constexpr int pack = CopyBody<W>::pack;
  const bool packs = (a.width | a.x_step | a.y_step | a.x_at | a.y_at) % pack == 0;
  launch_elements(context, CopyBody<W>{a}, a.rows * a.width, packs ? a.width : 1, a.x, a.y);
}

template void copy_block(const CopyBlock<uint8_t>&, Context&);
template void copy_block(const CopyBlock<uint32_t>&, Context&);
template void copy_block(const CopyBlock<uint64_t>&, Context&);

}  // namespace wxb::cuda
