#include "core/elements.cuh"
#include "core/zero.cuh"
#include "indexing/strided.h"

namespace wxb::cuda {

namespace {

template <class W>
struct PickBody {
  static constexpr int pack = 16 / int(sizeof(W));
  Pick<W> a;
  template <int n>
  __device__ void run(int64_t i) const {
    store(a.y.data + i, load<n>(a.x.data + a.view.at(i)));
  }
};

template <class W>
struct PutBody {
  static constexpr int pack = 16 / int(sizeof(W));
  Put<W> a;
  template <int n>
  __device__ void run(int64_t i) const {
    store(a.dx.data + a.view.at(i), load<n>(a.dy.data + i));
  }
};

// The length of the stretches that are packs in the other array too; 1 if there are none.
int64_t packed_row(const View& v, int pack) {
  if (v.ndim == 0 || v.stride[v.ndim - 1] != 1) return 1;
  int64_t odd = v.offset | v.size[v.ndim - 1];
  for (int k = 0; k < v.ndim - 1; ++k) odd |= v.stride[k];
  return odd % pack == 0 ? v.size[v.ndim - 1] : 1;
}

// Where x is contiguous along another axis (`along`) than y: matrices to transpose, tile by tile through shared
// memory, so that both sides see whole cache lines.
constexpr int tile = 32, tile_rows = block_threads / tile;

struct Matrices {
  int64_t width, height;  // along, and of the last axis
  int64_t x_step, y_step;
  View of_x, of_y;              // the other axes
  int64_t across, down, count;  // tiles

  Matrices(const View& v, int along) {
    const int last = v.ndim - 1;
    width = v.size[along], height = v.size[last], x_step = v.stride[last], y_step = 1;
    int64_t stride = 1;
    of_x.offset = v.offset, of_x.ndim = of_y.ndim = last - 1;
    for (int k = last, to = last - 1; k >= 0; stride *= v.size[k--]) {
      if (k == along) y_step = stride;
      if (k == along || k == last) continue;
      --to;
      of_x.size[to] = of_y.size[to] = v.size[k];
      of_x.stride[to] = v.stride[k], of_y.stride[to] = stride;
    }
    across = ceil_div(width, tile), down = ceil_div(height, tile), count = of_x.count() * across * down;
  }
};

template <class W>
__global__ void __launch_bounds__(block_threads) transpose_tiles(const W* x, W* y, Matrices m) {
  __shared__ W shared[tile][tile + 1];  // a column lies in 32 banks
  const int lane = int(threadIdx.x) % tile, first = int(threadIdx.x) / tile;
  for (int64_t t = blockIdx.x; t < m.count; t += gridDim.x) {
    const int64_t i = t % m.across * tile, j = t / m.across % m.down * tile, matrix = t / m.across / m.down;
    const W* const from = x + m.of_x.at(matrix);
    W* const to = y + m.of_y.at(matrix);
    for (int r = first; r < tile; r += tile_rows)
      if (i + lane < m.width && j + r < m.height) shared[r][lane] = from[i + lane + (j + r) * m.x_step];
    __syncthreads();
    for (int r = first; r < tile; r += tile_rows)
      if (i + r < m.width && j + lane < m.height) to[(i + r) * m.y_step + j + lane] = shared[lane][r];
    __syncthreads();
  }
}

// The axis along which x is contiguous, where that is not the last and long enough.
int contiguous_axis(const View& view) {
  const int last = view.ndim - 1;
  if (last < 1 || view.stride[last] == 1 || view.stride[last] == 0) return -1;
  for (int k = 0; k < last; ++k)
    if (view.stride[k] == 1 && view.size[k] >= 4) return k;
  return -1;
}

}  // namespace

template <class W>
void pick(const Pick<W>& a, Context& context) {
  if (a.y.size == 0) return;
  const int along = contiguous_axis(a.view);
  if (along < 0)
    return launch_elements(context, PickBody<W>{a}, a.y.size, packed_row(a.view, PickBody<W>::pack), a.x, a.y);
  const Matrices m(a.view, along);
  launch_blocks(context, transpose_tiles<W>, blocks_for(m.count, 1), block_threads, 0, a.x.data, a.y.data, m);
}

template <class W>
void put(const Put<W>& a, Context& context) {
  zero(context, a.dx);
  launch_elements(context, PutBody<W>{a}, a.dy.size, packed_row(a.view, PutBody<W>::pack), a.dy, a.dx);
}

#define WXB_WORD(W)                             \
  template void pick(const Pick<W>&, Context&); \
  template void put(const Put<W>&, Context&);
WXB_WORD(uint8_t)
WXB_WORD(uint32_t)
WXB_WORD(uint64_t)

}  // namespace wxb::cuda
