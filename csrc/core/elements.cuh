#pragma once
#include "core/broadcast.h"
#include "core/cuda.cuh"

// What kernels that treat every element alike share: packs of elements, where a broadcast operand finds its element,
// and the launch.
namespace wxb::cuda {

// Elements that are one memory access of up to 16 bytes.
template <class T, int count>
struct alignas(sizeof(T) * count) Pack {
  T v[count];
};

template <int count, class T>
__device__ Pack<T, count> load(const T* p) {
  return *reinterpret_cast<const Pack<T, count>*>(p);
}

template <int count, class T>
__device__ void store(T* p, const Pack<T, count>& pack) {
  *reinterpret_cast<Pack<T, count>*>(p) = pack;
}

// Where the elements of the output from i on lie in each operand. All of them are in one innermost row.
template <int operands>
struct Place {
  int64_t at[operands];
  bool steps[operands];  // or is it one element for all?

  __device__ Place(const Broadcast<operands>& dims, int64_t i) {
    const int last = dims.ndim - 1;
    for (int k = 0; k < operands; ++k) {
      at[k] = 0;
      steps[k] = last >= 0 && dims.stride[k][last] != 0;
    }
#pragma unroll 1
    for (int axis = last; axis >= 0; --axis) {
      int64_t index = i;
      if (axis > 0) {
        const int64_t row = i / dims.size[axis];
        index = i - row * dims.size[axis];
        i = row;
      }
      for (int k = 0; k < operands; ++k) at[k] += index * dims.stride[k][axis];
    }
  }

  template <int count, class T>
  __device__ Pack<T, count> read(int k, const T* p) const {
    if (steps[k]) return load<count>(p + at[k]);
    Pack<T, count> pack;
    const T same = p[at[k]];
    for (int j = 0; j < count; ++j) pack.v[j] = same;
    return pack;
  }
};

// Runs body.run<n>(i) for the elements [i, i + n): packs of Body::pack as far as `packed` goes, then one by one.
template <class Body>
__global__ void WXB_BOUNDS(2) run_elements(Body body, int64_t packed, int64_t size) {
  const int64_t thread = first_index(), threads = stride();
  for (int64_t i = thread * Body::pack; i < packed; i += threads * Body::pack) body.template run<Body::pack>(i);
  for (int64_t i = packed + thread; i < size; i += threads) body.template run<1>(i);
}

template <int count, class Operand>
bool is_aligned(const Operand& o) {
  return reinterpret_cast<uintptr_t>(o.data) % (sizeof(*o.data) * count) == 0;
}

// Launches run_elements over `size` elements whose innermost row has `row`. A pack may not straddle rows, nor may a
// view that starts between two packs be read in packs.
template <class Body, class... Operands>
void launch_elements(Context& context, const Body& body, int64_t size, int64_t row, const Operands&... operands) {
  if (size == 0) return;
  const bool packs = (row == size || row % Body::pack == 0) && (is_aligned<Body::pack>(operands) && ...);
  const int64_t packed = packs ? size - size % Body::pack : 0;
  const int64_t items = packed / Body::pack + (size - packed);
  const int64_t blocks = std::min(ceil_div(items, block_threads), resident_blocks<run_elements<Body>>());
  launch_blocks(context, run_elements<Body>, dim3(unsigned(blocks)), dim3(block_threads), 0, body, packed, size);
}

template <int operands>
int64_t row_of(const Broadcast<operands>& dims) {
  return dims.ndim ? dims.size[dims.ndim - 1] : 1;
}

}  // namespace wxb::cuda
