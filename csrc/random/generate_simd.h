#pragma once
#include "core/philox_simd.h"

// The numbers of a stretch of a stream, where random.h says they lie.
namespace wxb::WXB_TARGET {

// Draws the four Vecs of a block of each lane at a time; full(i, v) and rest(i, v, n) put them where they belong.
template <class V, class Draw, class Full, class Rest>
WXB_INLINE void generate(const uint64_t* saved, int64_t begin, int64_t end, Draw draw, Full full, Rest rest) {
  constexpr int vectors = Vec::lanes == 16 ? 2 : 1;  // whose counters fit the registers
  const PhiloxKeys keys(saved[0]);
  for (int64_t block = begin / 4; block / 16 * 64 < end; block += vectors * Vec::lanes) {
    WordVecs words[vectors];
    philox(keys, saved[1] + uint64_t(block), words);
    for (int t = 0; t < vectors; ++t) {
      V value[4];
      draw(words[t], value);
      const int64_t from = block + t * Vec::lanes;
      for (int64_t k = 0, i = from / 16 * 64 + from % 16; k < 4 && i < end; ++k, i += 16)
        end - i >= Vec::lanes ? full(i, value[k]) : rest(i, value[k], end - i);
    }
  }
}

// Which elements a dropout drops.
struct Masks {
  int32_t threshold;
  WXB_INLINE void operator()(const WordVecs& w, Mask* m) const {
    for (int k = 0; k < 4; ++k) m[k] = {to_signed(w.word[k] >> 8) < threshold};
  }
};

}  // namespace wxb::WXB_TARGET
