#pragma once
#include "core/ptx_sm90.cuh"
#include "gemm/product.cuh"

// A product on the tensor cores of sm_90a: both operands lie rounded in memory, lines one after the other; the TMA unit
// copies tiles into a ring of shared memory for one warpgroup, and two multiply. Blocks stay for tile after tile.
namespace wxb::cuda {

// Tiles are 128 bytes of k deep.
template <Precision precision>
struct Rounded {
  using Element = std::conditional_t<precision == Precision::bf16, uint16_t, uint32_t>;
  static constexpr int64_t depth = 128 / sizeof(Element);
  static int64_t pitch(int64_t k) { return ceil_div(k, depth) * depth; }
  static int64_t bytes(int64_t lines, int64_t k) { return lines * pitch(k) * int64_t(sizeof(Element)); }

  __device__ static Element of(float x) {
    if constexpr (precision == Precision::bf16)
      return Element(to_bf16x2(x, 0.f));
    else
      return to_tf32(x);
  }
};

// to (lines, pitch) = x rounded, zeros from its depth on; 32 by 32 elements a block, read and written along what is
// contiguous.
template <Precision precision>
__global__ void __launch_bounds__(block_threads)
    round_lines(const __grid_constant__ Strided<float> x, typename Rounded<precision>::Element* to, int64_t pitch) {
  __shared__ float tile[32][33];
  const int64_t across = ceil_div(pitch, 32), line = blockIdx.x / across * 32, k = blockIdx.x % across * 32;
  const int low = int(threadIdx.x) % 32;
  const bool along_k = x.k_stride == 1;
#pragma unroll
  for (int high = int(threadIdx.x) / 32; high < 32; high += block_threads / 32) {
    const int i = along_k ? high : low, j = along_k ? low : high;
    const bool inside = line + i < x.lines && k + j < x.depth;
    tile[i][j] = inside ? x.data[(line + i) * x.line_stride + (k + j) * x.k_stride] : 0.f;
  }
  __syncthreads();
#pragma unroll
  for (int i = int(threadIdx.x) / 32; i < 32; i += block_threads / 32)
    if (line + i < x.lines && k + low < pitch) to[(line + i) * pitch + k + low] = Rounded<precision>::of(tile[i][low]);
}

struct Sm90 {
  static constexpr int m = 256, n = 128, stages = 4, threads = 3 * 128;
  static constexpr int staged_pitch = 40;  // 32 columns, and 8 so that eight rows lie in different banks

  // Of a block, at an address that 1024 divides.
  struct Shared {
    unsigned char a[stages][m * 128], b[stages][n * 128];
    float staged[2][64 * staged_pitch];
    Barrier full[stages], empty[stages];
  };
  static constexpr size_t shared_bytes = sizeof(Shared) + 1024 - 128;

  __device__ static Shared& shared() {
    const auto address = reinterpret_cast<uintptr_t>(dynamic_shared<unsigned char>());
    return *reinterpret_cast<Shared*>((address + 1023) / 1024 * 1024);
  }

  // A stage of the ring, and the parity of its present round.
  struct Turn {
    int stage = 0, parity = 0;
    __device__ void next() {
      if (++stage == stages) stage = 0, parity ^= 1;
    }
    __device__ int before() const { return stage == 0 ? stages - 1 : stage - 1; }
  };

  // f(tile) for the tiles of this block.
  template <class F>
  __device__ static void each_tile(const Raster& raster, F f) {
    for (int64_t i = blockIdx.x; i < raster.rows * raster.columns; i += gridDim.x) f(raster.tile(i));
  }

  // One thread: tiles of A and B into every stage that is empty.
  __device__ static void fetch(const TensorMap& a, const TensorMap& b, const Raster& raster, int steps, int depth) {
    Shared& s = shared();
    Turn turn;
    each_tile(raster, [&](const Raster::Tile& tile) {
      for (int step = 0; step < steps; ++step, turn.next()) {
        wait(&s.empty[turn.stage], turn.parity ^ 1);
        arrive_expecting(&s.full[turn.stage], (m + n) * 128);
        copy_tile(s.a[turn.stage], &a, &s.full[turn.stage], step * depth, int(tile.row) * m);
        copy_tile(s.b[turn.stage], &b, &s.full[turn.stage], step * depth, int(tile.column) * n);
      }
    });
  }

  // A warpgroup: 128 of the rows, as twice 64. A stage is empty once the products after its own have begun.
  template <Precision precision>
  __device__ static void multiply(const Result<float>& result, const Raster& raster, int steps) {
    Shared& s = shared();
    const int group = int(threadIdx.x) / 128 - 1;
    const bool speaks = threadIdx.x % 128 == 0;
    Turn turn;
    each_tile(raster, [&](const Raster::Tile& tile) {
      float sum[2][64] = {};
      for (int step = 0; step < steps; ++step, turn.next()) {
        wait(&s.full[turn.stage], turn.parity);
        begin_products();
#pragma unroll
        for (int bytes = 0; bytes < 128; bytes += 32)
#pragma unroll
          for (int half = 0; half < 2; ++half)
            multiply_tiles<precision>(sum[half], descriptor(s.a[turn.stage] + (group * 128 + half * 64) * 128, bytes),
                                      descriptor(s.b[turn.stage], bytes));
        commit_products();
        wait_products<1>();
        if (step > 0 && speaks) arrive(&s.empty[turn.before()]);
      }
      wait_products<0>();
      if (speaks) arrive(&s.empty[turn.before()]);
      store(result, tile.row * m + group * 128, tile.column * n, sum, s.staged[group], group + 1);
    });
  }

  // 64 rows by 32 columns at a time through shared memory, as in product.cuh.
  __device__ static void store(const Result<float>& result, int64_t row, int64_t column, const float (&sum)[2][64],
                               float* staged, int barrier) {
    const int thread = int(threadIdx.x) % 128, lane = thread % 32;
    float* const mine = staged + (thread / 32 * 16 + lane / 4) * staged_pitch + lane % 4 * 2;
    const auto to = result.place.of(0);
#pragma unroll 1
    for (int part = 0; part < 8; ++part) {
#pragma unroll
      for (int half = 0; half < 2; ++half)
#pragma unroll
        for (int i = 0; i < 64; ++i)
          if (half * 4 + i / 16 == part) mine[i / 2 % 2 * 8 * staged_pitch + i / 4 % 4 * 8 + i % 2] = sum[half][i];
      sync_warpgroup(barrier);
#pragma unroll 1
      for (int i = thread; i < 64 * 32; i += 128)
        result.store(to, 0, row + part / 4 * 64 + i / 32, column + part % 4 * 32 + i % 32,
                     staged[i / 32 * staged_pitch + i % 32]);
      sync_warpgroup(barrier);
    }
  }
};

template <Precision precision>
__global__ void __launch_bounds__(Sm90::threads, 1)
    multiply_sm90(const __grid_constant__ TensorMap a, const __grid_constant__ TensorMap b,
                  const __grid_constant__ Result<float> result, const __grid_constant__ Raster raster, int steps) {
#if defined(__CUDA_ARCH_FEAT_SM90_ALL) || !defined(__CUDACC__)
  Sm90::Shared& s = Sm90::shared();
  if (threadIdx.x == 0) {
    for (int stage = 0; stage < Sm90::stages; ++stage)
      init_barrier(&s.full[stage], 1), init_barrier(&s.empty[stage], 2);
    publish_barriers();
  }
  __syncthreads();
  if (threadIdx.x < 128) {
    give_registers<40>();
    if (threadIdx.x == 0) Sm90::fetch(a, b, raster, steps, int(Rounded<precision>::depth));
  } else {
    take_registers<232>();
    Sm90::multiply<precision>(result, raster, steps);
  }
#else
  __trap();  // of an architecture that has_wgmma leaves out
#endif
}

// False where the driver knows no TMA. room: the bytes of both operands, rounded.
template <Precision precision>
bool launch_sm90(Context& context, const Strided<float>& a, const Strided<float>& b, const Result<float>& result,
                 void* room, int processors) {
  using Form = Rounded<precision>;
  auto* const left = static_cast<typename Form::Element*>(room);
  auto* const right = left + Form::bytes(a.lines, a.depth) / int64_t(sizeof(*left));
  const int64_t pitch = Form::pitch(a.depth);
  TensorMap map_a, map_b;
  if (!describe(map_a, precision, left, a.lines, pitch, Sm90::m) ||
      !describe(map_b, precision, right, b.lines, pitch, Sm90::n))
    return false;
  const auto round = [&](const Strided<float>& x, typename Form::Element* to) {
    launch_blocks(context, round_lines<precision>, grid_of(ceil_div(x.lines, 32) * ceil_div(pitch, 32)), block_threads,
                  0, x, to, pitch);
  };
  round(a, left), round(b, right);
  const Raster raster{ceil_div(result.rows, Sm90::m), ceil_div(result.columns, Sm90::n), 1, 1, 0};
  launch_blocks(context, multiply_sm90<precision>, grid_of(std::min<int64_t>(raster.blocks(), processors)),
                Sm90::threads, Sm90::shared_bytes, map_a, map_b, result, raster, int(pitch / Form::depth));
  return true;
}

}  // namespace wxb::cuda
