#pragma once
#include "core/elements.cuh"

// The arithmetic of a tile without tensor cores, in float32 or float64 as they are.
namespace wxb::cuda {

// A tile of 16 size by 16 size: 4 x 2 warps, each 4 x 8 lanes, each `size` x `size` sums, in squares of 4 x 4 that lie
// apart so that a warp's reads of shared memory hit every bank once.
template <class T, int size, int depth_, int stages_, int resident_>
class Simt {
 public:
  using Element = T;
  static constexpr int m = 16 * size, n = m, depth = depth_, stages = stages_, resident = resident_;
  static constexpr int pack = 16 / sizeof(T),
                       pitch = m + pack;  // one pack more: columns of a tile start in other banks
  static constexpr int tile_a = depth * pitch, tile_b = tile_a;

  __device__ static int at(int line, int k) { return k * pitch + line; }

  __device__ void multiply(const T* a, const T* b) {
    a += row_of(0), b += column_of(0);
#pragma unroll
    for (int k = 0; k < depth; ++k, a += pitch, b += pitch) {
      T left[size], right[size];
      read<16>(a, left), read<32>(b, right);
#pragma unroll
      for (int i = 0; i < size; ++i)
#pragma unroll
        for (int j = 0; j < size; ++j) sum_[i][j] = fma(left[i], right[j], sum_[i][j]);
    }
  }

  // Row `part` of every thread's sums, as 16 rows.
  __device__ void put(int part, T* staged) const {
    T* const to = staged + (warp() / 2 * 4 + lane() / 8) * n;
#pragma unroll
    for (int i = 0; i < size; ++i)
      if (i == part)
#pragma unroll
        for (int j = 0; j < size; ++j) to[column_of(j)] = sum_[i][j];
  }
  // The row of the tile that is row r of these.
  __device__ static int row(int part, int r) { return r / 4 * 4 * size + part / 4 * 16 + r % 4 * 4 + part % 4; }

 private:
  __device__ static int warp() { return int(threadIdx.x) / 32; }
  __device__ static int lane() { return int(threadIdx.x) % 32; }
  __device__ static int row_of(int i) { return row(i, warp() / 2 * 4 + lane() / 8); }
  __device__ static int column_of(int j) { return warp() % 2 * 8 * size + j / 4 * 32 + lane() % 8 * 4 + j % 4; }

  // Fours of a column of a tile, `apart` from each other.
  template <int apart>
  __device__ static void read(const T* from, T (&to)[size]) {
#pragma unroll
    for (int four = 0; four < size / 4; ++four)
#pragma unroll
      for (int i = 0; i < 4; i += pack) {
        const auto values = load<pack>(from + four * apart + i);
#pragma unroll
        for (int e = 0; e < pack; ++e) to[four * 4 + i + e] = values.v[e];
      }
  }

  T sum_[size][size] = {};
};

// float32: two blocks of 128 x 128 fill a processor's registers, if the operands' cursors leave them room. Small
// products take more and smaller tiles.
template <int resident>
using Large = Simt<float, 8, 8, 4, resident>;
template <class T>
using Small = Simt<T, 4, sizeof(T) == 4 ? 16 : 8, 4, 2>;

}  // namespace wxb::cuda
