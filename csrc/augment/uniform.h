#pragma once
#include "augment/augment.h"
#include "core/philox.h"

namespace wxb {

// The numbers of picture n from k on, which is a multiple of 4, up to 4 of them.
HD void draw(const AugmentUniform& a, int64_t n, int64_t k) {
  const uint64_t sample = uint64_t(a.sample.data[n]);
  const uint32_t block = (a.stream + 1) << 8 | uint32_t(k / 4);
  const Words words =
      philox({{uint32_t(sample), uint32_t(sample >> 32), a.epoch, block}}, uint32_t(a.seed), uint32_t(a.seed >> 32));
  for (int i = 0; i < 4; ++i)
    if (k + i < a.count) a.y.data[n * a.count + k + i] = double(words.word[i]) * 0x1p-32;
}

}  // namespace wxb
