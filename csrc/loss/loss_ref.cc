#include "loss/loss_formulas.h"
#include "loss/loss_table.h"

namespace wxb::ref {

namespace {

template <class F, class T>
double error_loop(const ErrorLoss<T>& a, int64_t begin, int64_t end) {
  double sum = 0;
  for (int64_t i = begin; i < end; ++i) sum += double(F::value(a.prediction.data[i] - a.target.data[i], a.delta));
  return sum;
}

template <class F, class T>
void error_backward_loop(const ErrorLossBackward<T>& a, T scale, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const T gradient = scale * F::derivative(a.prediction.data[i] - a.target.data[i], a.delta);
    if (a.dprediction) a.dprediction.data[i] = gradient;
    if (a.dtarget) a.dtarget.data[i] = -gradient;
  }
}

template <class T>
double error(const ErrorLoss<T>& a, int64_t begin, int64_t end) {
  switch (a.op) {
#define WXB_CASE(name, F) \
  case Loss::name: return error_loop<F>(a, begin, end);
    WXB_LOSS(WXB_CASE)
#undef WXB_CASE
  }
  return 0;
}

template <class T>
void error_backward(const ErrorLossBackward<T>& a, T scale, int64_t begin, int64_t end) {
  switch (a.op) {
#define WXB_CASE(name, F) \
  case Loss::name: return error_backward_loop<F>(a, scale, begin, end);
    WXB_LOSS(WXB_CASE)
#undef WXB_CASE
  }
}

template <class T>
double bce(const BinaryCrossEntropy<T>& a, int64_t begin, int64_t end) {
  double sum = 0;
  for (int64_t i = begin; i < end; ++i) {
    const T w = *repeated(a.weight, T(1), i, a.x.size, a.row).p,
            q = *repeated(a.pos_weight, T(1), i, a.x.size, a.row).p;
    sum += double(w * BinaryCrossEntropyFormula::value(a.x.data[i], a.target.data[i], q));
  }
  return sum;
}

template <class T>
void bce_backward(const BinaryCrossEntropyBackward<T>& a, T scale, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const T w = *repeated(a.weight, T(1), i, a.x.size, a.row).p,
            q = *repeated(a.pos_weight, T(1), i, a.x.size, a.row).p;
    a.dx.data[i] = scale * w * BinaryCrossEntropyFormula::derivative(a.x.data[i], a.target.data[i], q);
  }
}

}  // namespace

extern const LossTable<float> loss_float;
extern const LossTable<double> loss_double;
const LossTable<float> loss_float{error, error_backward, bce, bce_backward};
const LossTable<double> loss_double{error, error_backward, bce, bce_backward};

}  // namespace wxb::ref
