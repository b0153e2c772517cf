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

// The same for 0 <= n < 2^31 in 32 bits: m = 2^32 (2^s - d) / d + 1, n / d = (n m / 2^32 + n) / 2^s.
struct SmallDivisor {
  uint32_t by, multiplier, shift = 0;
  explicit SmallDivisor(int64_t d) : by(uint32_t(std::max<int64_t>(d, 1))) {
    while ((uint64_t{1} << shift) < by) ++shift;
    multiplier = uint32_t(((uint64_t{1} << 32) * ((uint64_t{1} << shift) - by)) / by + 1);
  }
  __device__ int quotient(int n) const {
    return int((uint64_t{__umulhi(uint32_t(n), multiplier)} + uint32_t(n)) >> shift);
  }
};

}  // namespace wxb::cuda
