#include "augment/augment.h"

#include "core/philox.h"

namespace wxb::cpu {

// Some numbers for each picture of a batch: too few for a second thread.
void augment_uniform(const AugmentUniform& a, Context&) {
  const uint32_t key0 = uint32_t(a.seed), key1 = uint32_t(a.seed >> 32);
  for (int64_t n = 0; n < a.sample.size; ++n) {
    const uint64_t sample = uint64_t(a.sample.data[n]);
    for (int64_t k = 0; k < a.count; k += 4) {
      const uint32_t block = (a.stream + 1) << 8 | uint32_t(k / 4);
      const Words words = philox({{uint32_t(sample), uint32_t(sample >> 32), a.epoch, block}}, key0, key1);
      for (int64_t i = k; i < a.count && i < k + 4; ++i)
        a.y.data[n * a.count + i] = double(words.word[i - k]) * 0x1p-32;
    }
  }
}

}  // namespace wxb::cpu
