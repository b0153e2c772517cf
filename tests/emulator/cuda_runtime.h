#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>

// Stands in for the CUDA runtime where kernels are compiled for the CPU: the language's words and the launch. block.h
// is how the threads of a block run and wait for each other, intrinsics.h what a thread can call.
//
// It proves arithmetic, indices and synchronisation: threads run in any order between two barriers (at random where
// WXB_EMULATOR_SEED is set), shared memory begins as 0xFF, a barrier that not all reach ends the process with a
// message. It cannot show speed, the order in which memory becomes visible to other blocks, or what happens on a
// stream.

#define __global__
#define __device__
#define __host__
#define __constant__ static const
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __align__(n) __attribute__((aligned(n)))
#define __grid_constant__
#define __launch_bounds__(...)
// All of them lie between two markers, so that they can be poisoned: GCC knows no section of one's own for what is
// static in a template, but what is local to a thread has one, and nothing else in a .cu is.
#define __shared__ static thread_local

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};
inline dim3 gridDim, blockDim, blockIdx, threadIdx;  // one launch runs at a time
constexpr int warpSize = 32;

#include "block.h"
#include "intrinsics.h"

using cudaStream_t = void*;
enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidValue = 1 };
enum cudaDeviceAttr {
  cudaDevAttrMultiProcessorCount,
  cudaDevAttrMaxSharedMemoryPerBlockOptin,
  cudaDevAttrComputeCapabilityMajor,
  cudaDevAttrComputeCapabilityMinor
};
enum cudaFuncAttribute { cudaFuncAttributeMaxDynamicSharedMemorySize };

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
};

// A small GPU, so that small arrays already fill it and threads take several turns.
inline cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int) {
  switch (attribute) {
    case cudaDevAttrMultiProcessorCount: *value = 3; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = int(emulator::most_shared); break;
    case cudaDevAttrComputeCapabilityMajor: *value = 9; break;
    case cudaDevAttrComputeCapabilityMinor: *value = 0; break;
  }
  return cudaSuccess;
}
template <class Kernel>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, Kernel*, int, size_t) {
  return *blocks = 1, cudaSuccess;
}

inline cudaError_t cudaGetLastError() { return cudaSuccess; }
inline cudaError_t cudaMemsetAsync(void* to, int byte, size_t bytes, cudaStream_t = nullptr) {
  return std::memset(to, byte, bytes), cudaSuccess;
}

// A kernel may have more than 48 KB of shared memory only if it asked for it.
template <class Kernel>
cudaError_t cudaFuncSetAttribute(Kernel* kernel, cudaFuncAttribute, int bytes) {
  if (bytes < 0 || size_t(bytes) > emulator::most_shared) return cudaErrorInvalidValue;
  return emulator::shared_limit(reinterpret_cast<const void*>(kernel)) = size_t(bytes), cudaSuccess;
}

template <class... Parameters, class... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                               const Arguments&... arguments) {
  const auto run = [&] { kernel(Parameters(arguments)...); };
  const dim3 grid = config->gridDim, block = config->blockDim;
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (!grid.x || !grid.y || !grid.z || grid.x > 0x7fffffffu || grid.y > 0xffff || grid.z > 0xffff || !threads ||
      threads > emulator::most_threads ||
      config->dynamicSmemBytes > emulator::shared_limit(reinterpret_cast<const void*>(kernel)))
    return cudaErrorInvalidValue;
  emulator::run_grid(
      grid, block, config->dynamicSmemBytes, __PRETTY_FUNCTION__,
      [](const void* p) { (*static_cast<decltype(run)*>(p))(); }, &run);
  return cudaSuccess;
}
