#pragma once
// Functions shared by CPU and CUDA are marked HD.
#ifdef __CUDACC__
#define HD __host__ __device__ __forceinline__
#else
#define HD inline __attribute__((always_inline))
#endif
