#include "core/divisor.cuh"
#include "core/elements.cuh"
#include "core/reduction.cuh"
#include "loss/loss.h"
#include "loss/loss_formulas.h"

namespace wxb::cuda {

namespace {

template <class T>
constexpr int pack_of = 16 / int(sizeof(T));

// ---- means over elements: Body::term(i) is what element i costs ----

template <class Body>
struct MeanBody {
  using Part = double;
  Body body;
  decltype(Body::loss) loss;
  int64_t count;
  __device__ double part(int64_t, int64_t k, int64_t to, int64_t step) const {
    double sum = 0;
#pragma unroll 4
    for (; k < to; k += step) sum += double(body.term(k));
    return sum;
  }
  __device__ static void merge(double& a, double b) { a += b; }
  __device__ void finish(int64_t, double sum) const { *loss = count ? sum / double(count) : 0; }
};

template <class Args, class Body>
void launch_mean(Context& context, const Args& a, const Body& body, int64_t count) {
  launch_reduction(context, MeanBody<Body>{body, body.loss, count}, cut_axis(1, count, 1), a.workspace.data);
}

template <class F, class T>
struct ErrorTerm {
  const T *prediction, *target;
  T* loss;
  T delta;
  __device__ T term(int64_t i) const { return F::value(prediction[i] - target[i], delta); }
};

template <class F, class T>
struct ErrorBackwardBody {
  static constexpr int pack = pack_of<T>;
  ErrorLossBackward<T> a;
  double share;  // 1 / n: a division here would cost registers
  template <int n>
  __device__ void run(int64_t i) const {
    const T scale = T(double(a.dy.data[0]) * share);
    auto p = load<n>(a.prediction.data + i), t = load<n>(a.target.data + i);
#pragma unroll
    for (int j = 0; j < n; ++j) {
      p.v[j] = scale * F::derivative(p.v[j] - t.v[j], a.delta);
      t.v[j] = -p.v[j];
    }
    if (a.dprediction) store(a.dprediction.data + i, p);
    if (a.dtarget) store(a.dtarget.data + i, t);
  }
};

// Weights that one element, those of a row or all have, from element i on.
template <int n, class T>
__device__ Pack<T, n> weights(const In<T>& w, int64_t i, int64_t size, int64_t row) {
  if (w && w.size != 1) return load<n>(w.data + (w.size == size ? i : i % row));
  const T same = w ? w.data[0] : T(1);
  Pack<T, n> v;
#pragma unroll
  for (int j = 0; j < n; ++j) v.v[j] = same;
  return v;
}

template <class T>
struct BceTerm {
  BinaryCrossEntropy<T> a;
  T* loss;
  __device__ T term(int64_t i) const {
    const T w = weights<1>(a.weight, i, a.x.size, a.row).v[0], q = weights<1>(a.pos_weight, i, a.x.size, a.row).v[0];
    return w * BinaryCrossEntropyFormula::value(a.x.data[i], a.target.data[i], q);
  }
};

template <class T>
struct BceBackwardBody {
  static constexpr int pack = pack_of<T>;
  BinaryCrossEntropyBackward<T> a;
  double share;
  template <int n>
  __device__ void run(int64_t i) const {
    const T scale = T(double(a.dy.data[0]) * share);
    auto x = load<n>(a.x.data + i);
    const auto t = load<n>(a.target.data + i);
    const auto w = weights<n>(a.weight, i, a.x.size, a.row), q = weights<n>(a.pos_weight, i, a.x.size, a.row);
#pragma unroll
    for (int j = 0; j < n; ++j) x.v[j] = scale * w.v[j] * BinaryCrossEntropyFormula::derivative(x.v[j], t.v[j], q.v[j]);
    store(a.dx.data + i, x);
  }
};

// ---- negative log-likelihood ----

// The label of a row that counts, -1 of others; one that is out of range is reported.
template <class Args>
__device__ int64_t label_of(const Args& a, const Status& status, int64_t row) {
  const int64_t label = a.labels.data[row];
  if (label == a.ignored) return -1;
  if (label >= 0 && label < a.classes) return label;
  report(status, Code::bad_index, uint64_t(row));
  return -1;
}

template <class T>
struct NllBody {
  struct Part {
    double loss, weight;
  };
  NegativeLogLikelihood<T> a;
  Status status;
  __device__ Part part(int64_t, int64_t k, int64_t to, int64_t step) const {
    Part sum{0, 0};
    for (; k < to; k += step) {
      const int64_t label = label_of(a, status, k);
      if (label < 0) continue;
      const double w = a.weight ? double(a.weight.data[label]) : 1.0;
      sum.loss -= w * double(a.x.data[k * a.classes + label]), sum.weight += w;
    }
    return sum;
  }
  __device__ static void merge(Part& a, const Part& b) { a.loss += b.loss, a.weight += b.weight; }
  __device__ void finish(int64_t, const Part& sum) const {
    a.total.data[0] = T(sum.weight), a.loss.data[0] = sum.weight == 0 ? T(0) : T(sum.loss / sum.weight);
  }
};

template <class T>
struct NllBackwardBody {
  static constexpr int pack = pack_of<T>;
  NegativeLogLikelihoodBackward<T> a;
  Divisor classes;
  Status status;
  template <int n>
  __device__ void run(int64_t i) const {
    const int64_t row = classes.quotient(i), label = label_of(a, status, row), first = i - row * a.classes;
    Pack<T, n> dx;
#pragma unroll
    for (int j = 0; j < n; ++j) dx.v[j] = first + j == label ? gradient(label) : T(0);
    store(a.dx.data + i, dx);
  }
  __device__ T gradient(int64_t label) const {
    const double total = double(a.total.data[0]), w = a.weight ? double(a.weight.data[label]) : 1.0;
    return total == 0 ? T(0) : T(-double(a.dy.data[0]) / total * w);
  }
};

}  // namespace

int64_t loss_workspace(int64_t count) { return 2 * parts_of(cut_axis(1, count, 1)); }

template <class T>
void loss_forward(const ErrorLoss<T>& a, Context& context) {
  switch (a.op) {
#define WXB_CASE(name, F)                                                                                   \
  case Loss::name:                                                                                          \
    return launch_mean(context, a, ErrorTerm<F, T>{a.prediction.data, a.target.data, a.loss.data, a.delta}, \
                       a.prediction.size);
    WXB_LOSS(WXB_CASE)
#undef WXB_CASE
  }
}

template <class T>
void loss_backward(const ErrorLossBackward<T>& a, Context& context) {
  const int64_t n = a.prediction.size;
  switch (a.op) {
#define WXB_CASE(name, F)                                                                                      \
  case Loss::name:                                                                                             \
    return launch_elements(context, ErrorBackwardBody<F, T>{a, 1.0 / double(n)}, n, n, a.prediction, a.target, \
                           a.dprediction, a.dtarget);
    WXB_LOSS(WXB_CASE)
#undef WXB_CASE
  }
}

template <class T>
void bce_with_logits_forward(const BinaryCrossEntropy<T>& a, Context& context) {
  launch_mean(context, a, BceTerm<T>{a, a.loss.data}, a.x.size);
}

template <class T>
void bce_with_logits_backward(const BinaryCrossEntropyBackward<T>& a, Context& context) {
  launch_elements(context, BceBackwardBody<T>{a, 1.0 / double(a.x.size)}, a.x.size, a.row, a.x, a.target, a.weight,
                  a.pos_weight, a.dx);
}

template <class T>
void nll_forward(const NegativeLogLikelihood<T>& a, Context& context) {
  launch_reduction(context, NllBody<T>{a, context.status()}, cut_axis(1, a.rows, 1), a.workspace.data);
}

template <class T>
void nll_backward(const NegativeLogLikelihoodBackward<T>& a, Context& context) {
  launch_elements(context, NllBackwardBody<T>{a, Divisor(a.classes), context.status()}, a.dx.size, a.classes, a.dx);
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

}  // namespace wxb::cuda
