#include "core/divisor.cuh"
#include "core/elements.cuh"
#include "core/reduction.cuh"
#include "reduce/reduce.h"
#include "reduce/reduce_formulas.h"

namespace wxb::cuda {

namespace {

// What is known of an output after n of its elements.
struct Partial {
  double n, value, second;
};

template <class R, class T>
struct ReduceBody {
  using Part = Partial;
  Reduce<T> a;

  __device__ Part part(int64_t output, int64_t k, int64_t to, int64_t step) const {
    const T* const x = a.x.data + output / a.inner * a.count * a.inner + output % a.inner;
    const double about = k < to ? double(a.about ? a.about.data[output] : x[0]) : 0.0;
    Part p{0, R::start, R::places ? infinity : 0.0};
#pragma unroll 4
    for (; k < to; k += step, ++p.n)
      R::merge(p.n, p.value, p.second, 1.0, R::element(double(x[k * a.inner]), about), R::places ? double(k) : 0.0);
    return p;
  }

  __device__ static void merge(Part& a, const Part& b) {
    if (b.n == 0) return;
    if (a.n == 0)
      a = b;
    else
      R::merge(a.n, a.value, a.second, b.n, b.value, b.second), a.n += b.n;
  }

  // Of nothing the sums are 0, mean and var NaN (0 / 0).
  __device__ void finish(int64_t output, const Part& p) const {
    const double n = double(a.count) - a.correction;
    switch (a.op) {
      case Reduction::argmax:
      case Reduction::argmin: a.index.data[output] = int64_t(p.second); return;
      case Reduction::mean: a.y.data[output] = T(p.value / double(a.count)); return;
      case Reduction::norm: a.y.data[output] = T(sqrt(p.value)); return;
      case Reduction::var: a.y.data[output] = T(p.second / (n < 0 ? 0.0 : n)); return;
      default: a.y.data[output] = T(p.value);
    }
  }
};

template <class R, class T>
void run(Context& context, const Reduce<T>& a) {
  launch_reduction(context, ReduceBody<R, T>{a}, cut_axis(a.outer, a.count, a.inner), a.workspace.data);
}

template <class G, class T>
struct ReduceBackwardBody {
  static constexpr int pack = 16 / int(sizeof(T));
  ReduceBackward<T> a;
  Divisor by_row, by_inner;  // count inner, inner

  // What an output has one of: the same for a pack along the axis, a pack of its own where there is an inner one.
  template <int n>
  __device__ Pack<T, n> of_output(const In<T>& operand, int64_t at) const {
    if (operand && a.inner > 1) return load<n>(operand.data + at);
    const T same = operand ? operand.data[at] : T(0);
    Pack<T, n> v;
#pragma unroll
    for (int j = 0; j < n; ++j) v.v[j] = same;
    return v;
  }

  template <int n>
  __device__ void run(int64_t i) const {
    const int64_t row = by_row.quotient(i), at = row * a.inner + (i - by_inner.quotient(i) * a.inner);
    const auto y = of_output<n>(a.y, at), ties = of_output<n>(a.ties, at), dy = of_output<n>(a.dy, at);
    auto dx = G::reads_x ? load<n>(a.x.data + i) : dy;
#pragma unroll
    for (int j = 0; j < n; ++j) dx.v[j] = G::gradient(dx.v[j], y.v[j], ties.v[j], dy.v[j], a.scale);
    store(a.dx.data + i, dx);
  }
};

template <class G, class T>
void run_backward(Context& context, const ReduceBackward<T>& a) {
  const ReduceBackwardBody<G, T> body{a, Divisor(a.count * a.inner), Divisor(a.inner)};
  if (a.inner == 1) return launch_elements(context, body, a.dx.size, a.count, a.x, a.dx);
  launch_elements(context, body, a.dx.size, a.inner, a.x, a.y, a.ties, a.dy, a.dx);
}

template <class T>
struct FiniteBody {
  static constexpr int pack = 16 / int(sizeof(T));
  CheckFinite<T> a;
  Status status;
  template <int n>
  __device__ void run(int64_t i) const {
    const auto x = load<n>(a.x.data + i);
#pragma unroll
    for (int j = 0; j < n; ++j)
      if (!(abs(x.v[j]) < T(infinity))) report(status, Code::non_finite, uint64_t(i + j));
  }
};

}  // namespace

int64_t reduce_workspace(int64_t outer, int64_t count, int64_t inner) {
  return parts_of(cut_axis(outer, count, inner)) * int64_t(sizeof(Partial) / sizeof(double));
}

template <class T>
void reduce(const Reduce<T>& a, Context& context) {
  switch (a.op) {
    case Reduction::sum:
    case Reduction::mean: return run<Values>(context, a);
    case Reduction::max: return run<Extremes<true>>(context, a);
    case Reduction::min: return run<Extremes<false>>(context, a);
    case Reduction::norm: return run<Squares>(context, a);
    case Reduction::var: return run<Deviations>(context, a);
    case Reduction::ties: return run<Ties>(context, a);
    case Reduction::argmax: return run<Places<true>>(context, a);
    case Reduction::argmin: return run<Places<false>>(context, a);
  }
}

template <class T>
void reduce_backward(const ReduceBackward<T>& a, Context& context) {
  switch (a.op) {
    case Reduction::max:
    case Reduction::min: return run_backward<SharedGradient>(context, a);
    case Reduction::norm: return run_backward<NormGradient>(context, a);
    case Reduction::var: return run_backward<SpreadGradient>(context, a);
    default: return run_backward<ScaledGradient>(context, a);
  }
}

template <class T>
void check_finite(const CheckFinite<T>& a, Context& context) {
  launch_elements(context, FiniteBody<T>{a, context.status()}, a.x.size, a.x.size, a.x);
}

#define WXB_FLOAT(T)                                                 \
  template void reduce(const Reduce<T>&, Context&);                  \
  template void reduce_backward(const ReduceBackward<T>&, Context&); \
  template void check_finite(const CheckFinite<T>&, Context&);
WXB_FLOAT(float)
WXB_FLOAT(double)

}  // namespace wxb::cuda
