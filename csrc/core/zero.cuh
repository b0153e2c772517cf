#pragma once
#include "core/cuda.cuh"

namespace wxb::cuda {

// All of an operand becomes 0.
template <class Operand>
void zero(Context& context, const Operand& o) {
  if (o.size == 0) return;
  const size_t bytes = size_t(o.size) * sizeof(*o.data);
  const cudaError_t error = cudaMemsetAsync(o.data, 0, bytes, static_cast<cudaStream_t>(context.stream));
  if (error != cudaSuccess) cudaGetLastError(), context.report(Code::launch_failed, error);
}

}  // namespace wxb::cuda
