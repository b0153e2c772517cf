#pragma once
#include "core/philox_simd.h"

// The numbers of a stretch of a stream, where random.h says they lie.
namespace wxb::WXB_TARGET {

// Draws the four Vecs of a block of each lane at a time; full(i, v) and rest(i, v, n) put them where they belong.
template <class V, class Draw, class Full, class Rest>
WXB_INLINE void generate(const uint64_t* saved, int64_t begin, int64_t end, Draw draw, Full full, Rest rest) {
  const uint64_t seed = saved[0], position = saved[1];
  for (int64_t group = begin; group < end; group += 64)
    for (int64_t lane = 0; lane < 16; lane += Vec::lanes) {
      V value[4];
      draw(philox(seed, position + uint64_t(group / 4 + lane)), value);
      for (int64_t k = 0, i = group + lane; k < 4 && i < end; ++k, i += 16)
        end - i >= Vec::lanes ? full(i, value[k]) : rest(i, value[k], end - i);
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
