#pragma once
#include "tree/cells.h"

// For tensor. The file that includes this defines, beside what cells.h asks for,
//   column_sum<T>(n, term): the sum of term(lanes, j) over the columns [0, n).
namespace wxb::WXB_TARGET {

namespace {

// ds_i = d(i, end) + sum_j (d(i, j) + d(j, i)) s_j, where d is dfeatures.
template <class T>
void contract(const TreeBackward<T>& a, int64_t begin, int64_t end) {
  const Family relatives = family(a);
  const int64_t hidden = a.trees.hidden, states = a.trees.states(), row = states + 1;
  for (int64_t n = begin; n < end; ++n) {
    const T *const d = a.dfeatures.data + n * a.trees.features(), *const s = a.features.data + n * a.trees.features();
    T* const ds = a.ds.data + n * states;
    fill_zero(ds, states);
    for (int64_t i = 0; i < states; ++i) {
      const T s_i = s[i * row + states];
      for_columns<T>(states, [&](auto lanes, int64_t j) {
        const auto v = lanes.load(d + i * row + j);
        lanes.store(lanes.load(ds + j) + v * number<decltype(v)>(s_i), ds + j);
      });
    }
    for (int64_t i = 0; i < states; ++i) {
      double sum = double(ds[i]) + double(d[i * row + states]);
      for (int64_t k = 0; k < a.trees.arity; ++k) {
        const int64_t child = relatives.child(n, k);
        const T *const of_d = d + i * row + k * hidden, *const of_s = a.h.data + child * hidden;
        if (child < 0) continue;
        sum +=
            column_sum<T>(hidden, [&](auto lanes, int64_t j) { return lanes.load(of_d + j) * lanes.load(of_s + j); });
      }
      ds[i] = T(sum);
    }
  }
}

}  // namespace

}  // namespace wxb::WXB_TARGET
