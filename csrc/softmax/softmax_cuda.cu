#include "core/kept_rows.cuh"
#include "core/reduction.cuh"
#include "softmax/softmax.h"
#include "softmax/softmax_formulas.h"

// A team has a row: softmax and the gradients keep it in registers from the first pass to the last.
namespace wxb::cuda {

namespace {

template <class T>
struct SoftmaxBody {
  Softmax<T> a;
  template <class Cut>
  __device__ void run(const Cut& cut, int64_t i) const {
    const auto x = cut.row(a.x.data + i * a.classes);
    const T largest = cut.largest(x);
    const T scale = T(1) / cut.template sum<T>([&](At at) { return exp(x[at] - largest); });
    cut.write(a.y.data + i * a.classes, [&](At at) { return exp(x[at] - largest) * scale; });
  }
};

template <class T>
struct LogSoftmaxBody {
  Softmax<T> a;
  template <class Cut>
  __device__ void run(const Cut& cut, int64_t i) const {
    const auto x = cut.row(a.x.data + i * a.classes);
    const T largest = cut.largest(x);
    const T log_sum = log(cut.template sum<T>([&](At at) { return exp(x[at] - largest); }));
    cut.write(a.y.data + i * a.classes, [&](At at) { return x[at] - largest - log_sum; });
  }
};

template <class T>
struct SoftmaxBackwardBody {
  SoftmaxBackward<T> a;
  template <class Cut>
  __device__ void run(const Cut& cut, int64_t i) const {
    const auto y = cut.row(a.y.data + i * a.classes), dy = cut.row(a.dy.data + i * a.classes);
    const T dot = cut.template sum<T>([&](At at) { return y[at] * dy[at]; });
    cut.write(a.dx.data + i * a.classes, [&](At at) { return y[at] * (dy[at] - dot); });
  }
};

template <class T>
struct LogSoftmaxBackwardBody {
  SoftmaxBackward<T> a;
  template <class Cut>
  __device__ void run(const Cut& cut, int64_t i) const {
    const auto y = cut.row(a.y.data + i * a.classes), dy = cut.row(a.dy.data + i * a.classes);
    const T sum = cut.template sum<T>([&](At at) { return dy[at]; });
    cut.write(a.dx.data + i * a.classes, [&](At at) { return fma(-exp(y[at]), sum, dy[at]); });
  }
};

}  // namespace

template <class T>
void softmax_forward(const Softmax<T>& a, Context& context) {
  launch_kept_rows<T>(context, a.rows, a.classes, SoftmaxBody<T>{a}, a.x, a.y);
}

template <class T>
void log_softmax_forward(const Softmax<T>& a, Context& context) {
  launch_kept_rows<T>(context, a.rows, a.classes, LogSoftmaxBody<T>{a}, a.x, a.y);
}

template <class T>
void softmax_backward(const SoftmaxBackward<T>& a, Context& context) {
  launch_kept_rows<T>(context, a.rows, a.classes, SoftmaxBackwardBody<T>{a}, a.y, a.dy, a.dx);
}

template <class T>
void log_softmax_backward(const SoftmaxBackward<T>& a, Context& context) {
  launch_kept_rows<T>(context, a.rows, a.classes, LogSoftmaxBackwardBody<T>{a}, a.y, a.dy, a.dx);
}

// ---- cross-entropy ----

namespace {

// w_j q_j of the row's target distribution, without a label's share.
template <class T, class Cut>
class Target {
 public:
  template <class Args>
  __device__ Target(const Cut& cut, const Args& a, int64_t row)
      : target_(cut, a.targets ? a.targets.data + row * a.classes : nullptr, T(0)),
        weight_(cut, a.weight.data, T(1)),
        smoothing_(smoothing_of<T>(a.smoothing, a.classes)) {}
  __device__ T operator[](At at) const { return weight_[at] * smoothing_(target_[at]); }

 private:
  typename Cut::template Shared<T> target_, weight_;
  Smoothing<T> smoothing_;
};

// Is there more to a row's target than its label?
template <class Args>
__device__ bool is_spread(const Args& a) {
  return a.targets || a.smoothing != 0;
}

template <class Args>
__device__ bool counts(const Args& a, const Status& status, int64_t row, bool leads) {
  if (a.targets) return true;
  const int64_t label = a.labels.data[row];
  const bool fits = label >= 0 && label < a.classes;
  if (!fits && label != a.ignored && leads) report(status, Code::bad_index, uint64_t(row));
  return fits && label != a.ignored;
}

template <class T, class Args>
__device__ T weight_of(const Args& a, int64_t label) {
  return a.weight ? a.weight.data[label] : T(1);
}

struct Totals {
  double loss, weight;
};

// Leaves each row's loss and its weight in the workspace.
template <class T>
struct CrossEntropyBody {
  CrossEntropy<T> a;
  Status status;

  template <class Cut>
  __device__ void run(const Cut& cut, int64_t i) const {
    const auto x = cut.row(a.x.data + i * a.classes);
    const T largest = cut.largest(x), sum = cut.template sum<T>([&](At at) { return exp(x[at] - largest); });
    const T log_sum = log(sum);
    T spread = 0;
    if (is_spread(a)) {
      const Target<T, Cut> target(cut, a, i);
      spread = cut.template sum<T>([&](At at) {
        const T wq = target[at], loss = wq * (log_sum - (x[at] - largest));
        return wq == T(0) ? T(0) : loss;  // 0 log 0 is 0
      });
    }
    if (!cut.leads()) return;
    a.saved.data[i] = largest, a.saved.data[a.rows + i] = sum;
    reinterpret_cast<Totals*>(a.workspace.data)[i] = totals(i, double(spread), double(largest) + double(log_sum));
  }

  __device__ Totals totals(int64_t i, double spread, double log_sum_exp) const {
    if (!counts(a, status, i, true)) return {0, 0};
    if (a.targets) return {spread, 1};
    const int64_t label = a.labels.data[i];
    const double w = double(weight_of<T>(a, label)), keep = 1 - double(a.smoothing);
    return {spread + keep * w * (log_sum_exp - double(a.x.data[i * a.classes + label])), w};
  }
};

// The sum of the rows' losses over that of their weights.
template <class T>
struct MeanOfRows {
  using Part = Totals;
  const Totals* rows;
  T *loss, *total;
  __device__ Totals part(int64_t, int64_t k, int64_t to, int64_t step) const {
    Totals mine{};
#pragma unroll 4
    for (; k < to; k += step) merge(mine, rows[k]);
    return mine;
  }
  __device__ static void merge(Totals& a, const Totals& b) { a.loss += b.loss, a.weight += b.weight; }
  __device__ void finish(int64_t, const Totals& t) const {
    *total = T(t.weight), *loss = t.weight == 0 ? T(0) : T(t.loss / t.weight);
  }
};

template <class T>
struct CrossEntropyBackwardBody {
  CrossEntropyBackward<T> a;
  Status status;

  template <class Cut>
  __device__ void run(const Cut& cut, int64_t i) const {
    T* const dx = a.dx.data + i * a.classes;
    const T total = a.saved.data[2 * a.rows];
    if (!counts(a, status, i, cut.leads()) || total == T(0)) return cut.write(dx, [](At) { return T(0); });
    const T scale = T(double(a.dy.data[0]) / double(total)), largest = a.saved.data[i];
    const Target<T, Cut> target(cut, a, i);
    const auto x = cut.row(a.x.data + i * a.classes);
    T mass = is_spread(a) ? cut.template sum<T>([&](At at) { return target[at]; }) : T(0), own = 0;
    const int64_t label = a.labels ? a.labels.data[i] : -1;
    if (a.labels) mass += own = (T(1) - a.smoothing) * weight_of<T>(a, label);
    const T factor = scale * mass / a.saved.data[a.rows + i];
    cut.write(dx, [&](At at) {
      const T spread = is_spread(a) ? target[at] : T(0), wq = at.column == label ? spread + own : spread;
      return factor * exp(x[at] - largest) - scale * wq;
    });
  }
};

}  // namespace

int64_t cross_entropy_workspace(int64_t rows) { return 2 * (rows + parts_of(cut_axis(1, rows, 1))); }

template <class T>
void cross_entropy_forward(const CrossEntropy<T>& a, Context& context) {
  launch_kept_rows<T>(context, a.rows, a.classes, CrossEntropyBody<T>{a, context.status()}, a.x, a.targets, a.weight);
  const MeanOfRows<T> mean{reinterpret_cast<const Totals*>(a.workspace.data), a.loss.data, a.saved.data + 2 * a.rows};
  launch_reduction(context, mean, cut_axis(1, a.rows, 1), a.workspace.data + 2 * a.rows);
}

template <class T>
void cross_entropy_backward(const CrossEntropyBackward<T>& a, Context& context) {
  launch_kept_rows<T>(context, a.rows, a.classes, CrossEntropyBackwardBody<T>{a, context.status()}, a.x, a.targets,
                      a.weight, a.dx);
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

}  // namespace wxb::cuda
