#include "indexing/gather.h"

#include "core/divisor.cuh"
#include "core/elements.cuh"
#include "core/rows.cuh"
#include "core/zero.cuh"
#include "indexing/ordered_sum.cuh"

namespace wxb::cuda {

namespace {

template <class W>
constexpr int pack_of = 16 / int(sizeof(W));

// Indices of a range: one that is out of it is reported, and is -1.
struct Indices {
  const int64_t* data;
  Range range;
  Status status;
  __device__ int64_t operator()(int64_t k) const {
    const int64_t i = range(data[k]);
    if (i < 0) report(status, Code::bad_index, uint64_t(k));
    return i;
  }
};

struct CheckIndices {
  Indices index;
  __device__ void operator()(int64_t k) const { index(k); }
};

// Nothing is read or written through them, yet they may be out of range.
bool only_checked(Context& context, const Indices& index, int64_t count, int64_t elements) {
  if (elements == 0) launch_each(context, count, CheckIndices{index});
  return elements == 0;
}

template <class W>
struct TakeBody {
  static constexpr int pack = pack_of<W>;
  Take<W> a;
  Indices index;
  Divisor inner, count;
  template <int n>
  __device__ void run(int64_t i) const {
    const int64_t row = inner.quotient(i), o = count.quotient(row), from = index(row - o * a.index.size);
    Pack<W, n> y{};
    if (from >= 0) y = load<n>(a.x.data + (o * a.range.size + from) * a.inner + (i - row * a.inner));
    store(a.y.data + i, y);
  }
};

template <class W>
struct GatherElement {
  Gather<W> a;
  Indices index;
  int64_t inner;
  __device__ void operator()(int64_t i) const {
    const int64_t from = index(i), row = i / inner;
    const int64_t at = a.columns.outer.at(row / a.columns.count) + a.columns.inner.at(i - row * inner);
    a.y.data[i] = from < 0 ? W(0) : a.x.data[at + from * a.columns.stride];
  }
};

template <class T>
struct OneHotBody {
  static constexpr int pack = pack_of<T>;
  OneHot<T> a;
  Indices index;
  Divisor classes;
  template <int n>
  __device__ void run(int64_t i) const {
    const int64_t row = classes.quotient(i), hot = index(row) - (i - row * a.classes);
    Pack<T, n> y;
#pragma unroll
    for (int j = 0; j < n; ++j) y.v[j] = T(j == hot);
    store(a.y.data + i, y);
  }
};

// ---- sums ----

// The row of a table that an index names, unless it is left out.
struct TableRow {
  Indices index;
  int64_t padding;
  __device__ int64_t operator()(int64_t k) const {
    const int64_t row = index(k);
    return row < 0 || row == padding ? nowhere : row;
  }
};

// Columns of dx (outer, size, inner) are (o, i).
template <class T>
struct TakeSum {
  TakeBackward<T> a;
  __device__ T value(int64_t k, int64_t column) const {
    const int64_t o = column / a.inner;
    return a.dy.data[(o * (a.index.size - 1) + k) * a.inner + column];
  }
  __device__ void add(int64_t row, int64_t column, T sum) const {
    const int64_t o = column / a.inner;
    a.dx.data[(o * (a.range.size - 1) + row) * a.inner + column] = sum;
  }
};

template <class T>
struct EmbeddingSum {
  EmbeddingBackward<T> a;
  __device__ T value(int64_t k, int64_t column) const { return a.dy.data[k * a.width + column]; }
  __device__ void add(int64_t row, int64_t column, T sum) const {
    T& to = a.dweight.data[row * a.width + column];
    to = a.adds ? to + sum : sum;
    if (a.used && column == 0) a.used.data[row] = 1;
  }
};

// Rows of dweight that may not be 0 become 0.
template <class T>
struct ClearRows {
  EmbeddingBackward<T> a;
  template <class Team>
  __device__ void run(Team team, int64_t row) const {
    if (!a.used.data[row]) return;
    for (int64_t i = team.rank(); i < a.width; i += team.size) a.dweight.data[row * a.width + i] = T(0);
  }
};

// Where an index of scatter_add leads to in y.
struct ColumnPlace {
  Indices index;
  Columns columns;
  int64_t inner;
  __device__ int64_t base(int64_t i) const {
    const int64_t row = i / inner;
    return columns.outer.at(row / columns.count) + columns.inner.at(i - row * inner);
  }
  __device__ int64_t operator()(int64_t i) const {
    const int64_t to = index(i);
    return to < 0 ? nowhere : base(i) + to * columns.stride;
  }
};

template <class T>
struct ScatterSum {
  ScatterAdd<T> a;
  __device__ T value(int64_t i, int64_t) const { return a.src.data[i]; }
  __device__ void add(int64_t to, int64_t, T sum) const { a.y.data[to] += sum; }
};

// Columns share no element: one thread does a short one.
template <class T>
struct ScatterColumn {
  ScatterAdd<T> a;
  ColumnPlace place;
  __device__ void operator()(int64_t column) const {
    const int64_t o = column / place.inner;
    int64_t i = o * (a.columns.count - 1) * place.inner + column;
    for (int64_t k = 0; k < a.columns.count; ++k, i += place.inner) {
      const int64_t to = place(i);
      if (to != nowhere) a.y.data[to] += a.src.data[i];
    }
  }
};

constexpr int64_t short_column = 32;  // sorting costs some ten launches

}  // namespace

int64_t scatter_workspace(int64_t indices, int64_t width) { return ordered_sum_workspace(indices, width); }

template <class W>
void take(const Take<W>& a, Context& context) {
  const Indices index{a.index.data, a.range, context.status()};
  if (only_checked(context, index, a.index.size, a.y.size)) return;
  launch_elements(context, TakeBody<W>{a, index, Divisor(a.inner), Divisor(a.index.size)}, a.y.size, a.inner, a.x, a.y);
}

template <class T>
void take_backward(const TakeBackward<T>& a, Context& context) {
  const Indices index{a.index.data, a.range, context.status()};
  zero(context, a.dx);
  if (only_checked(context, index, a.index.size, a.dy.size)) return;
  ordered_sum<T>(context, TableRow{index, -1}, TakeSum<T>{a}, a.index.size, a.outer * a.inner, a.workspace.data);
}

template <class T>
void embedding_backward(const EmbeddingBackward<T>& a, Context& context) {
  const Indices index{a.index.data, a.range, context.status()};
  if (!a.adds && a.used) {
    launch_rows(context, a.range.size, a.width, ClearRows<T>{a});
    zero(context, a.used);
  } else if (!a.adds) {
    zero(context, a.dweight);
  }
  if (only_checked(context, index, a.index.size, a.dy.size)) return;
  ordered_sum<T>(context, TableRow{index, a.padding}, EmbeddingSum<T>{a}, a.index.size, a.width, a.workspace.data);
}

template <class W>
void gather(const Gather<W>& a, Context& context) {
  const Indices index{a.index.data, a.columns.range, context.status()};
  launch_each(context, a.y.size, GatherElement<W>{a, index, a.columns.inner.count()});
}

template <class T>
void scatter_add(const ScatterAdd<T>& a, Context& context) {
  const Indices index{a.index.data, a.columns.range, context.status()};
  const int64_t inner = a.columns.inner.count(), columns = a.columns.outer.count() * inner;
  const ColumnPlace place{index, a.columns, inner};
  if (a.columns.count <= short_column) return launch_each(context, columns, ScatterColumn<T>{a, place});
  ordered_sum<T>(context, place, ScatterSum<T>{a}, a.index.size, 1, a.workspace.data);
}

template <class T>
void one_hot(const OneHot<T>& a, Context& context) {
  const Indices index{a.index.data, {a.classes, false}, context.status()};
  if (only_checked(context, index, a.index.size, a.y.size)) return;
  launch_elements(context, OneHotBody<T>{a, index, Divisor(a.classes)}, a.y.size, a.classes, a.y);
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

}  // namespace wxb::cuda
