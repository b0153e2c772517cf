#pragma once
#include "core/cuda.cuh"
#include "core/precision.h"
#include "core/ptx.cuh"

// The arithmetic of a tile on tensor cores (mma.sync, sm_80 and later): float32 operands, rounded to TF32 or bf16 on
// their way from shared memory, sums in float32.
namespace wxb::cuda {

template <Precision precision>
__device__ void product(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  if constexpr (precision == Precision::bf16)
    multiply_bf16(d, a, b);
  else
    multiply_tf32(d, a, b);
}

// A tile of 128 x 128: 2 x 4 warps, each 64 x 32, in products of 16 x 8. Rows of a tile are 64 bytes, of which each
// four floats change places with others so that eight rows of a matrix lie in different banks.
template <Precision precision, int resident_>
class TensorCores {
 public:
  using Element = float;
  static constexpr int m = 128, n = 128, depth = 16, stages = 3, resident = resident_;
  static constexpr int tile_a = m * depth, tile_b = n * depth;

  __device__ static int at(int line, int k) { return line * depth + ((k / 4 ^ line / 2 % 4) * 4 + k % 4); }

  __device__ void multiply(const float* a, const float* b) {
    constexpr int steps = precision == Precision::bf16 ? 1 : 2;  // k of one product: 16 in bf16, 8 in TF32
#pragma unroll
    for (int step = 0; step < steps; ++step) {
      uint32_t right[4][2];
#pragma unroll
      for (int j = 0; j < 4; j += 2) {
        uint32_t words[4];
        read(b, warp() % 4 * 32 + 8 * j, step, words);
        right[j][0] = words[0], right[j][1] = words[2], right[j + 1][0] = words[1], right[j + 1][1] = words[3];
      }
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        uint32_t left[4];
        read(a, warp() / 4 * 64 + 16 * i, step, left);
#pragma unroll
        for (int j = 0; j < 4; ++j) product<precision>(sum_[i][j], left, right[j]);
      }
    }
  }

  // Eight rows of each warp.
  __device__ void put(int part, float* staged) const {
    float* const to = staged + (warp() / 4 * 8 + lane() / 4) * n + warp() % 4 * 32 + lane() % 4 * 2;
#pragma unroll
    for (int i = 0; i < 4; ++i)
#pragma unroll
      for (int half = 0; half < 2; ++half)
        if (2 * i + half == part)
#pragma unroll
          for (int j = 0; j < 4; ++j) to[8 * j] = sum_[i][j][2 * half], to[8 * j + 1] = sum_[i][j][2 * half + 1];
  }
  __device__ static int row(int part, int r) { return r / 8 * 64 + part * 8 + r % 8; }

 private:
  __device__ static int warp() { return int(threadIdx.x) / 32; }
  __device__ static int lane() { return int(threadIdx.x) % 32; }

  // Of 16 lines: word i holds line r + 8 (i % 2) for lanes 4 r + c, of the first or the second half of k (i / 2). The
  // tensor cores multiply what stands in the same place of both operands, whatever k it is: bf16 pairs k with k + 4.
  __device__ static void read(const float* tile, int line, int step, uint32_t (&words)[4]) {
    tile += line * depth;  // a multiple of 16 lines: they are shuffled alike, and one address serves them all
    const int mine = lane() % 16, four = lane() / 16 * 4;
    uint32_t raw[4];
    load_matrices(raw, tile + at(mine, step * 8 + four));
    if constexpr (precision == Precision::bf16) {
      uint32_t more[4];
      load_matrices(more, tile + at(mine, 8 + four));
#pragma unroll
      for (int i = 0; i < 2; ++i) words[i] = pair(raw[i], raw[i + 2]), words[i + 2] = pair(more[i], more[i + 2]);
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) words[i] = to_tf32(__uint_as_float(raw[i]));
    }
  }
  __device__ static uint32_t pair(uint32_t low, uint32_t high) {
    return to_bf16x2(__uint_as_float(low), __uint_as_float(high));
  }

  float sum_[4][4][4] = {};
};

}  // namespace wxb::cuda
