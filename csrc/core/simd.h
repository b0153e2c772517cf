#pragma once
#include <cstddef>
#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

// A float32 vector of the current target in the compiler's vector extensions, so that one body serves every ISA.
// Everything lies in the target's own namespace: the same inline function compiled with other flags under one name
// would break the one-definition rule, and an old CPU could be handed the AVX-512 copy.
namespace wxb::WXB_TARGET {

#define WXB_INLINE inline __attribute__((always_inline))

struct Vec;

struct Mask {
  typedef int32_t Native __attribute__((vector_size(WXB_VECTOR_BYTES)));
  Native v;
  WXB_INLINE Mask operator&(Mask b) const { return {v & b.v}; }
  WXB_INLINE Mask operator|(Mask b) const { return {v | b.v}; }
  WXB_INLINE Mask operator!() const { return {~v}; }
};

struct Vec {
  typedef float Native __attribute__((vector_size(WXB_VECTOR_BYTES)));
  typedef float Unaligned __attribute__((vector_size(WXB_VECTOR_BYTES), aligned(4), may_alias));
  static constexpr int64_t lanes = WXB_VECTOR_BYTES / 4;
  Native v;

  WXB_INLINE Vec() = default;
  WXB_INLINE Vec(Native n) : v(n) {}
  WXB_INLINE Vec(float s) : v(s - Native{}) {}  // broadcast; -0 and NaN survive the subtraction of +0

  WXB_INLINE static Vec load(const float* p) { return *reinterpret_cast<const Unaligned*>(p); }
  WXB_INLINE void store(float* p) const { *reinterpret_cast<Unaligned*>(p) = v; }

  // The first n lanes, 0 < n < lanes; the others read as 0 and are not touched in memory.
  WXB_INLINE static Vec load(const float* p, int64_t n) {
#if defined(__AVX512F__) && WXB_VECTOR_BYTES == 64
    return Native(_mm512_maskz_loadu_ps(__mmask16((1u << n) - 1), p));
#elif defined(__AVX2__) && WXB_VECTOR_BYTES == 32
    return Native(_mm256_maskload_ps(p, first(n)));
#else
    Native r = {};
    __builtin_memcpy(&r, p, size_t(n) * 4);
    return r;
#endif
  }
  WXB_INLINE void store(float* p, int64_t n) const {
#if defined(__AVX512F__) && WXB_VECTOR_BYTES == 64
    _mm512_mask_storeu_ps(p, __mmask16((1u << n) - 1), __m512(v));
#elif defined(__AVX2__) && WXB_VECTOR_BYTES == 32
    _mm256_maskstore_ps(p, first(n), __m256(v));
#else
    __builtin_memcpy(p, &v, size_t(n) * 4);
#endif
  }

  WXB_INLINE Vec operator-() const { return {-v}; }

 private:
#if defined(__AVX2__) && WXB_VECTOR_BYTES == 32
  WXB_INLINE static __m256i first(int64_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(int(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
#endif
};

WXB_INLINE Vec operator+(Vec a, Vec b) { return a.v + b.v; }
WXB_INLINE Vec operator-(Vec a, Vec b) { return a.v - b.v; }
WXB_INLINE Vec operator*(Vec a, Vec b) { return a.v * b.v; }
WXB_INLINE Vec operator/(Vec a, Vec b) { return a.v / b.v; }
WXB_INLINE Vec& operator+=(Vec& a, Vec b) { return a = a + b; }
WXB_INLINE Mask operator<(Vec a, Vec b) { return {a.v < b.v}; }
WXB_INLINE Mask operator>(Vec a, Vec b) { return {a.v > b.v}; }
WXB_INLINE Mask operator<=(Vec a, Vec b) { return {a.v <= b.v}; }
WXB_INLINE Mask operator>=(Vec a, Vec b) { return {a.v >= b.v}; }
WXB_INLINE Mask operator==(Vec a, Vec b) { return {a.v == b.v}; }
WXB_INLINE Mask operator!=(Vec a, Vec b) { return {a.v != b.v}; }
WXB_INLINE Vec select(Mask m, Vec a, Vec b) { return m.v ? a.v : b.v; }

// a b + c with one rounding.
WXB_INLINE Vec fma(Vec a, Vec b, Vec c) {
#if defined(__AVX512F__) && WXB_VECTOR_BYTES == 64
  return Vec::Native(_mm512_fmadd_ps(__m512(a.v), __m512(b.v), __m512(c.v)));
#elif defined(__FMA__) && WXB_VECTOR_BYTES == 32
  return Vec::Native(_mm256_fmadd_ps(__m256(a.v), __m256(b.v), __m256(c.v)));
#elif defined(__FMA__) && WXB_VECTOR_BYTES == 16
  return Vec::Native(_mm_fmadd_ps(__m128(a.v), __m128(b.v), __m128(c.v)));
#elif defined(__FMA__) && WXB_VECTOR_BYTES == 64  // the AVX-512 bodies, emulated
  typedef float Half __attribute__((vector_size(32)));
  Half x[2], y[2], z[2];
  __builtin_memcpy(x, &a, 64);
  __builtin_memcpy(y, &b, 64);
  __builtin_memcpy(z, &c, 64);
  for (int i = 0; i < 2; ++i) z[i] = Half(_mm256_fmadd_ps(__m256(x[i]), __m256(y[i]), __m256(z[i])));
  Vec r;
  __builtin_memcpy(&r, z, 64);
  return r;
#elif defined(__aarch64__)
  return Vec::Native(vfmaq_f32(float32x4_t(c.v), float32x4_t(a.v), float32x4_t(b.v)));
#else
#error "no fused multiply-add for this target"
#endif
}

WXB_INLINE Vec sqrt(Vec a) {
#if defined(__AVX512F__) && WXB_VECTOR_BYTES == 64
  return Vec::Native(_mm512_maskz_sqrt_ps(__mmask16(-1), __m512(a.v)));  // gcc 12 warns of the plain one
#elif defined(__AVX2__) && WXB_VECTOR_BYTES == 32
  return Vec::Native(_mm256_sqrt_ps(__m256(a.v)));
#else
  Vec r;
  for (int64_t i = 0; i < Vec::lanes; ++i) r.v[i] = __builtin_sqrtf(a.v[i]);
  return r;
#endif
}

// Reinterpretations and conversions between lanes of float and int32.
WXB_INLINE Mask::Native bits(Vec a) { return Mask::Native(a.v); }
WXB_INLINE Vec from_bits(Mask::Native i) { return Vec::Native(i); }
WXB_INLINE Vec to_float(Mask::Native i) { return __builtin_convertvector(i, Vec::Native); }
WXB_INLINE Mask::Native to_int(Vec a) { return __builtin_convertvector(a.v, Mask::Native); }  // truncates

WXB_INLINE Vec abs(Vec a) { return from_bits(bits(a) & 0x7fffffff); }

// Sum of the lanes, halving each time: a fixed tree.
WXB_INLINE float sum(Vec a) {
  float lane[Vec::lanes];
  a.store(lane);
  for (int64_t width = Vec::lanes / 2; width > 0; width /= 2)
    for (int64_t i = 0; i < width; ++i) lane[i] += lane[i + width];
  return lane[0];
}

template <class T>
WXB_INLINE T min(T a, T b) {
  return b < a ? b : a;
}
template <class T>
WXB_INLINE T max(T a, T b) {
  return a < b ? b : a;
}

// f(i, n) for the vectors of [0, count): n is the number of lanes, less than Vec::lanes for the last one only.
template <class Full, class Rest>
WXB_INLINE void for_vectors(int64_t count, Full full, Rest rest) {
  int64_t i = 0;
  for (; i + Vec::lanes <= count; i += Vec::lanes) full(i);
  if (i < count) rest(i, count - i);
}

}  // namespace wxb::WXB_TARGET
