#include "reduce/reduce_formulas.h"
#include "reduce/reduce_table.h"

namespace wxb::ref {

namespace {

template <class R, class T>
void by(const Reduce<T>& a, int64_t first, int64_t width, int64_t from, int64_t to, Partial& result) {
  for (int64_t j = 0; j < width; ++j) {
    const int64_t output = first + j;
    const T* x = a.x.data + output / a.inner * a.count * a.inner + output % a.inner;
    const double about = double(a.about ? a.about.data[output] : x[from * a.inner]);
    double value = R::start, second = R::places ? infinity : 0.0;
    for (int64_t k = from; k < to; ++k)
      R::merge(double(k - from), value, second, 1.0, R::element(double(x[k * a.inner]), about),
               R::places ? double(k) : 0.0);
    result.value[j] = a.op == Reduction::var ? value + about : value;
    result.second[j] = second;
  }
  result.n = double(to - from);
}

template <class T>
void partial(const Reduce<T>& a, int64_t first, int64_t width, int64_t from, int64_t to, Partial& result) {
  switch (a.op) {
    case Reduction::sum:
    case Reduction::mean: return by<Values>(a, first, width, from, to, result);
    case Reduction::max: return by<Extremes<true>>(a, first, width, from, to, result);
    case Reduction::min: return by<Extremes<false>>(a, first, width, from, to, result);
    case Reduction::norm: return by<Squares>(a, first, width, from, to, result);
    case Reduction::var: return by<Deviations>(a, first, width, from, to, result);
    case Reduction::ties: return by<Ties>(a, first, width, from, to, result);
    case Reduction::argmax: return by<Places<true>>(a, first, width, from, to, result);
    case Reduction::argmin: return by<Places<false>>(a, first, width, from, to, result);
  }
}

template <class G, class T>
void gradients(const ReduceBackward<T>& a, int64_t begin, int64_t end) {
  const auto at = [](const In<T>& operand, int64_t i) { return operand ? operand.data[i] : T(0); };
  for_pieces(a.count, a.inner, begin, end, [&](int64_t i, int64_t n, int64_t output, int64_t step) {
    for (int64_t j = 0; j < n; ++j, output += step)
      a.dx.data[i + j] = G::gradient(at(a.x, i + j), at(a.y, output), at(a.ties, output), a.dy.data[output], a.scale);
  });
}

template <class T>
void backward(const ReduceBackward<T>& a, int64_t begin, int64_t end) {
  switch (a.op) {
    case Reduction::max:
    case Reduction::min: return gradients<SharedGradient>(a, begin, end);
    case Reduction::norm: return gradients<NormGradient>(a, begin, end);
    case Reduction::var: return gradients<SpreadGradient>(a, begin, end);
    default: return gradients<ScaledGradient>(a, begin, end);
  }
}

}  // namespace

extern const ReduceTable<float> reduce_float;
extern const ReduceTable<double> reduce_double;
const ReduceTable<float> reduce_float{partial, backward};
const ReduceTable<double> reduce_double{partial, backward};

}  // namespace wxb::ref
