#include "limits/limits_table.h"

namespace wxb::ref {

namespace {

constexpr int sums = 32;

float multiply_add(int64_t turns) {
  volatile float near_one = 0.999f, small = 1e-4f;  // read at run time, or the compiler would know the result
  const float a = near_one, b = small;
  float sum[sums];
  for (int i = 0; i < sums; ++i) sum[i] = float(i);
  for (int64_t turn = 0; turn < turns; ++turn)
    for (int i = 0; i < sums; ++i) sum[i] = sum[i] * a + b;
  float result = 0;
  for (float x : sum) result += x;
  return result;
}

}  // namespace

extern const LimitsTable limits_table;
const LimitsTable limits_table{2.0 * sums, multiply_add};

}  // namespace wxb::ref
