#pragma once
#include "core/cuda.cuh"
#include "core/ptx.cuh"
#include "elementwise/activation.cuh"
#include "gemm/operand.cuh"

// Y = act(A B + bias) for matrices A(row, k) and B(column, k) of any operand (operand.cuh) and any arithmetic
// (simt.cuh, mma.cuh): a block computes one tile of Y, or its part of the sums over k, while copies fetch the tiles of
// A and B that come next.
namespace wxb::cuda {

// Rows of Y one after the other, and copies of Y.
struct RowMajor {
  int64_t row_stride, copy_stride, channel_stride = 0;

  struct Rows {
    int64_t first, stride, channel;  // of the bias, for column 0
    __device__ int64_t begin(int64_t row) const { return first + row * stride; }
  };
  __device__ Rows of(int64_t copy) const { return {copy * copy_stride, row_stride, copy * channel_stride}; }
};

// What becomes of the sums. Place says where the rows of a copy of Y begin; -1 if one is none. With parts, which is
// (parts, copies, rows, columns), only the sums go there.
template <class T, class Place = RowMajor>
struct Result {
  T* y;
  const T* bias;
  T *saved, *parts;
  int64_t rows, columns;
  Place place;
  Unary activation;
  T alpha;

  __device__ void finish(int64_t at, int64_t channel, T sum) const {
    if (bias) sum += bias[channel];
    if (saved) saved[at] = sum;
    y[at] = activated(activation, alpha, sum);
  }
  template <class Rows>
  __device__ void store(const Rows& to, int64_t part_and_copy, int64_t row, int64_t column, T sum) const {
    if (row >= rows || column >= columns) return;
    if (parts) {
      parts[(part_and_copy * rows + row) * columns + column] = sum;
    } else if (const int64_t at = to.begin(row); at >= 0) {
      finish(at + column, to.channel + column, sum);
    }
  }
};

// How the tiles of all copies and parts follow each other in a launch.
struct Raster {
  int64_t rows, columns, copies, parts, part_depth;

  int64_t blocks() const { return rows * columns * copies * parts; }

  struct Tile {
    int64_t row, column, copy, part;
  };
  // Eight rows of tiles, column after column: blocks that run together share tiles of A and B in the cache.
  __device__ Tile tile(int64_t block) const {
    const int64_t each = rows * columns, rest = block / each, t = block - rest * each;
    const int64_t band = t / (8 * columns), high = min(int64_t{8}, rows - 8 * band), in = t - band * 8 * columns;
    return {8 * band + in % high, in / high, rest / parts, rest % parts};
  }
};

// Large tiles, and doubles, take more registers before sm_90 than two blocks have.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
template <class Math>
constexpr int resident = Math::m < 128 && sizeof(typename Math::Element) == 4 ? Math::resident : 1;
#else
template <class Math>
constexpr int resident = Math::resident;
#endif

template <class Math, class A, class B, class R>
__global__ void __launch_bounds__(block_threads, resident<Math>)
    multiply(const __grid_constant__ A a, const __grid_constant__ B b, const __grid_constant__ R result,
             const __grid_constant__ Raster raster) {
  using T = typename Math::Element;
  alignas(16) __shared__ T tiles[Math::stages][Math::tile_a + Math::tile_b];
  const auto tile = raster.tile(blockIdx.x);
  const int64_t row = tile.row * Math::m, column = tile.column * Math::n;
  const typename A::template Cursor<Math::m, Math::depth> from_a(a, tile.copy, row);
  const typename B::template Cursor<Math::n, Math::depth> from_b(b, tile.copy, column);
  const int64_t begin = tile.part * raster.part_depth, end = min(a.depth_of(tile.copy), begin + raster.part_depth);

  const auto fetch = [&](int64_t k, T* to) {
    if (k < end) {
      from_a.each(k, end, [&](int line, int step, const T* from, bool inside) {
        copy_async<A::pack * sizeof(T)>(to + Math::at(line, step), from, inside);
      });
      from_b.each(k, end, [&](int line, int step, const T* from, bool inside) {
        copy_async<B::pack * sizeof(T)>(to + Math::tile_a + Math::at(line, step), from, inside);
      });
    }
    commit_async();
  };

  constexpr int ahead = Math::stages - 1;
#pragma unroll
  for (int s = 0; s < ahead; ++s) fetch(begin + s * Math::depth, tiles[s]);
  Math math;
  int stage = 0;
#pragma unroll 1
  for (int64_t k = begin; k < end; k += Math::depth) {
    wait_async<ahead - 1>();
    __syncthreads();  // the tile is there, and no one reads the one before it any more
    fetch(k + ahead * Math::depth, tiles[stage == 0 ? ahead : stage - 1]);
    math.multiply(tiles[stage], tiles[stage] + Math::tile_a);
    stage = stage == ahead ? 0 : stage + 1;
  }
  wait_async<0>();
  __syncthreads();

  // 16 rows at a time through shared memory: whole lines are written, and the switch over activations stands once.
  T* const staged = tiles[0];
  const auto to = result.place.of(tile.copy);
  const int64_t part_and_copy = tile.part * raster.copies + tile.copy;
#pragma unroll 1
  for (int part = 0; part < Math::m / 16; ++part) {
    math.put(part, staged);
    __syncthreads();
#pragma unroll 1
    for (int i = int(threadIdx.x); i < 16 * Math::n; i += block_threads)
      result.store(to, part_and_copy, row + Math::row(part, i / Math::n), column + i % Math::n, staged[i]);
    __syncthreads();
  }
}

// Adds the parts of each sum, in their order.
template <class T>
struct AddParts {
  Result<T> result;
  int64_t parts, size;
  __device__ void operator()(int64_t i) const {
    T sum = 0;
    for (int64_t part = 0; part < parts; ++part) sum += result.parts[part * size + i];
    result.finish(i, i % result.columns, sum);
  }
};

// A block each: more than a launch can have are an error of that launch.
inline dim3 grid_of(int64_t blocks) { return dim3(unsigned(std::min<int64_t>(blocks, 0xffffffff))); }

template <class Math, class A, class B, class R>
void launch_tiles(Context& context, const A& a, const B& b, const R& result, Raster raster) {
  raster.rows = ceil_div(result.rows, Math::m), raster.columns = ceil_div(result.columns, Math::n);
  if (const int64_t blocks = raster.blocks(); blocks > 0)
    launch_blocks(context, multiply<Math, A, B, R>, grid_of(blocks), block_threads, 0, a, b, result, raster);
}

}  // namespace wxb::cuda
