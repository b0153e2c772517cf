#include "core/simd.h"
#include "limits/limits_table.h"

namespace wxb::WXB_TARGET {

namespace {

// Independent sums: more than the multiply-adds in flight (latency 4 or 5, two a cycle; NEON cores up to four), and no
// more than registers hold.
constexpr int sums = WXB_VECTOR_BYTES == 32 ? 12 : 24;

float multiply_add(int64_t turns) {
  volatile float near_one = 0.999f, small = 1e-4f;  // read at run time, or the compiler would know the result
  const Vec a(near_one), b(small);
  Vec sum[sums];
#pragma GCC unroll 24
  for (int i = 0; i < sums; ++i) sum[i] = Vec(float(i));
  for (int64_t turn = 0; turn < turns; ++turn)
#pragma GCC unroll 24
    for (int i = 0; i < sums; ++i) sum[i] = fma(sum[i], a, b);
  Vec total(0.f);
#pragma GCC unroll 24
  for (int i = 0; i < sums; ++i) total += sum[i];
  float lane[Vec::lanes], result = 0;
  total.store(lane);
  for (float x : lane) result += x;
  return result;
}

}  // namespace

extern const LimitsTable limits_table;
const LimitsTable limits_table{2.0 * sums * Vec::lanes, multiply_add};

}  // namespace wxb::WXB_TARGET
