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

// Where an instruction of the target does what otherwise takes several. The results are the same, bit for bit.
#if defined(__AVX512F__) && WXB_VECTOR_BYTES == 64
#define WXB_AVX512
#elif defined(__AVX2__) && WXB_VECTOR_BYTES == 32
#define WXB_AVX2
#endif

typedef int32_t Int __attribute__((vector_size(WXB_VECTOR_BYTES)));  // the lanes as integers

struct Mask {  // all bits of a lane or none; at AVX-512 the compiler holds it in a mask register
  typedef Int Native;
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
#if defined(WXB_AVX512)
    return Native(_mm512_maskz_loadu_ps(__mmask16((1u << n) - 1), p));
#elif defined(WXB_AVX2)
    return Native(_mm256_maskload_ps(p, first(n)));
#else
    Native r = {};
    __builtin_memcpy(&r, p, size_t(n) * 4);
    return r;
#endif
  }
  WXB_INLINE void store(float* p, int64_t n) const {
#if defined(WXB_AVX512)
    _mm512_mask_storeu_ps(p, __mmask16((1u << n) - 1), __m512(v));
#elif defined(WXB_AVX2)
    _mm256_maskstore_ps(p, first(n), __m256(v));
#else
    __builtin_memcpy(p, &v, size_t(n) * 4);
#endif
  }

  // To an aligned address that is not read soon: past the caches, so that its line is not read before it is written.
  // streams_done() comes before another thread may look.
  WXB_INLINE void stream(float* p) const {
#if defined(WXB_AVX512)
    _mm512_stream_ps(p, __m512(v));
#elif defined(WXB_AVX2)
    _mm256_stream_ps(p, __m256(v));
#else
    store(p);
#endif
  }

  WXB_INLINE Vec operator-() const { return {-v}; }

 private:
#ifdef WXB_AVX2
  WXB_INLINE static __m256i first(int64_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(int(n)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
#endif
};

WXB_INLINE void streams_done() {
#if defined(__x86_64__)
  _mm_sfence();
#endif
}

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
#if defined(WXB_AVX512)
  return Vec::Native(_mm512_fmadd_ps(__m512(a.v), __m512(b.v), __m512(c.v)));
#elif defined(WXB_AVX2)
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

#ifdef WXB_AVX512
constexpr __mmask16 all_lanes = 0xffff;  // the unmasked forms read an undefined vector, of which GCC warns
#endif

WXB_INLINE Vec sqrt(Vec a) {
#if defined(WXB_AVX512)
  return Vec::Native(_mm512_maskz_sqrt_ps(all_lanes, __m512(a.v)));
#elif defined(WXB_AVX2)
  return Vec::Native(_mm256_sqrt_ps(__m256(a.v)));
#else
  Vec r;
  for (int64_t i = 0; i < Vec::lanes; ++i) r.v[i] = __builtin_sqrtf(a.v[i]);
  return r;
#endif
}

// b < a ? b : a and a < b ? b : a: the first number where either is NaN, so min(max(x, low), high) keeps NaN.
template <class T>
WXB_INLINE T min(T a, T b) {
  return b < a ? b : a;
}
template <class T>
WXB_INLINE T max(T a, T b) {
  return a < b ? b : a;
}
WXB_INLINE Vec min(Vec a, Vec b) {
#if defined(WXB_AVX512)
  return Vec::Native(_mm512_maskz_min_ps(all_lanes, __m512(b.v), __m512(a.v)));
#elif defined(WXB_AVX2)
  return Vec::Native(_mm256_min_ps(__m256(b.v), __m256(a.v)));
#else
  return select(b < a, b, a);
#endif
}
WXB_INLINE Vec max(Vec a, Vec b) {
#if defined(WXB_AVX512)
  return Vec::Native(_mm512_maskz_max_ps(all_lanes, __m512(b.v), __m512(a.v)));
#elif defined(WXB_AVX2)
  return Vec::Native(_mm256_max_ps(__m256(b.v), __m256(a.v)));
#else
  return select(a < b, b, a);
#endif
}

// Reinterpretations and conversions between lanes of float and int32.
WXB_INLINE Int bits(Vec a) { return Int(a.v); }
WXB_INLINE Vec from_bits(Int i) { return Vec::Native(i); }
WXB_INLINE Vec to_float(Int i) { return __builtin_convertvector(i, Vec::Native); }
WXB_INLINE Int to_int(Vec a) { return __builtin_convertvector(a.v, Int); }  // truncates

WXB_INLINE Vec abs(Vec a) { return from_bits(bits(a) & 0x7fffffff); }

// |a| with the sign bit of b
WXB_INLINE Vec copysign(Vec a, Vec b) {
#ifdef WXB_AVX512  // bit by bit: of a where the first operand is set, of b elsewhere
  return Vec::Native(_mm512_castsi512_ps(_mm512_ternarylogic_epi32(
      _mm512_set1_epi32(0x7fffffff), _mm512_castps_si512(__m512(a.v)), _mm512_castps_si512(__m512(b.v)), 0xca)));
#else
  return from_bits((bits(a) & 0x7fffffff) | (bits(b) & int32_t(0x80000000)));
#endif
}

// y 2^n for an integer n from -252 to 254, rounded once: overflows to Inf, underflows through the subnormals to 0.
WXB_INLINE Vec ldexp(Vec y, Vec n) {
#ifdef WXB_AVX512
  return Vec::Native(_mm512_maskz_scalef_ps(all_lanes, __m512(y.v), __m512(n.v)));
#else
  const Int k = to_int(n), half = k >> 1;  // 2^n itself may not be a float, its halves are
  return y * from_bits((half + 127) << 23) * from_bits((k - half + 127) << 23);
#endif
}

// x = mantissa 2^exponent with 3/4 <= mantissa < 3/2. The mantissa is NaN for x < 0 and NaN; 0 and Inf have exponents
// -Inf and Inf and a finite mantissa.
struct Split {
  Vec mantissa, exponent;
};
WXB_INLINE Split split(Vec x) {
#ifdef WXB_AVX512
  const __m512 v = __m512(x.v);
  const Vec m = Vec::Native(_mm512_maskz_getmant_ps(all_lanes, v, _MM_MANT_NORM_p75_1p5, _MM_MANT_SIGN_nan));
  const Vec e = Vec::Native(_mm512_maskz_getexp_ps(all_lanes, v));
  return {m, select(m < Vec(1.f), e + Vec(1.f), e)};
#else
  const Vec infinity(__builtin_inff());
  const Mask subnormal = x < Vec(1.17549435e-38f);
  const Int i = bits(select(subnormal, x * Vec(8388608.f), x)) - 0x3f400000;  // less 3/4
  const Vec m = from_bits((i & 0x007fffff) + 0x3f400000);
  const Vec e = to_float(i >> 23) - select(subnormal, Vec(23.f), Vec(0.f));
  return {select(x >= Vec(0.f), m, Vec(__builtin_nanf(""))),
          select(x == Vec(0.f), -infinity, select(x == infinity, x, e))};
#endif
}

// f(i, n) for the vectors of [0, count): n is the number of lanes, less than Vec::lanes for the last one only.
template <class Full, class Rest>
WXB_INLINE void for_vectors(int64_t count, Full full, Rest rest) {
  int64_t i = 0;
  for (; i + Vec::lanes <= count; i += Vec::lanes) full(i);
  if (i < count) rest(i, count - i);
}

}  // namespace wxb::WXB_TARGET
