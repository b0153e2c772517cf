#include "capsule/squash_table.h"
#include "core/simd_sum.h"

namespace wxb::WXB_TARGET {

namespace {

double dot(const float* a, const float* b, int64_t n) {
  const double sum = sum_of(n, [&](auto lanes, int64_t j) { return lanes.load(a + j) * lanes.load(b + j); });
  if (sum - sum == 0) return sum;
  double exact = 0;  // a float32 sum overflowed, or there is no number to be had
  for (int64_t j = 0; j < n; ++j) exact += double(a[j]) * double(b[j]);
  return exact;
}

void forward(const Squash<float>& a, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const float* const x = a.x.data + i * a.features;
    float* const y = a.y.data + i * a.features;
    const Vec scale(float(squash_factors(dot(x, x, a.features)).scale));
    for_lanes(0, a.features, [&](auto lanes, int64_t j) { lanes.store(lanes.load(x + j) * scale, y + j); });
  }
}

void backward(const SquashBackward<float>& a, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const float *const x = a.x.data + i * a.features, *const dy = a.dy.data + i * a.features;
    float* const dx = a.dx.data + i * a.features;
    const SquashFactors f = squash_factors(dot(x, x, a.features));
    const Vec scale(float(f.scale)), along(float(f.slope * dot(x, dy, a.features)));
    for_lanes(0, a.features, [&](auto lanes, int64_t j) {
      lanes.store(fma(scale, lanes.load(dy + j), along * lanes.load(x + j)), dx + j);
    });
  }
}

}  // namespace

extern const SquashTable<float> squash_float;
const SquashTable<float> squash_float{forward, backward};

}  // namespace wxb::WXB_TARGET
