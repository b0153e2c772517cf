#pragma once
#include <cuda.h>
#include <cuda_runtime.h>

#include <cstdint>

#include "core/precision.h"
#include "core/ptx.cuh"

// Instructions of sm_90a: barriers in shared memory, copies of tiles by the TMA unit, products of a warpgroup (128
// threads). tests/emulator/core/ptx_sm90.cuh stands in for this file on the CPU.
namespace wxb::cuda {

// ---- barriers: a phase ends when all have arrived and all announced bytes have landed ----

using Barrier = uint64_t;

__device__ __forceinline__ void init_barrier(Barrier* b, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(b)), "r"(arrivals) : "memory");
}
// Before other threads, and TMA, may use what one thread initialised; a __syncthreads must follow.
__device__ __forceinline__ void publish_barriers() {
  asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
}
__device__ __forceinline__ void arrive(Barrier* b) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(b)) : "memory");
}
// Arrives, and announces bytes that copies will bring.
__device__ __forceinline__ void arrive_expecting(Barrier* b, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(b)), "r"(bytes)
               : "memory");
}
// Waits until the phase of this parity is over: 0 for the first one. A barrier that is new counts as past phase 1.
__device__ __forceinline__ void wait(Barrier* b, int parity) {
  uint32_t done = 0;
  while (!done)
    asm volatile("{.reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p;}"
                 : "=r"(done)
                 : "r"(shared_address(b)), "r"(parity)
                 : "memory");
}

// A barrier of the 128 threads of one warpgroup; ids from 1 on, 0 is __syncthreads.
__device__ __forceinline__ void sync_warpgroup(int id) { asm volatile("bar.sync %0, 128;" ::"r"(id) : "memory"); }

// Registers go from the warpgroup that copies to those that multiply.
template <int registers>
__device__ __forceinline__ void give_registers() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(registers));
}
template <int registers>
__device__ __forceinline__ void take_registers() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(registers));
}

// ---- TMA ----

using TensorMap = CUtensorMap;

// A matrix (lines, pitch) of bf16 or float32, of which tiles of box_lines by 128 bytes are wanted. False where the
// driver refuses. data: 16-byte aligned; pitch: a multiple of 16 bytes.
inline bool describe(TensorMap& map, Precision precision, const void* data, int64_t lines, int64_t pitch,
                     int box_lines) {
  using Encode = CUresult (*)(CUtensorMap*, CUtensorMapDataType, cuuint32_t, void*, const cuuint64_t*,
                              const cuuint64_t*, const cuuint32_t*, const cuuint32_t*, CUtensorMapInterleave,
                              CUtensorMapSwizzle, CUtensorMapL2promotion, CUtensorMapFloatOOBfill);
  static const Encode encode = [] {  // from the driver, which is not linked
    void* entry = nullptr;
    cudaDriverEntryPointQueryResult found;
    if (cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &entry, 12000, cudaEnableDefault, &found) !=
            cudaSuccess ||
        found != cudaDriverEntryPointSuccess)
      entry = nullptr, cudaGetLastError();
    return reinterpret_cast<Encode>(entry);
  }();
  const bool half = precision == Precision::bf16;
  const cuuint64_t size = half ? 2 : 4, sizes[] = {cuuint64_t(pitch), cuuint64_t(lines)}, strides[] = {pitch * size};
  const cuuint32_t box[] = {cuuint32_t(128 / size), cuuint32_t(box_lines)}, steps[] = {1, 1};
  return encode && encode(&map, half ? CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 : CU_TENSOR_MAP_DATA_TYPE_FLOAT32, 2,
                          const_cast<void*>(data), sizes, strides, box, steps, CU_TENSOR_MAP_INTERLEAVE_NONE,
                          CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                          CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS;
}

// Copies the tile whose first element is (line, k); zeros outside of the matrix. `to` is aligned to 1024 bytes; row r
// of it is 128 bytes, whose 16-byte chunks change places: chunk c lies at c ^ r % 8.
__device__ __forceinline__ void copy_tile(void* to, const TensorMap* map, Barrier* b, int k, int line) {
  asm volatile(
      "cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4}], [%2];" ::
          "r"(shared_address(to)),
      "l"(map), "r"(shared_address(b)), "r"(k), "r"(line)
      : "memory");
}

// ---- products ----

// Of a tile as above, for the k that begin `bytes` into its rows.
__device__ __forceinline__ uint64_t descriptor(const void* tile, int bytes) {
  const uint64_t address = (shared_address(tile) + bytes) & 0x3ffff;
  return address >> 4 | uint64_t{1} << 16 | uint64_t{1024 >> 4} << 32 | uint64_t{1} << 62;
}

__device__ __forceinline__ void begin_products() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
__device__ __forceinline__ void commit_products() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
// Until at most `pending` groups of this warpgroup's products go on.
template <int pending>
__device__ __forceinline__ void wait_products() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(pending) : "memory");
}

#define WXB_64_WORDS                                                                                     \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, " \
  "%22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, " \
  "%42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, " \
  "%62, %63"
#define WXB_64_SUMS                                                                                           \
  "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]), "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7]), "+f"(d[8]), \
      "+f"(d[9]), "+f"(d[10]), "+f"(d[11]), "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15]), "+f"(d[16]),  \
      "+f"(d[17]), "+f"(d[18]), "+f"(d[19]), "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23]), "+f"(d[24]), \
      "+f"(d[25]), "+f"(d[26]), "+f"(d[27]), "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31]), "+f"(d[32]), \
      "+f"(d[33]), "+f"(d[34]), "+f"(d[35]), "+f"(d[36]), "+f"(d[37]), "+f"(d[38]), "+f"(d[39]), "+f"(d[40]), \
      "+f"(d[41]), "+f"(d[42]), "+f"(d[43]), "+f"(d[44]), "+f"(d[45]), "+f"(d[46]), "+f"(d[47]), "+f"(d[48]), \
      "+f"(d[49]), "+f"(d[50]), "+f"(d[51]), "+f"(d[52]), "+f"(d[53]), "+f"(d[54]), "+f"(d[55]), "+f"(d[56]), \
      "+f"(d[57]), "+f"(d[58]), "+f"(d[59]), "+f"(d[60]), "+f"(d[61]), "+f"(d[62]), "+f"(d[63])

// d += a b: a 64 lines, b 128 lines of 32 bytes along k. Thread 32 w + 4 r + c of the warpgroup
// holds row 16 w + r + 8 (i / 2 % 2), column 8 (i / 4) + 2 c + i % 2 in d[i].
template <Precision precision>
__device__ __forceinline__ void multiply_tiles(float (&d)[64], uint64_t a, uint64_t b) {
  if constexpr (precision == Precision::bf16)
    asm volatile(
        "{.reg .pred p; setp.ne.b32 p, 1, 0; wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 {" WXB_64_WORDS
        "}, %64, %65, p, 1, 1, 0, 0;}"
        : WXB_64_SUMS
        : "l"(a), "l"(b));
  else
    asm volatile(
        "{.reg .pred p; setp.ne.b32 p, 1, 0; wgmma.mma_async.sync.aligned.m64n128k8.f32.tf32.tf32 {" WXB_64_WORDS
        "}, %64, %65, p, 1, 1;}"
        : WXB_64_SUMS
        : "l"(a), "l"(b));
}

#undef WXB_64_WORDS
#undef WXB_64_SUMS

}  // namespace wxb::cuda
