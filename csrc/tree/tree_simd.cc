#include "core/simd_math.h"
#include "core/simd_sum.h"
#include "gemm/pack_simd.h"

namespace wxb::WXB_TARGET {

namespace {

template <class T, class F>
WXB_INLINE void for_columns(int64_t n, F f) {
  for_lanes(0, n, f);
}

template <class T, class Term>
double column_sum(int64_t n, Term term) {
  return sum_of(n, term);
}

template <class V>
WXB_INLINE Vec number(float s) {
  return Vec(s);
}

}  // namespace

}  // namespace wxb::WXB_TARGET

#include "tree/contract.h"

namespace wxb::WXB_TARGET {

namespace {

void turn_weight(const TreeForward<float>& a, int64_t begin, int64_t end) {
  const int64_t width = a.trees.width(), features = a.trees.features();
  turn(a.weight.data + begin * features, features, end - begin, features, end - begin, a.turned.data + begin, width);
}

}  // namespace

extern const TreeTable<float> tree_float;
const TreeTable<float> tree_float{turn_weight, gather, forward, edges, backward, contract};

}  // namespace wxb::WXB_TARGET
