#include <algorithm>

#include "core/isa.h"
#include "core/parallel_sum.h"
#include "loss/loss_table.h"

namespace wxb {

WXB_ROOM(LossTable<float>, loss_float)

namespace ref {
extern const LossTable<double> loss_double;
}

namespace cpu {

namespace {

template <class T>
const LossTable<T>& table() {
  if constexpr (std::is_same_v<T, float>)
    return loss_float();
  else
    return ref::loss_double;
}

constexpr int64_t range = 16384;  // elements that are worth a task

template <class Sum>
double mean(int64_t count, Sum sum) {
  return count ? parallel_sum(count, range, sum) / double(count) : 0.0;
}

template <class Body>
void by_range(int64_t count, Body body) {
  parallel((count + range - 1) / range, [&](int64_t task) { body(task * range, std::min(count, (task + 1) * range)); });
}

}  // namespace

int64_t loss_workspace(int64_t) { return 0; }

template <class T>
void loss_forward(const ErrorLoss<T>& a, Context&) {
  a.loss.data[0] =
      T(mean(a.prediction.size, [&](int64_t begin, int64_t end) { return table<T>().error(a, begin, end); }));
}

template <class T>
void loss_backward(const ErrorLossBackward<T>& a, Context&) {
  const T scale = T(double(a.dy.data[0]) / double(a.prediction.size));
  by_range(a.prediction.size, [&](int64_t begin, int64_t end) { table<T>().error_backward(a, scale, begin, end); });
}

template <class T>
void bce_with_logits_forward(const BinaryCrossEntropy<T>& a, Context&) {
  a.loss.data[0] = T(mean(a.x.size, [&](int64_t begin, int64_t end) { return table<T>().bce(a, begin, end); }));
}

template <class T>
void bce_with_logits_backward(const BinaryCrossEntropyBackward<T>& a, Context&) {
  const T scale = T(double(a.dy.data[0]) / double(a.x.size));
  by_range(a.x.size, [&](int64_t begin, int64_t end) { table<T>().bce_backward(a, scale, begin, end); });
}

namespace {

struct Totals {
  double loss = 0, weight = 0;
  void operator+=(const Totals& b) { loss += b.loss, weight += b.weight; }
};

// Does the row count? A label that is out of range is reported.
template <class Args>
bool counts(const Args& a, int64_t row, Context& context) {
  const int64_t label = a.labels.data[row];
  if (label == a.ignored) return false;
  if (label >= 0 && label < a.classes) return true;
  context.report(Code::bad_index, uint64_t(row));
  return false;
}

template <class Args>
double weight_of(const Args& a, int64_t row) {
  return a.weight ? double(a.weight.data[a.labels.data[row]]) : 1.0;
}

}  // namespace

template <class T>
void nll_forward(const NegativeLogLikelihood<T>& a, Context& context) {
  const Totals total = parallel_sum(a.rows, range, [&](int64_t begin, int64_t end) {
    Totals t;
    for (int64_t row = begin; row < end; ++row)
      if (counts(a, row, context)) {
        const double w = weight_of(a, row);
        t += {-w * double(a.x.data[row * a.classes + a.labels.data[row]]), w};
      }
    return t;
  });
  a.total.data[0] = T(total.weight);
  a.loss.data[0] = total.weight == 0 ? T(0) : T(total.loss / total.weight);
}

template <class T>
void nll_backward(const NegativeLogLikelihoodBackward<T>& a, Context& context) {
  const double total = double(a.total.data[0]), scale = total == 0 ? 0.0 : -double(a.dy.data[0]) / total;
  const int64_t taken = std::max<int64_t>(1, range / a.classes);
  parallel((a.rows + taken - 1) / taken, [&](int64_t task) {
    for (int64_t row = task * taken; row < std::min(a.rows, (task + 1) * taken); ++row) {
      T* const dx = a.dx.data + row * a.classes;
      std::fill(dx, dx + a.classes, T(0));
      if (counts(a, row, context)) dx[a.labels.data[row]] = T(scale * weight_of(a, row));
    }
  });
}

#define WXB_FLOAT(T)                                                                      \
  template void loss_forward(const ErrorLoss<T>&, Context&);                              \
  template void loss_backward(const ErrorLossBackward<T>&, Context&);                     \
  template void bce_with_logits_forward(const BinaryCrossEntropy<T>&, Context&);          \
  template void bce_with_logits_backward(const BinaryCrossEntropyBackward<T>&, Context&); \
  template void nll_forward(const NegativeLogLikelihood<T>&, Context&);                   \
  template void nll_backward(const NegativeLogLikelihoodBackward<T>&, Context&);
WXB_FLOAT(float)
WXB_FLOAT(double)

}  // namespace cpu
}  // namespace wxb
