#pragma once
#include "core/simd.h"

// philox.h for as many consecutive blocks as a Vec has lanes.
namespace wxb::WXB_TARGET {

struct WordVecs {
  typedef uint32_t Native __attribute__((vector_size(WXB_VECTOR_BYTES)));
  Native word[4];
};

WXB_INLINE Mask::Native to_signed(WordVecs::Native words) { return Mask::Native(words); }

namespace philox_lanes {

// 64-bit lanes whose low half is the word and whose high half is rubbish that no product reads.
typedef uint64_t Wide __attribute__((vector_size(WXB_VECTOR_BYTES)));

// The product of the low halves.
WXB_INLINE Wide multiply(Wide a, Wide b) {
#if defined(__AVX512F__) && WXB_VECTOR_BYTES == 64
  return Wide(_mm512_maskz_mul_epu32(__mmask8(-1), __m512i(a), __m512i(b)));
#elif defined(__AVX2__) && WXB_VECTOR_BYTES == 32
  return Wide(_mm256_mul_epu32(__m256i(a), __m256i(b)));
#elif defined(__x86_64__) && WXB_VECTOR_BYTES == 16
  return Wide(_mm_mul_epu32(__m128i(a), __m128i(b)));
#elif defined(__aarch64__)
  return Wide(vmull_u32(vmovn_u64(uint64x2_t(a)), vmovn_u64(uint64x2_t(b))));
#else
  return (a & 0xffffffff) * (b & 0xffffffff);
#endif
}

struct Counter {
  Wide word[4];
};

WXB_INLINE Wide all(uint64_t x) { return x - Wide{}; }

// The upper half of each lane, in both halves: a shuffle, because x86 shifts on the port that multiplies.
WXB_INLINE Wide upper(Wide a) {
  WordVecs::Native odd;
  for (int i = 0; i < WXB_VECTOR_BYTES / 4; ++i) odd[i] = uint32_t(i | 1);
  return Wide(__builtin_shuffle(WordVecs::Native(a), odd));
}

WXB_INLINE Counter round(const Counter& c, const Wide* key) {
  const Wide p0 = multiply(all(0xD2511F53), c.word[0]), p1 = multiply(all(0xCD9E8D57), c.word[2]);
  return {{upper(p1) ^ c.word[1] ^ key[0], p1, upper(p0) ^ c.word[3] ^ key[1], p0}};
}

}  // namespace philox_lanes

// The keys of the ten rounds, in every lane: made once for a stretch, they are operands in memory.
struct PhiloxKeys {
  philox_lanes::Wide key[10][2];
  WXB_INLINE explicit PhiloxKeys(uint64_t seed) {
    uint32_t key0 = uint32_t(seed), key1 = uint32_t(seed >> 32);
    for (int i = 0; i < 10; ++i, key0 += 0x9E3779B9, key1 += 0xBB67AE85) {
      key[i][0] = philox_lanes::all(key0), key[i][1] = philox_lanes::all(key1);
    }
  }
};

// Lane i of r[t] has block `block + t lanes + i`. Even and odd blocks are computed apart, so that a product fits its
// lane, and the words come together again with one shift. A round waits for the one before it: what else can be
// computed meanwhile are the other blocks, of which a CPU's queues hold too few unless they stand side by side.
template <int vectors>
WXB_INLINE void philox(const PhiloxKeys& keys, uint64_t block, WordVecs (&r)[vectors]) {
  using namespace philox_lanes;
  Wide lane;
  for (int i = 0; i < WXB_VECTOR_BYTES / 8; ++i) lane[i] = uint64_t(2 * i);
  Counter even[vectors], odd[vectors];
#pragma GCC unroll 2
  for (int t = 0; t < vectors; ++t) {
    const Wide first = lane + (block + uint64_t(t * WXB_VECTOR_BYTES / 4)), second = first + 1;
    even[t] = {{first, first >> 32, Wide{}, Wide{}}}, odd[t] = {{second, second >> 32, Wide{}, Wide{}}};
  }
#pragma GCC unroll 10
  for (int i = 0; i < 10; ++i)
#pragma GCC unroll 2
    for (int t = 0; t < vectors; ++t) even[t] = round(even[t], keys.key[i]), odd[t] = round(odd[t], keys.key[i]);
#pragma GCC unroll 2
  for (int t = 0; t < vectors; ++t)
    for (int k = 0; k < 4; ++k)
      r[t].word[k] = WordVecs::Native((even[t].word[k] & 0xffffffff) | (odd[t].word[k] << 32));
}

}  // namespace wxb::WXB_TARGET
