#pragma once
#include <utility>  // integer_sequence: a type, no code

#include "core/simd.h"
#include "core/streams.h"

// Loops over a stretch of float32 written once for its full vectors and for the lanes left over, and sums along it.
namespace wxb::WXB_TARGET {

// The lanes that lie in the stretch: all of them,
struct All {
  WXB_INLINE Vec load(const float* p) const { return Vec::load(p); }
  WXB_INLINE void store(Vec v, float* p) const { v.store(p); }
  WXB_INLINE Vec keep(Vec v, Vec) const { return v; }
};

// or the first n of them.
struct First {
  int64_t n;
  WXB_INLINE Vec load(const float* p) const { return Vec::load(p, n); }
  WXB_INLINE void store(Vec v, float* p) const { v.store(p, n); }
  WXB_INLINE Vec keep(Vec v, Vec otherwise) const {
    Mask::Native lane;
    for (int i = 0; i < Vec::lanes; ++i) lane[i] = i;
    return select({lane < int32_t(n)}, v, otherwise);
  }
};

// Stores to a result of `size` elements in rows of n (0: one stretch), from p on. One that is larger than caches is
// written past them: a line is not read before it is written, which is a third of the traffic of a plain map.
struct Writer {
  bool streams;
  Writer(const float* p, int64_t size, int64_t n = 0)
      : streams(size >= streamed_from && n % Vec::lanes == 0 && uintptr_t(p) % WXB_VECTOR_BYTES == 0) {}
  WXB_INLINE void operator()(Vec v, All, float* p) const { streams ? v.stream(p) : v.store(p); }
  WXB_INLINE void operator()(Vec v, First some, float* p) const { some.store(v, p); }
  ~Writer() {
    if (streams) streams_done();
  }
};

// f(lanes, i) for the vectors of [begin, end), in order; lanes is All, for the last one perhaps First.
template <class F>
WXB_INLINE void for_lanes(int64_t begin, int64_t end, F f) {
  int64_t i = begin;
  for (; i + Vec::lanes <= end; i += Vec::lanes) f(All{}, i);
  if (i < end) f(First{end - i}, i);
}

// write(value(lanes, i), lanes, i) for the vectors of [0, count), six values before they are written: functions of
// some twenty instructions, each waiting for the one before, of which a CPU's queues hold too few to find work in.
template <class Value, class Write>
WXB_INLINE void map_lanes(int64_t count, Value value, Write write) {
  constexpr int64_t block = 6 * Vec::lanes;
  int64_t i = 0;
  for (; i + block <= count; i += block) {
    Vec v[6];
#pragma GCC unroll 6
    for (int u = 0; u < 6; ++u) v[u] = value(All{}, i + u * Vec::lanes);
#pragma GCC unroll 6
    for (int u = 0; u < 6; ++u) write(v[u], All{}, i + u * Vec::lanes);
  }
  for_lanes(i, count, [&](auto lanes, int64_t j) { write(value(lanes, j), lanes, j); });
}

// Folds the elements [begin, end) into one vector with four accumulators, joined in a fixed tree:
// step(accumulator, lanes, i) -> accumulator, join(a, b) -> accumulator.
template <class Step, class Join>
WXB_INLINE Vec fold(int64_t begin, int64_t end, Vec start, Step step, Join join) {
  constexpr int64_t block = 4 * Vec::lanes;
  Vec a = start;
  int64_t i = begin;
  if (end - begin >= block) {
    Vec b = start, c = start, d = start;
    for (; i + block <= end; i += block) {
      a = step(a, All{}, i);
      b = step(b, All{}, i + Vec::lanes);
      c = step(c, All{}, i + 2 * Vec::lanes);
      d = step(d, All{}, i + 3 * Vec::lanes);
    }
    a = join(join(a, b), join(c, d));
  }
  for (; i + Vec::lanes <= end; i += Vec::lanes) a = step(a, All{}, i);
  if (i < end) {
    const First rest{end - i};
    a = rest.keep(step(a, rest, i), a);
  }
  return a;
}

// The lanes of v with the halves of each group of 2 width lanes exchanged.
template <int width, int... lane>
WXB_INLINE Vec exchanged(Vec v, std::integer_sequence<int, lane...>) {
  return Vec::Native(__builtin_shufflevector(v.v, v.v, (lane ^ width)...));
}

// join over all lanes in a fixed tree, halving each time.
template <int width = int(Vec::lanes) / 2, class Join>
WXB_INLINE float across(Vec v, Join join) {
  const Vec joined = join(v, exchanged<width>(v, std::make_integer_sequence<int, int(Vec::lanes)>()));
  if constexpr (width == 1)
    return joined.v[0];
  else
    return across<width / 2>(joined, join);
}

// The sum of term(lanes, i) over [0, count): float32 within chunks of 4096 elements, whose sums are added in double.
constexpr int64_t sum_chunk = 4096;

template <class Term>
WXB_INLINE double sum_of(int64_t count, Term term) {
  double total = 0;
  for (int64_t begin = 0; begin < count; begin += sum_chunk) {
    const int64_t end = count - begin < sum_chunk ? count : begin + sum_chunk;
    const auto add = [](Vec a, Vec b) { return a + b; };
    const auto step = [&](Vec a, auto lanes, int64_t i) { return a + term(lanes, i); };
    total += double(across(fold(begin, end, Vec(0.f), step, add), add));
  }
  return total;
}

}  // namespace wxb::WXB_TARGET
