#pragma once
// Functions shared by CPU and CUDA are marked HD; DEVICE where a .cu includes them for the GPU alone.
#ifdef __CUDACC__
#define DEVICE __device__
#define HD __host__ __device__ __forceinline__
#else
#define DEVICE
#define HD inline __attribute__((always_inline))
#endif
