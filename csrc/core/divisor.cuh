#pragma once
#include "core/cuda.cuh"

namespace wxb::cuda {

// Quotients of one divisor by a multiplication (Granlund, Montgomery 1994): a GPU divides 64-bit integers in a call of
// some 70 instructions. For 0 <= n < 2^63: with 2^(s-1) < d <= 2^s and m = 2^(63+s) / d + 1, n / d = n m / 2^(63+s).
class Divisor {
 public:
  explicit Divisor(int64_t d) {
    const auto by = static_cast<unsigned __int128>(d < 1 ? 1 : d);
    while ((static_cast<unsigned __int128>(1) << shift_) < by) ++shift_;
    multiplier_ = static_cast<unsigned long long>((static_cast<unsigned __int128>(1) << (63 + shift_)) / by + 1);
  }
  __device__ int64_t quotient(int64_t n) const {
    return int64_t(__umul64hi(2 * static_cast<unsigned long long>(n), multiplier_) >> shift_);
  }

 private:
  unsigned long long multiplier_;
  int shift_ = 0;
};

}  // namespace wxb::cuda
