#include "augment/uniform.h"

namespace wxb::cpu {

// Some numbers for each picture of a batch: too few for a second thread.
void augment_uniform(const AugmentUniform& a, Context&) {
  for (int64_t n = 0; n < a.sample.size; ++n)
    for (int64_t k = 0; k < a.count; k += 4) draw(a, n, k);
}

}  // namespace wxb::cpu
