#include "core/simd_math.h"
#include "core/simd_sum.h"
#include "loss/loss_formulas.h"
#include "loss/loss_table.h"

namespace wxb::WXB_TARGET {

namespace {

template <class F>
double error_loop(const ErrorLoss<float>& a, int64_t begin, int64_t end) {
  const float *p = a.prediction.data + begin, *t = a.target.data + begin;
  return sum_of(end - begin,
                [&](auto lanes, int64_t i) { return F::value(lanes.load(p + i) - lanes.load(t + i), Vec(a.delta)); });
}

template <class F>
void error_backward_loop(const ErrorLossBackward<float>& a, float scale, int64_t begin, int64_t end) {
  const float *p = a.prediction.data, *t = a.target.data;
  for_lanes(begin, end, [&](auto lanes, int64_t i) {
    const Vec gradient = Vec(scale) * F::derivative(lanes.load(p + i) - lanes.load(t + i), Vec(a.delta));
    if (a.dprediction) lanes.store(gradient, a.dprediction.data + i);
    if (a.dtarget) lanes.store(-gradient, a.dtarget.data + i);
  });
}

double error(const ErrorLoss<float>& a, int64_t begin, int64_t end) {
  switch (a.op) {
#define WXB_CASE(name, F) \
  case Loss::name: return error_loop<F>(a, begin, end);
    WXB_LOSS(WXB_CASE)
#undef WXB_CASE
  }
  return 0;
}

void error_backward(const ErrorLossBackward<float>& a, float scale, int64_t begin, int64_t end) {
  switch (a.op) {
#define WXB_CASE(name, F) \
  case Loss::name: return error_backward_loop<F>(a, scale, begin, end);
    WXB_LOSS(WXB_CASE)
#undef WXB_CASE
  }
}

// The operands of a binary cross-entropy from element `from` on, within a row.
struct Piece {
  const float *x, *target;
  Repeated<float> weight, pos_weight;

  template <class Args>
  Piece(const Args& a, int64_t from)
      : x(a.x.data + from),
        target(a.target.data + from),
        weight(repeated(a.weight, one, from, a.x.size, a.row)),
        pos_weight(repeated(a.pos_weight, one, from, a.x.size, a.row)) {}

  template <class Lanes>
  WXB_INLINE static Vec load(Repeated<float> r, Lanes lanes, int64_t i) {
    return r.step ? lanes.load(r.p + i) : Vec(*r.p);
  }
  template <class Lanes>
  WXB_INLINE Vec value(Lanes lanes, int64_t i) const {
    const Vec q = load(pos_weight, lanes, i);
    return load(weight, lanes, i) * BinaryCrossEntropyFormula::value(lanes.load(x + i), lanes.load(target + i), q);
  }
  template <class Lanes>
  WXB_INLINE Vec derivative(Lanes lanes, int64_t i) const {
    const Vec q = load(pos_weight, lanes, i);
    return load(weight, lanes, i) * BinaryCrossEntropyFormula::derivative(lanes.load(x + i), lanes.load(target + i), q);
  }

  static constexpr float one = 1;
};

double bce(const BinaryCrossEntropy<float>& a, int64_t begin, int64_t end) {
  double sum = 0;
  for_row_pieces(a.row, begin, end, [&](int64_t from, int64_t n) {
    const Piece piece(a, from);
    sum += sum_of(n, [&](auto lanes, int64_t i) { return piece.value(lanes, i); });
  });
  return sum;
}

void bce_backward(const BinaryCrossEntropyBackward<float>& a, float scale, int64_t begin, int64_t end) {
  for_row_pieces(a.row, begin, end, [&](int64_t from, int64_t n) {
    const Piece piece(a, from);
    float* const dx = a.dx.data + from;
    for_lanes(0, n, [&](auto lanes, int64_t i) { lanes.store(Vec(scale) * piece.derivative(lanes, i), dx + i); });
  });
}

}  // namespace

extern const LossTable<float> loss_float;
const LossTable<float> loss_float{error, error_backward, bce, bce_backward};

}  // namespace wxb::WXB_TARGET
