#include "core/simd_sum.h"
#include "reduce/reduce_formulas.h"
#include "reduce/reduce_table.h"

namespace wxb::WXB_TARGET {

namespace {

constexpr int64_t chunk = sum_chunk;  // of a row: 16 KB, read twice by the variance, fits the L1 cache
constexpr int64_t group = 16;         // rows of a column reduction that are reduced before they go into double
constexpr int64_t narrow = 64;        // columns, below which several rows are taken as one

// Every reduction is float32 within a chunk or group and merged in double beyond:
//   along(x, n, about, value, second)                                     n neighbours, at most a chunk
//   down(x, stride, rows, lanes, i, about, value, second)                 at most a group of rows, a vector of columns
//   settle(value, second, x0, k)      makes the two numbers absolute: x0 was the first element, k its place
struct Absolute {
  static constexpr bool is_place = false;
  WXB_INLINE static void settle(double&, double&, double, double) {}
};

// Those with one number: a step per element, and a join of two numbers.
template <class S>
struct OneNumber : S, Absolute {
  static void along(const float* x, int64_t n, float about, double& value, double& second) {
    const auto step = [&](Vec a, auto lanes, int64_t i) { return S::step(a, lanes.load(x + i), Vec(about)); };
    value = double(across(fold(0, n, Vec(S::start), step, S::join), S::join)), second = 0;
  }

  template <class Lanes>
  WXB_INLINE static void down(const float* x, int64_t stride, int64_t rows, Lanes lanes, int64_t i, const float* about,
                              float* value, float*) {
    Vec a(S::start);
    const Vec b = S::about ? lanes.load(about + i) : a;
    for (int64_t r = 0; r < rows; ++r) a = S::step(a, lanes.load(x + r * stride + i), b);
    lanes.store(a, value + i);
  }
};

WXB_INLINE Mask equal(Vec x, Vec y) { return (x == y) | ((x != x) & (y != y)); }

struct SumStep : Added {
  static constexpr float start = 0;
  static constexpr bool about = false;
  WXB_INLINE static Vec step(Vec a, Vec x, Vec) { return a + x; }
  WXB_INLINE static Vec join(Vec a, Vec b) { return a + b; }
};
struct SquareStep : SumStep {
  WXB_INLINE static Vec step(Vec a, Vec x, Vec) { return fma(x, x, a); }
};
struct TieStep : SumStep {
  static constexpr bool about = true;
  WXB_INLINE static Vec step(Vec a, Vec x, Vec y) { return a + select(equal(x, y), Vec(1.f), Vec(0.f)); }
};
template <bool largest>
struct ExtremeStep : Extreme<largest> {
  static constexpr float start = largest ? -__builtin_inff() : __builtin_inff();
  static constexpr bool about = false;
  WXB_INLINE static Vec join(Vec a, Vec b) { return select((largest ? b > a : b < a) | (b != b), b, a); }
  WXB_INLINE static Vec step(Vec a, Vec x, Vec) { return join(a, x); }
};

// Mean and deviations are taken from the first element, so a large mean costs no digits.
struct Variance : Spread {
  static constexpr bool about = false, is_place = false;
  WXB_INLINE static void settle(double& value, double&, double x0, double) { value += x0; }

  static void along(const float* x, int64_t n, float, double& value, double& second) {
    const Vec origin(x[0]);
    value = sum_of(n, [&](auto lanes, int64_t i) { return lanes.load(x + i) - origin; }) / double(n);
    const Vec mean = Vec(float(value));
    second = sum_of(n, [&](auto lanes, int64_t i) {
      const Vec d = lanes.load(x + i) - origin - mean;
      return d * d;
    });
  }

  template <class Lanes>
  WXB_INLINE static void down(const float* x, int64_t stride, int64_t rows, Lanes lanes, int64_t i, const float*,
                              float* value, float* second) {
    const Vec origin = lanes.load(x + i);
    Vec sum(0.f), squares(0.f);
    for (int64_t r = 0; r < rows; ++r) sum += lanes.load(x + r * stride + i) - origin;
    const Vec mean = sum * Vec(1.f / float(rows));
    for (int64_t r = 0; r < rows; ++r) {
      const Vec d = lanes.load(x + r * stride + i) - origin - mean;
      squares = fma(d, d, squares);
    }
    lanes.store(mean, value + i);
    lanes.store(squares, second + i);
  }
};

template <bool largest>
struct PlaceStep : PlacedExtreme<largest> {
  static constexpr bool about = false, is_place = true;
  WXB_INLINE static void settle(double&, double& second, double, double k) { second += k; }

  WXB_INLINE static Mask beyond(Vec x, Vec best) {
    return (largest ? x > best : x < best) | ((x != x) & (best == best));
  }

  static void along(const float* x, int64_t n, float, double& value, double& second) {
    OneNumber<ExtremeStep<largest>>::along(x, n, 0.f, value, second);
    const Vec best = Vec(float(value)), nowhere(__builtin_inff());
    float lane[Vec::lanes];
    for (int64_t l = 0; l < Vec::lanes; ++l) lane[l] = float(l);
    const Vec first = Vec::load(lane);
    const auto least = [](Vec a, Vec b) { return select(b < a, b, a); };
    const auto step = [&](Vec a, auto lanes, int64_t i) {
      return least(a, select(equal(lanes.load(x + i), best), first + Vec(float(i)), nowhere));
    };
    second = double(across(fold(0, n, nowhere, step, least), least));
  }

  template <class Lanes>
  WXB_INLINE static void down(const float* x, int64_t stride, int64_t rows, Lanes lanes, int64_t i, const float*,
                              float* value, float* second) {
    Vec best = lanes.load(x + i), at(0.f);
    for (int64_t r = 1; r < rows; ++r) {
      const Vec v = lanes.load(x + r * stride + i);
      const Mask take = beyond(v, best);
      best = select(take, v, best);
      at = select(take, Vec(float(r)), at);
    }
    lanes.store(best, value + i);
    lanes.store(at, second + i);
  }
};

// Outputs whose elements are neighbours.
template <class R>
void rows(const Reduce<float>& a, int64_t first, int64_t width, int64_t from, int64_t to, Partial& result) {
  for (int64_t j = 0; j < width; ++j) {
    const float* x = a.x.data + (first + j) * a.count;
    const float about = R::about ? a.about.data[first + j] : 0.f;
    double value = 0, second = 0;
    for (int64_t k = from; k < to; k += chunk) {
      const int64_t n = to - k < chunk ? to - k : chunk;
      double v, s;
      R::along(x + k, n, about, v, s);
      R::settle(v, s, double(x[k]), double(k));
      if (k == from)
        value = v, second = s;
      else
        R::merge(double(k - from), value, second, double(n), v, s);
    }
    result.value[j] = value, result.second[j] = second;
  }
  result.n = double(to - from);
}

// The rows x, x + stride, ... of `width` columns; places count from `place` on.
template <class R>
void columns(const float* x, int64_t stride, int64_t rows, int64_t width, const float* about, int64_t place,
             Partial& result) {
  float value[Partial::width], second[Partial::width] = {};
  for (int64_t k = 0; k < rows; k += group, x += group * stride) {
    const int64_t n = rows - k < group ? rows - k : group;
    for_lanes(0, width, [&](auto lanes, int64_t i) {
      if (n == group)
        R::down(x, stride, group, lanes, i, about, value, second);
      else
        R::down(x, stride, n, lanes, i, about, value, second);
    });
    for (int64_t j = 0; j < width; ++j) {
      double v = value[j], s = second[j];
      R::settle(v, s, double(x[j]), double(place + k));
      if (k == 0)
        result.value[j] = v, result.second[j] = s;
      else
        R::merge(double(k), result.value[j], result.second[j], double(n), v, s);
    }
  }
  result.n = double(rows);
}

// Few columns: `taken` rows at a time are one wide row, whose columns are merged at the end.
template <class R>
void few_columns(const float* x, int64_t rows, int64_t inner, const float* about, int64_t place, Partial& result) {
  const int64_t taken = Partial::width / inner, wide_rows = rows / taken, wide = taken * inner, left = rows % taken;
  float wide_about[Partial::width];
  for (int64_t c = 0; R::about && c < wide; ++c) wide_about[c] = about[c % inner];
  Partial part;
  columns<R>(x, wide, wide_rows, wide, wide_about, 0, part);
  const auto second = [&](int64_t t, int64_t j) {
    const double s = part.second[t * inner + j];
    return R::is_place ? s * double(taken) + double(place + t) : s;
  };
  for (int64_t j = 0; j < inner; ++j) {
    result.value[j] = part.value[j], result.second[j] = second(0, j);
    for (int64_t t = 1; t < taken; ++t)
      R::merge(double(t) * part.n, result.value[j], result.second[j], part.n, part.value[t * inner + j], second(t, j));
  }
  result.n = double(taken) * part.n;
  if (left == 0) return;
  columns<R>(x + wide_rows * wide, inner, left, inner, about, place + wide_rows * taken, part);
  for (int64_t j = 0; j < inner; ++j)
    R::merge(result.n, result.value[j], result.second[j], part.n, part.value[j], part.second[j]);
  result.n += part.n;
}

template <class R>
void by(const Reduce<float>& a, int64_t first, int64_t width, int64_t from, int64_t to, Partial& result) {
  if (a.inner == 1) return rows<R>(a, first, width, from, to, result);
  const float* x = a.x.data + (first / a.inner * a.count + from) * a.inner + first % a.inner;
  const float* about = R::about ? a.about.data + first : nullptr;
  if (a.inner < narrow && to - from >= group * (Partial::width / a.inner))
    few_columns<R>(x, to - from, a.inner, about, from, result);
  else
    columns<R>(x, a.inner, to - from, width, about, from, result);
}

void partial(const Reduce<float>& a, int64_t first, int64_t width, int64_t from, int64_t to, Partial& result) {
  switch (a.op) {
    case Reduction::sum:
    case Reduction::mean: return by<OneNumber<SumStep>>(a, first, width, from, to, result);
    case Reduction::max: return by<OneNumber<ExtremeStep<true>>>(a, first, width, from, to, result);
    case Reduction::min: return by<OneNumber<ExtremeStep<false>>>(a, first, width, from, to, result);
    case Reduction::norm: return by<OneNumber<SquareStep>>(a, first, width, from, to, result);
    case Reduction::var: return by<Variance>(a, first, width, from, to, result);
    case Reduction::ties: return by<OneNumber<TieStep>>(a, first, width, from, to, result);
    case Reduction::argmax: return by<PlaceStep<true>>(a, first, width, from, to, result);
    case Reduction::argmin: return by<PlaceStep<false>>(a, first, width, from, to, result);
  }
}

// An operand of one piece: the same number for all, or consecutive ones; absent ones read dy, unused.
struct Walk {
  const float* p;
  bool steps;
  template <class Lanes>
  WXB_INLINE Vec load(Lanes lanes, int64_t i) const {
    return steps ? lanes.load(p + i) : Vec(*p);
  }
};

template <class G>
void gradients(const ReduceBackward<float>& a, int64_t begin, int64_t end) {
  for_pieces(a.count, a.inner, begin, end, [&](int64_t from, int64_t n, int64_t output, int64_t step) {
    const auto walk = [&](const In<float>& operand) {
      return Walk{(operand ? operand : a.dy).data + output, step != 0};
    };
    const Walk y = walk(a.y), ties = walk(a.ties), dy = walk(a.dy);
    const float* x = a.x.data + from;
    float* dx = a.dx.data + from;
    for_lanes(0, n, [&](auto lanes, int64_t i) {
      const Vec here = G::reads_x ? lanes.load(x + i) : Vec(0.f);
      lanes.store(G::gradient(here, y.load(lanes, i), ties.load(lanes, i), dy.load(lanes, i), Vec(a.scale)), dx + i);
    });
  });
}

void backward(const ReduceBackward<float>& a, int64_t begin, int64_t end) {
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
const ReduceTable<float> reduce_float{partial, backward};

}  // namespace wxb::WXB_TARGET
