#pragma once
#include "core/philox.h"
#include "random/formulas.h"

// What is made of one block of random words, and where in a stream a number's block lies (random.h); for the bodies
// that go number by number.
namespace wxb::WXB_TARGET {

HD uint64_t join(uint32_t high, uint32_t low) { return uint64_t{high} << 32 | low; }

HD void draw_fractions(Words w, float* y) {
  for (int k = 0; k < 4; ++k) y[k] = fraction<float>(w.word[k]);
}
HD void draw_fractions(Words w, double* y) {
  for (int k = 0; k < 2; ++k) y[k] = fraction(join(w.word[2 * k], w.word[2 * k + 1]));
}

HD void draw_normals(Words w, float* y) {
  for (int k = 0; k < 4; k += 2) normals(w.word[k], w.word[k + 1], y[k], y[k + 1]);
}
HD void draw_normals(Words w, double* y) {
  normals(join(w.word[0], w.word[1]), join(w.word[2], w.word[3]), y[0], y[1]);
}

HD void draw_words(Words w, int32_t* y) {
  for (int k = 0; k < 4; ++k) y[k] = int32_t(w.word[k] >> 8);
}

// The 24 bits by which number i is dropped or kept.
HD int32_t word_of(const uint64_t* saved, int64_t i) {
  const Words w = philox(saved[0], saved[1] + uint64_t(i / 64 * 16 + i % 16));
  const bool upper = i / 32 % 2, odd = i / 16 % 2;  // no index: it would put the words into memory
  return int32_t((upper ? (odd ? w.word[3] : w.word[2]) : (odd ? w.word[1] : w.word[0])) >> 8);
}

// The 64 bits of number i.
HD uint64_t long_word_of(const uint64_t* saved, int64_t i) {
  const Words w = philox(saved[0], saved[1] + uint64_t(i / 32 * 16 + i % 16));
  const bool second = i / 16 % 2;
  return second ? join(w.word[2], w.word[3]) : join(w.word[0], w.word[1]);
}

// To [0, count) by the upper half of a 128-bit product: its bias is below count / 2^64.
HD uint64_t below(uint64_t count, uint64_t word) {
  return uint64_t((static_cast<unsigned __int128>(count) * word) >> 64);
}

}  // namespace wxb::WXB_TARGET
