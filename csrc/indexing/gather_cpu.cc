#include "indexing/gather.h"

#include <algorithm>
#include <cstring>

#include "core/parallel.h"

namespace wxb::cpu {

namespace {

constexpr int64_t range = 16384;  // elements per task, some 10 us

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Looks at all indices before anything is read through one of them.
void check(const In<int64_t>& index, Range valid, Context& context) {
  for (int64_t k = 0; k < index.size; ++k)
    if (valid(index.data[k]) < 0) return context.report(Code::bad_index, uint64_t(k));
}

// The columns [begin, end) of the outer row whose part of the index starts at `start`, that of the other array at
// `base`.
template <class F>
void for_row(const Columns& c, int64_t start, int64_t inner, int64_t base, int64_t begin, int64_t end, F f) {
  for (int64_t k = 0; k < c.count; ++k, start += inner) {
    if (c.inner.ndim <= 1) {
      const int64_t step = c.inner.ndim ? c.inner.stride[0] : 0;
      for (int64_t i = begin; i < end; ++i) f(start + i, base + i * step);
      continue;
    }
    for_pieces(c.inner, begin, end, [&](int64_t i, int64_t n, int64_t at, int64_t step) {
      for (int64_t j = 0; j < n; ++j) f(start + i + j, base + at + j * step);
    });
  }
}

// Calls f(position in the index, offset in the other array) for each column in the order of the index. Columns share no
// element, so tasks have some outer rows, or a part of a row.
template <class F>
void by_columns(const Columns& c, F f) {
  constexpr int64_t block = 1024;
  const int64_t outer = c.outer.count(), inner = c.inner.count();
  if (!outer || !inner || !c.count) return;
  const int64_t blocks = divide_up(inner, block);
  const int64_t rows = std::max<int64_t>(1, range / (c.count * std::min(inner, block)));  // outer rows per task
  parallel(divide_up(outer, rows) * blocks, [&](int64_t task) {
    const int64_t begin = task % blocks * block, end = std::min(begin + block, inner), first = task / blocks * rows;
    for_pieces(c.outer, first, std::min(first + rows, outer), [&](int64_t o, int64_t n, int64_t at, int64_t step) {
      for (int64_t j = 0; j < n; ++j) for_row(c, (o + j) * c.count * inner, inner, at + j * step, begin, end, f);
    });
  });
}

}  // namespace

int64_t scatter_workspace(int64_t, int64_t) { return 0; }

template <class W>
void take(const Take<W>& a, Context& context) {
  check(a.index, a.range, context);
  const int64_t count = a.index.size, rows = a.outer * count;
  const int64_t per_task = std::max<int64_t>(1, range / std::max<int64_t>(1, a.inner));
  parallel(divide_up(rows, per_task), [&](int64_t task) {
    for (int64_t row = task * per_task; row < std::min((task + 1) * per_task, rows); ++row) {
      const int64_t from = a.range(a.index.data[row % count]);
      W* y = a.y.data + row * a.inner;
      if (from < 0)
        std::fill_n(y, a.inner, W(0));
      else
        std::memcpy(y, a.x.data + (row / count * a.range.size + from) * a.inner, size_t(a.inner) * sizeof(W));
    }
  });
}

// A task owns some rows of dx and looks for what is added to them, so the order of the sums is that of the index.
template <class T>
void take_backward(const TakeBackward<T>& a, Context& context) {
  check(a.index, a.range, context);
  const int64_t count = a.index.size, size = a.range.size, inner = a.inner;
  // Every task reads the whole index, so there are not more than a pool keeps busy.
  const int64_t parts = std::clamp<int64_t>(size * inner / range, 1, 16), per_part = divide_up(size, parts);
  parallel(a.outer * parts, [&](int64_t task) {
    const int64_t o = task / parts, first = task % parts * per_part, after = std::min(first + per_part, size);
    if (first >= after) return;
    T* const dx = a.dx.data + o * size * inner;
    std::fill(dx + first * inner, dx + after * inner, T(0));
    for (int64_t k = 0; k < count; ++k) {
      const int64_t row = a.range(a.index.data[k]);
      if (row < first || row >= after) continue;
      const T* const dy = a.dy.data + (o * count + k) * inner;
      for (int64_t i = 0; i < inner; ++i) dx[row * inner + i] += dy[i];
    }
  });
}

// As above, a task owns some rows of dweight.
template <class T>
void embedding_backward(const EmbeddingBackward<T>& a, Context& context) {
  check(a.index, a.range, context);
  const int64_t size = a.range.size, width = a.width, moved = a.dy.size + (a.used || a.adds ? 0 : a.dweight.size);
  const int64_t parts = std::clamp<int64_t>(moved / range, 1, 16), per_part = divide_up(size, parts);
  uint8_t* const used = a.used.data;
  parallel(parts, [&](int64_t task) {
    const int64_t first = task * per_part, after = std::min(first + per_part, size);
    for (int64_t row = first; !a.adds && row < after; ++row) {
      if (used && !used[row]) continue;
      std::fill_n(a.dweight.data + row * width, width, T(0));
      if (used) used[row] = 0;
    }
    for (int64_t k = 0; k < a.index.size; ++k) {
      const int64_t row = a.range(a.index.data[k]);
      if (row < first || row >= after || row == a.padding) continue;
      const T* const dy = a.dy.data + k * width;
      T* const to = a.dweight.data + row * width;
      for (int64_t i = 0; i < width; ++i) to[i] += dy[i];
      if (used) used[row] = 1;
    }
  });
}

template <class W>
void gather(const Gather<W>& a, Context& context) {
  check(a.index, a.columns.range, context);
  by_columns(a.columns, [&](int64_t position, int64_t at) {
    const int64_t from = a.columns.range(a.index.data[position]);
    a.y.data[position] = from < 0 ? W(0) : a.x.data[at + from * a.columns.stride];
  });
}

template <class T>
void scatter_add(const ScatterAdd<T>& a, Context& context) {
  check(a.index, a.columns.range, context);
  by_columns(a.columns, [&](int64_t position, int64_t at) {
    const int64_t to = a.columns.range(a.index.data[position]);
    if (to >= 0) a.y.data[at + to * a.columns.stride] += a.src.data[position];
  });
}

template <class T>
void one_hot(const OneHot<T>& a, Context& context) {
  const Range valid{a.classes, false};
  check(a.index, valid, context);
  const int64_t per_task = std::max<int64_t>(1, range / std::max<int64_t>(1, a.classes));
  parallel(divide_up(a.index.size, per_task), [&](int64_t task) {
    for (int64_t n = task * per_task; n < std::min((task + 1) * per_task, a.index.size); ++n) {
      std::fill_n(a.y.data + n * a.classes, a.classes, T(0));
      if (valid(a.index.data[n]) >= 0) a.y.data[n * a.classes + a.index.data[n]] = T(1);
    }
  });
}

#define WXB_WORD(W)                             \
  template void take(const Take<W>&, Context&); \
  template void gather(const Gather<W>&, Context&);
WXB_WORD(uint8_t)
WXB_WORD(uint32_t)
WXB_WORD(uint64_t)

#define WXB_FLOAT(T)                                                       \
  template void take_backward(const TakeBackward<T>&, Context&);           \
  template void embedding_backward(const EmbeddingBackward<T>&, Context&); \
  template void scatter_add(const ScatterAdd<T>&, Context&);               \
  template void one_hot(const OneHot<T>&, Context&);
WXB_FLOAT(float)
WXB_FLOAT(double)

}  // namespace wxb::cpu
