#pragma once
#include "core/cuda.cuh"

// Sums over the threads of a warp or a block, and rows of an array, one for a warp or a block each. The order of every
// sum depends on the number of threads only: a warp adds in a butterfly, a block adds its warps' sums in order. There
// are no floating atomics.
namespace wxb::cuda {

// A trivially copyable value of any size from the lane whose number differs in `bits`.
template <class T>
__device__ T shuffle_xor(const T& value, int bits) {
  constexpr int words = int((sizeof(T) + 3) / 4);
  uint32_t word[words] = {};
  __builtin_memcpy(word, &value, sizeof(T));
#pragma unroll
  for (int i = 0; i < words; ++i) word[i] = __shfl_xor_sync(whole_warp, word[i], bits);
  T other;
  __builtin_memcpy(&other, word, sizeof(T));
  return other;
}

// f(a, b) puts two parts into one; it must be symmetric, so that all lanes get the same bits.
template <class T, class F>
__device__ T reduce_warp(T value, F f) {
#pragma unroll
  for (int bits = warp_threads / 2; bits; bits /= 2) value = f(value, shuffle_xor(value, bits));
  return value;
}

// All threads get it. The block has at most 1024 threads, in one dimension and whole warps; all of them come here.
template <class T, class F>
__device__ T reduce_block(T value, F f) {
  __shared__ __align__(alignof(T)) unsigned char memory[32 * sizeof(T)];
  T* const parts = reinterpret_cast<T*>(memory);
  const int warp = int(threadIdx.x) / warp_threads, warps = int(blockDim.x) / warp_threads;
  value = reduce_warp(value, f);
  __syncthreads();  // what an earlier call left there has been read
  if (threadIdx.x % warp_threads == 0) parts[warp] = value;
  __syncthreads();
  value = parts[0];
  for (int i = 1; i < warps; ++i) value = f(value, parts[i]);
  return value;
}

struct Sum {
  template <class T>
  HD T operator()(T a, T b) const {
    return a + b;
  }
};
// NaN if either is NaN.
struct Largest {
  template <class T>
  HD T operator()(T a, T b) const {
    return (a < b) | (b != b) ? b : a;
  }
};
struct Smallest {
  template <class T>
  HD T operator()(T a, T b) const {
    return (b < a) | (b != b) ? b : a;
  }
};

// The threads that have one row in common: they take its elements in turn,
//   for (int64_t j = team.rank(); j < columns; j += team.size) ...
struct WarpTeam {
  static constexpr int size = warp_threads;
  __device__ static int rank() { return int(threadIdx.x) % warp_threads; }
  template <class T, class F>
  __device__ static T reduce(T value, F f) {
    return reduce_warp(value, f);
  }
  template <class T>
  __device__ static T sum(T value) {
    return reduce(value, Sum());
  }
};
template <int threads>
struct BlockTeam {
  static constexpr int size = threads;
  __device__ static int rank() { return int(threadIdx.x); }
  template <class T, class F>
  __device__ static T reduce(T value, F f) {
    return reduce_block(value, f);
  }
  template <class T>
  __device__ static T sum(T value) {
    return reduce(value, Sum());
  }
};

template <class Body>
__global__ void WXB_BOUNDS(1) run_rows_by_warp(Body body, int64_t rows) {
  constexpr int warps = block_threads / warp_threads;
  const int64_t first = int64_t{blockIdx.x} * warps + threadIdx.x / warp_threads;
  for (int64_t row = first; row < rows; row += int64_t{gridDim.x} * warps) body.run(WarpTeam(), row);
}

template <class Body>
__global__ void __launch_bounds__(block_threads) run_rows_by_block(Body body, int64_t rows) {
  for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) body.run(BlockTeam<block_threads>(), row);
}

// A warp can hold so long a row in registers, 32 elements in each lane, and reduces without a barrier.
constexpr int64_t most_columns_of_warp = 1024;

// Calls body.run(team, row) for every row: `template <class Team> __device__ void run(Team team, int64_t row) const`.
// All threads of a team are there, with the same row; how many they are depends on the columns only.
template <class Body>
void launch_rows(Context& context, int64_t rows, int64_t columns, const Body& body) {
  if (rows <= 0) return;
  if (columns <= most_columns_of_warp)
    launch_blocks(context, run_rows_by_warp<Body>, blocks_for(rows, block_threads / warp_threads), block_threads, 0,
                  body, rows);
  else
    launch_blocks(context, run_rows_by_block<Body>, blocks_for(rows, 1), block_threads, 0, body, rows);
}

}  // namespace wxb::cuda
