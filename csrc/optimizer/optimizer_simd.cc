#include "core/simd.h"
#include "optimizer/optimizer_table.h"

namespace wxb::WXB_TARGET {

namespace {

template <class F, class Scalars>
void update(const Rows<float>& rows, const Scalars& scalars, int64_t begin, int64_t end) {
  for_pieces(rows, begin, end, [&](const Row<float>& row, int64_t from, int64_t to) {
    const Scalars c = of_row(scalars, row);
    float* const p = row.parameter.data + from;
    const float* const g = row.gradient.data + from;
    float* state[Row<float>::most_states];
    for (int k = 0; k < F::states; ++k) state[k] = row.states[k].data + from;
    Vec s[Row<float>::most_states];
    for_vectors(
        to - from,
        [&](int64_t i) {
          Vec x = Vec::load(p + i);
          for (int k = 0; k < F::states; ++k) s[k] = Vec::load(state[k] + i);
          F::update(c, x, Vec::load(g + i), s);
          for (int k = 0; k < F::states; ++k) s[k].store(state[k] + i);
          x.store(p + i);
        },
        [&](int64_t i, int64_t n) {
          Vec x = Vec::load(p + i, n);
          for (int k = 0; k < F::states; ++k) s[k] = Vec::load(state[k] + i, n);
          F::update(c, x, Vec::load(g + i, n), s);
          for (int k = 0; k < F::states; ++k) s[k].store(state[k] + i, n);
          x.store(p + i, n);
        });
  });
}

void sgd(const Rows<float>& rows, const SgdScalars<float>& c, bool momentum, int64_t begin, int64_t end) {
  momentum ? update<Momentum>(rows, c, begin, end) : update<Plain>(rows, c, begin, end);
}

void adam(const Rows<float>& rows, const AdamScalars<float>& c, int64_t begin, int64_t end) {
  update<Moments>(rows, c, begin, end);
}

void rmsprop(const Rows<float>& rows, const RmspropScalars<float>& c, bool centered, bool momentum, int64_t begin,
             int64_t end) {
  if (centered)
    momentum ? update<MeanSquare<true, true>>(rows, c, begin, end)
             : update<MeanSquare<true, false>>(rows, c, begin, end);
  else
    momentum ? update<MeanSquare<false, true>>(rows, c, begin, end)
             : update<MeanSquare<false, false>>(rows, c, begin, end);
}

// Squares are summed in double: gradients that explode are what clipping is for, and 1e20 squared has no float.
typedef double Wide __attribute__((vector_size(WXB_VECTOR_BYTES)));
typedef float Half __attribute__((vector_size(WXB_VECTOR_BYTES / 2)));

WXB_INLINE void add_squares(Vec x, Wide* sums) {
  Half half[2];
  __builtin_memcpy(half, &x, sizeof(x));
  for (int k = 0; k < 2; ++k) {
    const Wide w = __builtin_convertvector(half[k], Wide);
    sums[k] += w * w;
  }
}

double squares(const float* x, int64_t count) {
  constexpr int64_t step = 2 * Vec::lanes;
  Wide sums[4] = {};
  int64_t i = 0;
  for (; i + step <= count; i += step)
    add_squares(Vec::load(x + i), sums), add_squares(Vec::load(x + i + Vec::lanes), sums + 2);
  for_vectors(
      count - i, [&](int64_t j) { add_squares(Vec::load(x + i + j), sums); },
      [&](int64_t j, int64_t n) { add_squares(Vec::load(x + i + j, n), sums + 2); });
  const Wide lanes = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  double total = 0;
  for (int64_t k = 0; k < Vec::lanes / 2; ++k) total += lanes[k];
  return total;
}

void scale(float* x, int64_t count, float factor) {
  for_vectors(
      count, [&](int64_t i) { (Vec(factor) * Vec::load(x + i)).store(x + i); },
      [&](int64_t i, int64_t n) { (Vec(factor) * Vec::load(x + i, n)).store(x + i, n); });
}

}  // namespace

extern const OptimizerTable<float> optimizer_float;
const OptimizerTable<float> optimizer_float{sgd, adam, rmsprop, squares, scale};

}  // namespace wxb::WXB_TARGET
