#include <algorithm>
#include <cmath>
#include <limits>

#include "core/isa.h"
#include "core/parallel.h"
#include "reduce/reduce_formulas.h"
#include "reduce/reduce_table.h"

namespace wxb {

WXB_ROOM(ReduceTable<float>, reduce_float)

namespace ref {
extern const ReduceTable<double> reduce_double;
}

namespace cpu {

namespace {

template <class T>
const ReduceTable<T>& table() {
  if constexpr (std::is_same_v<T, float>)
    return reduce_float();
  else
    return ref::reduce_double;
}

constexpr int64_t range = 16384;  // elements that are worth a task
constexpr int64_t most_segments = 32;

// The outputs are cut into blocks of at most Partial::width neighbours; where that gives few and long ones, each is
// also cut into segments along the reduced axis. Sizes alone decide.
struct Cut {
  int64_t width;            // outputs of a block
  int64_t blocks_in_outer;  // 0: a block may cross from one outer index to the next (inner is 1)
  int64_t blocks, segments, blocks_in_task;
};

template <class T>
Cut cut(const Reduce<T>& a) {
  Cut c;
  if (a.inner == 1) {
    c.width = std::clamp<int64_t>(range / a.count, 1, Partial::width);
    c.blocks_in_outer = 0;
    c.blocks = (a.outer + c.width - 1) / c.width;
  } else {
    c.width = std::min(a.inner, Partial::width);
    c.blocks_in_outer = (a.inner + c.width - 1) / c.width;
    c.blocks = a.outer * c.blocks_in_outer;
  }
  const int64_t elements = c.width * a.count;
  c.segments = c.blocks < most_segments ? std::clamp<int64_t>(elements / (2 * range), 1, most_segments) : 1;
  c.blocks_in_task = std::max<int64_t>(1, range / elements);
  return c;
}

struct Block {
  int64_t first, width;
};

template <class T>
Block block(const Reduce<T>& a, const Cut& c, int64_t index) {
  if (c.blocks_in_outer == 0) return {index * c.width, std::min(c.width, a.outer - index * c.width)};
  const int64_t outer = index / c.blocks_in_outer, column = index % c.blocks_in_outer * c.width;
  return {outer * a.inner + column, std::min(c.width, a.inner - column)};
}

template <class Merge>
void join_by(Partial& a, const Partial& b, int64_t width) {
  for (int64_t j = 0; j < width; ++j) Merge::merge(a.n, a.value[j], a.second[j], b.n, b.value[j], b.second[j]);
  a.n += b.n;
}

void join(Reduction op, Partial& a, const Partial& b, int64_t width) {
  switch (op) {
    case Reduction::max: return join_by<ref::Extreme<true>>(a, b, width);
    case Reduction::min: return join_by<ref::Extreme<false>>(a, b, width);
    case Reduction::var: return join_by<ref::Spread>(a, b, width);
    case Reduction::argmax: return join_by<ref::PlacedExtreme<true>>(a, b, width);
    case Reduction::argmin: return join_by<ref::PlacedExtreme<false>>(a, b, width);
    default: return join_by<ref::Added>(a, b, width);
  }
}

template <class T>
void finish(const Reduce<T>& a, Block b, const Partial& p) {
  const auto write = [&](auto f) {
    for (int64_t j = 0; j < b.width; ++j) a.y.data[b.first + j] = T(f(p.value[j], p.second[j]));
  };
  switch (a.op) {
    case Reduction::mean: return write([&](double value, double) { return value / double(a.count); });
    case Reduction::norm: return write([](double value, double) { return std::sqrt(value); });
    case Reduction::var: {
      const double n = std::max(double(a.count) - a.correction, 0.0);
      return write([=](double, double second) { return second / n; });
    }
    case Reduction::argmax:
    case Reduction::argmin:
      for (int64_t j = 0; j < b.width; ++j) a.index.data[b.first + j] = int64_t(p.second[j]);
      return;
    default: return write([](double value, double) { return value; });
  }
}

// One block, its segments on several threads, merged in order.
template <class T>
void reduce_segments(const Reduce<T>& a, Block b, int64_t segments) {
  Partial parts[most_segments];
  const int64_t length = (a.count + segments - 1) / segments;
  segments = (a.count + length - 1) / length;
  parallel(segments, [&](int64_t s) {
    table<T>().partial(a, b.first, b.width, s * length, std::min(a.count, (s + 1) * length), parts[s]);
  });
  for (int64_t s = 1; s < segments; ++s) join(a.op, parts[0], parts[s], b.width);
  finish(a, b, parts[0]);
}

// The reduction of nothing: 0 for sums, NaN for mean and var (0 / 0). There is no extreme of nothing.
template <class T>
void reduce_nothing(const Reduce<T>& a) {
  Partial none{};
  for (int64_t i = 0; i < a.y.size; i += Partial::width) finish(a, {i, std::min(Partial::width, a.y.size - i)}, none);
}

}  // namespace

int64_t reduce_workspace(int64_t, int64_t, int64_t) { return 0; }

template <class T>
void reduce(const Reduce<T>& a, Context&) {
  if (a.x.size == 0) return reduce_nothing(a);
  const Cut c = cut(a);
  if (c.segments > 1) {
    for (int64_t i = 0; i < c.blocks; ++i) reduce_segments(a, block(a, c, i), c.segments);
    return;
  }
  parallel((c.blocks + c.blocks_in_task - 1) / c.blocks_in_task, [&](int64_t task) {
    Partial p;
    for (int64_t i = task * c.blocks_in_task; i < std::min(c.blocks, (task + 1) * c.blocks_in_task); ++i) {
      const Block b = block(a, c, i);
      table<T>().partial(a, b.first, b.width, 0, a.count, p);
      finish(a, b, p);
    }
  });
}

template <class T>
void reduce_backward(const ReduceBackward<T>& a, Context&) {
  parallel((a.dx.size + range - 1) / range,
           [&](int64_t task) { table<T>().backward(a, task * range, std::min(a.dx.size, (task + 1) * range)); });
}

template <class T>
void check_finite(const CheckFinite<T>& a, Context& context) {
  parallel((a.x.size + range - 1) / range, [&](int64_t task) {
    const int64_t begin = task * range, end = std::min(a.x.size, begin + range);
    bool finite = true;  // without a branch the loop is vectorised
    for (int64_t i = begin; i < end; ++i) finite &= std::abs(a.x.data[i]) <= std::numeric_limits<T>::max();
    for (int64_t i = begin; !finite; ++i)
      if (!std::isfinite(a.x.data[i])) return context.report(Code::non_finite, uint64_t(i));
  });
}

template void reduce(const Reduce<float>&, Context&);
template void reduce(const Reduce<double>&, Context&);
template void reduce_backward(const ReduceBackward<float>&, Context&);
template void reduce_backward(const ReduceBackward<double>&, Context&);
template void check_finite(const CheckFinite<float>&, Context&);
template void check_finite(const CheckFinite<double>&, Context&);

}  // namespace cpu
}  // namespace wxb
