#pragma once
#include <cuda_runtime.h>

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <type_traits>

#include "core/context.h"
#include "core/operands.h"
#include "core/scalar.h"

// What every CUDA kernel stands on: the launch, who a thread is, the status word. tests/emulator/ compiles the same
// text for the CPU.
namespace wxb::cuda {

constexpr int block_threads = 256;  // where a kernel has no reason for another number
constexpr int warp_threads = 32;
constexpr unsigned whole_warp = 0xffffffff;
constexpr int64_t most_blocks = 65535;  // of a grid whose threads take several turns

using wxb::max;
using wxb::min;
template <std::integral T>
HD T min(T a, T b) {
  return b < a ? b : a;
}
template <std::integral T>
HD T max(T a, T b) {
  return a < b ? b : a;
}
HD int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// ---- in a kernel ----

// The first element of a thread, and how far on its next one is: for (int64_t i = first_index(); i < n; i += stride()).
__device__ inline int64_t first_index() { return int64_t{blockIdx.x} * blockDim.x + threadIdx.x; }
__device__ inline int64_t stride() { return int64_t{gridDim.x} * blockDim.x; }

// The block's dynamic shared memory, aligned to 128 bytes; how much of it there is stands in the launch.
template <class T>
__device__ T* dynamic_shared() {
#ifdef __CUDACC__
  extern __shared__ __align__(128) unsigned char wxb_dynamic_shared[];
  return reinterpret_cast<T*>(wxb_dynamic_shared);
#else
  return static_cast<T*>(emulator::dynamic_shared());
#endif
}

// Rule 5: a bad index is reported with the smallest position that names it, and the kernel goes on.
__device__ inline void report(const Status& status, Code code, uint64_t position) {
  if (!status.word) return;
  const unsigned long long word = Context::word(status.launch, code, position);
  if (atomicMin(status.word, word) > word && status.mirror) atomicMin(status.mirror, word);
}

// Whether a launch before this one has reported: an update then does nothing. Every thread gets the same answer, for
// launches of a stream do not overlap.
__device__ inline bool bad(const Status& status) { return status.word && *status.word != Context::none; }

// ---- on the host ----

// Runs kernel(arguments...) on grid x block threads with so many bytes of dynamic shared memory.
template <class... Parameters, class... Arguments>
void launch_blocks(Context& context, void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared,
                   const Arguments&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = grid;
  config.blockDim = block;
  config.dynamicSmemBytes = shared;
  config.stream = static_cast<cudaStream_t>(context.stream);
  cudaError_t error = cudaSuccess;
  if (shared > (48 << 10))  // more than a kernel has unasked
    error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, int(shared));
  if (error == cudaSuccess) error = cudaLaunchKernelEx(&config, kernel, Parameters(arguments)...);
  if (error != cudaSuccess) cudaGetLastError(), context.report(Code::launch_failed, error);
}

// So many blocks of `each` items each as cover `items`, at least 1 and at most most_blocks: a thread's loop over
// stride() does the rest.
inline unsigned blocks_for(int64_t items, int64_t each = block_threads) {
  return unsigned(std::clamp<int64_t>(ceil_div(items, each), 1, most_blocks));
}

// As many blocks as are resident at once.
template <auto kernel>
int64_t resident_blocks(int threads = block_threads, size_t shared = 0) {
  static const int64_t blocks = [&] {
    int processors = 0, each = 0;
    cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, 0);
    cudaOccupancyMaxActiveBlocksPerMultiprocessor(&each, kernel, threads, shared);
    return std::max<int64_t>(1, int64_t{processors} * each);
  }();
  return blocks;
}

// Launch bounds of a kernel that serves bodies of all sizes. Before sm_90 ptxas spills 8 to 24 bytes of some for one
// block more on a processor; told how few will do, it does not, and takes up to 106 registers.
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 900
#define WXB_BOUNDS(least_blocks) __launch_bounds__(block_threads, least_blocks)
#else
#define WXB_BOUNDS(least_blocks) __launch_bounds__(block_threads)
#endif

template <class Body>
__global__ void __launch_bounds__(block_threads) run_each(Body body, int64_t count) {
  for (int64_t i = first_index(); i < count; i += stride()) body(i);
}

// Calls body(i) for i in [0, count): a functor, or a lambda `[a] __device__(int64_t i) { ... }`.
template <class Body>
void launch_each(Context& context, int64_t count, const Body& body) {
  if (count > 0) launch_blocks(context, run_each<Body>, blocks_for(count), block_threads, 0, body, count);
}

}  // namespace wxb::cuda
