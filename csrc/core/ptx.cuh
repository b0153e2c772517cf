#pragma once
#include <cuda_runtime.h>

#include <cstdint>

// Instructions of sm_80 for which C++ has no word. All assembly stands here and in ptx_sm90.cuh, and
// tests/emulator/core has a file of the same name for each, so that kernels also run on the CPU.
namespace wxb::cuda {

__device__ __forceinline__ uint32_t shared_address(const void* p) { return uint32_t(__cvta_generic_to_shared(p)); }

// ---- copies from global to shared memory that go on while the thread does ----

// Zeros where not wanted: `from` is not read then, but must point into some allocation.
template <int bytes>
__device__ __forceinline__ void copy_async(void* to, const void* from, bool wanted) {
  const int read = wanted ? bytes : 0;
  if constexpr (bytes == 16)  // past the L1 cache
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(read)
                 : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %3, %2;" ::"r"(shared_address(to)), "l"(from), "r"(read),
                 "n"(bytes)
                 : "memory");
}

// Ends a group of copies.
__device__ __forceinline__ void commit_async() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until at most `pending` of this thread's groups are under way; other threads' copies need a barrier besides.
template <int pending>
__device__ __forceinline__ void wait_async() {
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}

// ---- products of a warp's fragments ----

// Four 8 x 8 matrices of 16-bit numbers, or 8 x 4 of 32-bit ones: lane 8 i + r passes the address of row r of matrix i,
// 16 bytes; word i of lane 4 r + c becomes the c-th word of row r of matrix i.
__device__ __forceinline__ void load_matrices(uint32_t (&words)[4], const void* row) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
               : "r"(shared_address(row)));
}

// To the nearest TF32 (10 bits of mantissa), ties away from zero.
__device__ __forceinline__ uint32_t to_tf32(float x) {
  uint32_t word;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(word) : "f"(x));
  return word;
}

// Two numbers as bf16, the first in the low half; to nearest, ties to even.
__device__ __forceinline__ uint32_t to_bf16x2(float low, float high) {
  uint32_t word;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
  return word;
}

// d += a b, a 16 x 8, b 8 x 8 in TF32. Lane 4 r + c holds a[r + 8 (i % 2)][c + 4 (i / 2)], b[c + 4 i][r] and
// d[r + 8 (i / 2)][2 c + i % 2].
__device__ __forceinline__ void multiply_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// d += a b, a 16 x 16, b 16 x 8 in bf16, two to a word: with words for elements as above, a[r + 8 (i % 2)][c + 4 (i /
// 2)].
__device__ __forceinline__ void multiply_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

}  // namespace wxb::cuda
