#include <algorithm>
#include <cmath>

#include "core/isa.h"
#include "core/parallel.h"
#include "optimizer/optimizer_table.h"

namespace wxb {

WXB_ROOM(OptimizerTable<float>, optimizer_float)

namespace ref {
extern const OptimizerTable<double> optimizer_double;
}

namespace cpu {

namespace {

template <class T>
const OptimizerTable<T>& table() {
  if constexpr (std::is_same_v<T, float>)
    return optimizer_float();
  else
    return ref::optimizer_double;
}

constexpr int64_t range = 16384;  // elements per task: some microseconds, and five arrays of it fit in L2

// Ranges of the rows laid end to end, not of each row: a net of many small parameters costs one fork and join, or none.
template <class T, class Body>
void by_range(const Rows<T>& rows, Body body) {
  parallel(optimizer_partials(rows.size),
           [&](int64_t task) { body(task, task * range, std::min(rows.size, (task + 1) * range)); });
}

}  // namespace

int64_t optimizer_partials(int64_t size) { return (size + range - 1) / range; }

template <class T>
void sgd(const Sgd<T>& a, Context& context) {
  if (context.bad()) return;
  const auto c = scalars(a, ++a.step.data[0]);
  by_range(a.rows,
           [&](int64_t, int64_t begin, int64_t end) { table<T>().sgd(a.rows, c, a.momentum != 0, begin, end); });
}

template <class T>
void adam(const Adam<T>& a, Context& context) {
  if (context.bad()) return;
  const auto c = scalars(a, ++a.step.data[0]);
  by_range(a.rows, [&](int64_t, int64_t begin, int64_t end) { table<T>().adam(a.rows, c, begin, end); });
}

template <class T>
void rmsprop(const Rmsprop<T>& a, Context& context) {
  if (context.bad()) return;
  const auto c = scalars(a, ++a.step.data[0]);
  by_range(a.rows, [&](int64_t, int64_t begin, int64_t end) {
    table<T>().rmsprop(a.rows, c, a.centered, a.momentum != 0, begin, end);
  });
}

template <class T>
void clip(const Clip<T>& a, Context& context) {
  if (context.bad()) return;
  by_range(a.rows, [&](int64_t task, int64_t begin, int64_t end) {
    double sum = 0;
    for_pieces(a.rows, begin, end, [&](const Row<T>& row, int64_t from, int64_t to) {
      sum += table<T>().squares(row.gradient.data + from, to - from);
    });
    a.rows.partial[task] = sum;
  });
  double sum = 0;
  for (int64_t task = 0; task < optimizer_partials(a.rows.size); ++task) sum += a.rows.partial[task];
  const double norm = std::sqrt(sum);
  a.norm.data[0] = T(norm);
  if (norm <= a.max_norm) return;
  const T factor = T(a.max_norm / norm);
  by_range(a.rows, [&](int64_t, int64_t begin, int64_t end) {
    for_pieces(a.rows, begin, end, [&](const Row<T>& row, int64_t from, int64_t to) {
      table<T>().scale(row.gradient.data + from, to - from, factor);
    });
  });
}

#define WXB_FLOAT(T)                                  \
  template void sgd(const Sgd<T>&, Context&);         \
  template void adam(const Adam<T>&, Context&);       \
  template void rmsprop(const Rmsprop<T>&, Context&); \
  template void clip(const Clip<T>&, Context&);
WXB_FLOAT(float)
WXB_FLOAT(double)

}  // namespace cpu
}  // namespace wxb
