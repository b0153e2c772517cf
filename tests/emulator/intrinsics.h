#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <type_traits>

#include "block.h"

// What a thread can call: barriers, shuffles, votes, atomics of integers, bits, arithmetic, vector types.

// ---- barriers ----

inline void __syncthreads() { emulator::meet_block("__syncthreads", nullptr, 0); }
inline void __syncwarp(unsigned mask = 0xffffffffu) { emulator::meet_warp(mask, "__syncwarp", nullptr, 0); }
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}
inline int __syncthreads_count(int predicate) {
  const auto all = emulator::meet_block("__syncthreads_count", predicate);
  int count = 0;
  for (unsigned t = 0; t < blockDim.x * blockDim.y * blockDim.z; ++t) count += all[t] != 0;
  return count;
}
inline int __syncthreads_or(int predicate) { return __syncthreads_count(predicate) != 0; }
inline int __syncthreads_and(int predicate) { return __syncthreads_count(!predicate) == 0; }

// ---- within a warp ----

namespace emulator {

template <class T>
T from_lane(unsigned mask, const char* what, T mine, int source) {
  static_assert(std::is_arithmetic_v<T> && (sizeof(T) == 4 || sizeof(T) == 8), "CUDA shuffles words of 4 or 8 bytes");
  const auto all = meet_warp(mask, what, mine);
  if (!(mask >> source & 1)) fail("a shuffle reads a lane that is not in its mask");
  return all[size_t(source)];
}

// The first lane of this one's segment of `width` lanes.
inline int segment(int width) { return int(lane()) & ~(width - 1); }

}  // namespace emulator

template <class T>
T __shfl_sync(unsigned mask, T v, int source, int width = 32) {
  return emulator::from_lane(mask, "__shfl_sync", v, emulator::segment(width) + (source & (width - 1)));
}
template <class T>
T __shfl_xor_sync(unsigned mask, T v, int bits, int width = 32) {
  const int self = int(emulator::lane()), source = self ^ bits;
  return emulator::from_lane(mask, "__shfl_xor_sync", v, source < emulator::segment(width) + width ? source : self);
}
template <class T>
T __shfl_down_sync(unsigned mask, T v, unsigned by, int width = 32) {
  const int self = int(emulator::lane()), source = self + int(by);
  return emulator::from_lane(mask, "__shfl_down_sync", v, source < emulator::segment(width) + width ? source : self);
}
template <class T>
T __shfl_up_sync(unsigned mask, T v, unsigned by, int width = 32) {
  const int self = int(emulator::lane()), source = self - int(by);
  return emulator::from_lane(mask, "__shfl_up_sync", v, source >= emulator::segment(width) ? source : self);
}

inline unsigned __ballot_sync(unsigned mask, int predicate) {
  const auto all = emulator::meet_warp(mask, "__ballot_sync", predicate);
  unsigned votes = 0;
  for (unsigned lane = 0; lane < 32; ++lane)
    if (mask >> lane & 1 && all[lane]) votes |= 1u << lane;
  return votes;
}
inline int __any_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) != 0; }
inline int __all_sync(unsigned mask, int predicate) { return __ballot_sync(mask, predicate) == mask; }
// Which lanes run together is the hardware's choice: one at a time is a legal one, and the least kind to a kernel.
inline unsigned __activemask() { return 1u << emulator::lane(); }

// ---- atomics: of integers only, for floating sums would depend on who comes first ----

namespace emulator {
template <class T, class F>
T exchange(T* p, F f) {
  static_assert(std::is_integral_v<T>, "atomics of floating numbers are not deterministic");
  const T old = *p;
  *p = f(old);
  return old;
}
}  // namespace emulator

template <class T>
T atomicAdd(T* p, std::type_identity_t<T> v) {
  return emulator::exchange(p, [=](T old) { return T(old + v); });
}
template <class T>
T atomicMin(T* p, std::type_identity_t<T> v) {
  return emulator::exchange(p, [=](T old) { return v < old ? v : old; });
}
template <class T>
T atomicMax(T* p, std::type_identity_t<T> v) {
  return emulator::exchange(p, [=](T old) { return v > old ? v : old; });
}
template <class T>
T atomicOr(T* p, std::type_identity_t<T> v) {
  return emulator::exchange(p, [=](T old) { return T(old | v); });
}
template <class T>
T atomicAnd(T* p, std::type_identity_t<T> v) {
  return emulator::exchange(p, [=](T old) { return T(old & v); });
}
template <class T>
T atomicExch(T* p, std::type_identity_t<T> v) {
  return emulator::exchange(p, [=](T) { return v; });
}
template <class T>
T atomicCAS(T* p, std::type_identity_t<T> wanted, std::type_identity_t<T> v) {
  return emulator::exchange(p, [=](T old) { return old == wanted ? v : old; });
}

// ---- loads, bits ----

template <class T>
T __ldg(const T* p) {
  return *p;
}
template <class T>
T __ldcs(const T* p) {
  return *p;
}
template <class T>
void __stcs(T* p, T v) {
  *p = v;
}

inline int __popc(unsigned x) { return std::popcount(x); }
inline int __popcll(unsigned long long x) { return std::popcount(x); }
inline int __clz(int x) { return std::countl_zero(unsigned(x)); }
inline int __clzll(long long x) { return std::countl_zero(static_cast<unsigned long long>(x)); }
inline int __ffs(int x) { return x ? std::countr_zero(unsigned(x)) + 1 : 0; }
inline int __ffsll(long long x) { return x ? std::countr_zero(static_cast<unsigned long long>(x)) + 1 : 0; }
inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned(uint64_t{a} * b >> 32); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return static_cast<unsigned long long>(static_cast<unsigned __int128>(a) * b >> 64);
}

inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline long long __double_as_longlong(double x) { return std::bit_cast<long long>(x); }
inline double __longlong_as_double(long long x) { return std::bit_cast<double>(x); }

// ---- arithmetic ----

inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline double __fma_rn(double a, double b, double c) { return std::fma(a, b, c); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline float __fsqrt_rn(float x) { return std::sqrt(x); }
inline float rsqrtf(float x) { return float(1 / std::sqrt(double(x))); }
inline double rsqrt(double x) { return 1 / std::sqrt(x); }
inline int __float2int_rn(float x) { return int(std::nearbyint(x)); }
inline int __float2int_rd(float x) { return int(std::floor(x)); }

// ---- vectors ----

#define WXB_VECTORS(T, name)                                                         \
  struct alignas(2 * sizeof(T)) name##2 { T x, y; };                                 \
  struct name##3 { T x, y, z; };                                                     \
  struct alignas(4 * sizeof(T) < 16 ? 4 * sizeof(T) : 16) name##4 { T x, y, z, w; }; \
  inline name##2 make_##name##2(T x, T y) { return {x, y}; }                         \
  inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; }                 \
  inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
WXB_VECTORS(float, float)
WXB_VECTORS(double, double)
WXB_VECTORS(int, int)
WXB_VECTORS(unsigned, uint)
WXB_VECTORS(unsigned char, uchar)
WXB_VECTORS(long long, longlong)
#undef WXB_VECTORS
