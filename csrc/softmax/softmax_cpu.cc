#include <algorithm>

#include "core/isa.h"
#include "core/parallel_sum.h"
#include "core/ranges.h"
#include "softmax/softmax_formulas.h"
#include "softmax/softmax_table.h"

namespace wxb {

WXB_ROOM(SoftmaxTable<float>, softmax_float)

namespace ref {
extern const SoftmaxTable<double> softmax_double;
}

namespace cpu {

namespace {

template <class T>
const SoftmaxTable<T>& table() {
  if constexpr (std::is_same_v<T, float>)
    return softmax_float();
  else
    return ref::softmax_double;
}

constexpr int64_t few = 8192;  // elements that are worth a task: some microseconds of exponentials

int64_t rows_of(int64_t elements, int64_t classes) { return std::max<int64_t>(1, elements / classes); }

template <class Body>
void by_rows(int64_t rows, int64_t classes, Body body) {
  if (classes == 0) return;
  const int64_t taken = rows_of(task_elements(rows * classes, few), classes);
  parallel((rows + taken - 1) / taken, [&](int64_t task) { body(task * taken, std::min(rows, (task + 1) * taken)); });
}

}  // namespace

template <class T>
void softmax_forward(const Softmax<T>& a, Context&) {
  by_rows(a.rows, a.classes, [&](int64_t begin, int64_t end) { table<T>().softmax(a, begin, end); });
}

template <class T>
void log_softmax_forward(const Softmax<T>& a, Context&) {
  by_rows(a.rows, a.classes, [&](int64_t begin, int64_t end) { table<T>().log_softmax(a, begin, end); });
}

template <class T>
void softmax_backward(const SoftmaxBackward<T>& a, Context&) {
  by_rows(a.rows, a.classes, [&](int64_t begin, int64_t end) { table<T>().softmax_backward(a, begin, end); });
}

template <class T>
void log_softmax_backward(const SoftmaxBackward<T>& a, Context&) {
  by_rows(a.rows, a.classes, [&](int64_t begin, int64_t end) { table<T>().log_softmax_backward(a, begin, end); });
}

namespace {

// Does the row count? With labels, one that is out of range is reported.
template <class Args>
bool counts(const Args& a, int64_t row, Context& context) {
  if (a.targets) return true;
  const int64_t label = a.labels.data[row];
  if (label == a.ignored) return false;
  if (label >= 0 && label < a.classes) return true;
  context.report(Code::bad_index, uint64_t(row));
  return false;
}

template <class T, template <class> class Args>
TargetRow<T> target_row(const Args<T>& a, int64_t row, T largest) {
  const auto [keep, floor] = ref::smoothing_of(a.smoothing, a.classes);
  return {a.x.data + row * a.classes,
          a.targets ? a.targets.data + row * a.classes : nullptr,
          a.weight.data,
          keep,
          floor,
          largest,
          a.classes};
}

template <class Args>
double weight_of(const Args& a, int64_t label) {
  return a.weight ? double(a.weight.data[label]) : 1.0;
}

struct Totals {
  double loss = 0, weight = 0;
  void operator+=(const Totals& b) { loss += b.loss, weight += b.weight; }
};

template <class T>
Totals row_loss(const CrossEntropy<T>& a, int64_t row, T largest, T log_sum) {
  const auto target = target_row(a, row, largest);
  Totals t{0, 1};
  if (a.targets || target.floor != T(0)) t.loss = table<T>().target_sums(target, log_sum).loss;
  if (a.labels) {
    const int64_t label = a.labels.data[row];
    t.weight = weight_of(a, label);
    t.loss += double(target.keep) * t.weight * (double(log_sum) - (double(target.x[label]) - double(largest)));
  }
  return t;
}

constexpr int64_t block = 64;  // rows whose logarithms are taken together

template <class T>
Totals losses(const CrossEntropy<T>& a, int64_t begin, int64_t end, Context& context) {
  Totals total;
  T log_sum[block];
  for (int64_t first = begin; first < end; first += block) {
    const int64_t rows = std::min(block, end - first);
    T* const largest = a.saved.data + first;
    table<T>().log_sum_exp(a.x.data + first * a.classes, rows, a.classes, largest, largest + a.rows, log_sum);
    for (int64_t i = 0; i < rows; ++i)
      if (counts(a, first + i, context)) total += row_loss(a, first + i, largest[i], log_sum[i]);
  }
  return total;
}

}  // namespace

int64_t cross_entropy_workspace(int64_t) { return 0; }

template <class T>
void cross_entropy_forward(const CrossEntropy<T>& a, Context& context) {
  const Totals total = parallel_sum(a.rows, rows_of(few, a.classes),
                                    [&](int64_t begin, int64_t end) { return losses(a, begin, end, context); });
  a.saved.data[2 * a.rows] = T(total.weight);
  a.loss.data[0] = total.weight == 0 ? T(0) : T(total.loss / total.weight);
}

template <class T>
void cross_entropy_backward(const CrossEntropyBackward<T>& a, Context& context) {
  const double total = double(a.saved.data[2 * a.rows]), scale = total == 0 ? 0 : double(a.dy.data[0]) / total;
  by_rows(a.rows, a.classes, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      T* const dx = a.dx.data + row * a.classes;
      if (!counts(a, row, context) || total == 0) {
        std::fill(dx, dx + a.classes, T(0));
        continue;
      }
      const auto target = target_row(a, row, a.saved.data[row]);
      double mass = 0, own = 0;
      if (a.targets || target.floor != T(0)) mass = table<T>().target_sums(target, T(0)).mass;
      if (a.labels) mass += own = double(target.keep) * weight_of(a, a.labels.data[row]);
      table<T>().gradient(target, T(scale * mass / double(a.saved.data[a.rows + row])), T(scale), dx);
      if (a.labels) dx[a.labels.data[row]] -= T(scale * own);
    }
  });
}

#define WXB_FLOAT(T)                                                       \
  template void softmax_forward(const Softmax<T>&, Context&);              \
  template void softmax_backward(const SoftmaxBackward<T>&, Context&);     \
  template void log_softmax_forward(const Softmax<T>&, Context&);          \
  template void log_softmax_backward(const SoftmaxBackward<T>&, Context&); \
  template void cross_entropy_forward(const CrossEntropy<T>&, Context&);   \
  template void cross_entropy_backward(const CrossEntropyBackward<T>&, Context&);
WXB_FLOAT(float)
WXB_FLOAT(double)

}  // namespace cpu
}  // namespace wxb
