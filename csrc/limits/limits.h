#pragma once
#include <cstdint>

// What this machine can do at most, for benchmarks to hold kernels against. No kernels: no operands, never in a plan.
namespace wxb::BACKEND {

// float32 operations per second, in 1e9, of num_threads() threads that do nothing but fused multiply-add in registers,
// with the instructions of isa(). A multiply-add counts as two.
double fma_peak(double seconds);

// Bytes read and written per second, in 1e9, while num_threads() threads copy `bytes` bytes over and over, each its own
// part: the size decides which cache they lie in.
double copy_bandwidth(int64_t bytes, double seconds);

// The least nanoseconds that a parallel region of num_threads() empty tasks takes, one after another.
double fork_join(double seconds);

}  // namespace wxb::BACKEND
