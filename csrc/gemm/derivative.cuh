#pragma once
#include "core/cuda.cuh"
#include "elementwise/activation.cuh"
#include "gemm/gemm_cuda.h"

// dz = dy act'(saved) and the sums of its columns in one pass.
namespace wxb::cuda {

constexpr int strip = 32, strip_rows = block_threads / strip;  // columns of a block, and how many rows it takes at once

// A block adds a strip of columns over one part of the rows: each thread every eighth row, then a tree of the eight.
template <class T>
__global__ void __launch_bounds__(block_threads) derive(Derivative<T> a, int64_t part_rows, int64_t strips, T* sums) {
  __shared__ T partial[strip_rows][strip];
  const int64_t part = blockIdx.x / strips, column = blockIdx.x % strips * strip + threadIdx.x % strip;
  const int lane = int(threadIdx.x) / strip;
  const int64_t end = min(a.rows, (part + 1) * part_rows);
  T sum = 0;
  if (column < a.columns) {
    for (int64_t row = part * part_rows + lane; row < end; row += strip_rows) {
      const int64_t at = row * a.columns + column;
      T dz = a.dy[at];
      if (a.dz) a.dz[at] = dz *= slope(a.activation, a.alpha, a.saved[at]);
      sum += dz;
    }
  }
  if (!sums) return;
  partial[lane][threadIdx.x % strip] = sum;
#pragma unroll
  for (int half = strip_rows / 2; half > 0; half /= 2) {
    __syncthreads();
    if (lane < half) partial[lane][threadIdx.x % strip] += partial[lane + half][threadIdx.x % strip];
  }
  if (lane == 0 && column < a.columns) sums[part * a.columns + column] = partial[0][threadIdx.x % strip];
}

// dbias = the sums of the parts, in their order.
template <class T>
struct AddRows {
  const T* sums;
  T* dbias;
  int64_t parts, columns;
  __device__ void operator()(int64_t i) const {
    T sum = 0;
    for (int64_t part = 0; part < parts; ++part) sum += sums[part * columns + i];
    dbias[i] = sum;
  }
};

}  // namespace wxb::cuda
