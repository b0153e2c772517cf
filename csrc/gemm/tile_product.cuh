#pragma once
#include "core/cuda.cuh"

// A small product within a block, for kernels that do something with it at once.
namespace wxb::cuda {

constexpr int tile_side = 16;                        // rows of a tile, and the depth of a pass
constexpr int tile_threads = tile_side * tile_side;  // of the block
template <int parts>
constexpr int tile_columns = tile_side * parts;

// The staging memory of a block: a pass of A and of B. The odd row lengths keep lanes on banks of their own.
template <class T, int parts>
struct Tile {
  T a[tile_side][tile_side + 1], b[tile_side][tile_columns<parts> + 1];
};

// Where the sums of a thread lie in its tile: in a row, in columns a side apart.
__device__ inline int tile_row() { return int(threadIdx.x) / tile_side; }
__device__ inline int tile_column() { return int(threadIdx.x) % tile_side; }

// sums[p] += sum over k < depth of a(i, k) b(k, j), i = tile_row(), j = tile_column() + p tile_side; a and b give 0
// outside. Neighbouring threads ask a for neighbouring k if `deep_a`, else for neighbouring i; and so b. Each sum is
// one chain of multiply-adds in the order of k. All threads of the block come here.
template <bool deep_a, bool deep_b, class T, int parts, class A, class B>
__device__ void tile_product(Tile<T, parts>& tile, int64_t depth, A a, B b, T (&sums)[parts]) {
  const int slow = tile_row(), fast = tile_column();
  const int i = deep_a ? slow : fast, k_a = deep_a ? fast : slow, j = deep_b ? slow : fast, k_b = deep_b ? fast : slow;
  for (int64_t k = 0; k < depth; k += tile_side) {
    __syncthreads();  // the pass before has been read
    tile.a[i][k_a] = k + k_a < depth ? a(i, k + k_a) : T(0);
#pragma unroll
    for (int p = 0; p < parts; ++p)
      tile.b[k_b][j + p * tile_side] = k + k_b < depth ? b(k + k_b, j + p * tile_side) : T(0);
    __syncthreads();
#pragma unroll
    for (int q = 0; q < tile_side; ++q)
#pragma unroll
      for (int p = 0; p < parts; ++p)
        sums[p] = fma(tile.a[tile_row()][q], tile.b[q][tile_column() + p * tile_side], sums[p]);
  }
}

}  // namespace wxb::cuda
