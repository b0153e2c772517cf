#pragma once
#include <cuda_runtime_api.h>

#include "core/check.h"

namespace wxb {

// Raise wxb.errors.CudaError; `what` says which call failed.
[[noreturn]] void cuda_error(const std::string& text);
[[noreturn]] void cuda_error(const char* what, cudaError_t error);

inline void check(const char* what, cudaError_t error) {
  if (error != cudaSuccess) cuda_error(what, error);
}

}  // namespace wxb
