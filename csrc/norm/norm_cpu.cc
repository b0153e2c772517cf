#include <algorithm>

#include "core/isa.h"
#include "core/parallel_sum.h"
#include "core/ranges.h"
#include "norm/norm_table.h"

namespace wxb {

WXB_ROOM(NormTable<float>, norm_float)

namespace ref {
extern const NormTable<double> norm_double;
}

namespace cpu {

namespace {

template <class T>
const NormTable<T>& table() {
  if constexpr (std::is_same_v<T, float>)
    return norm_float();
  else
    return ref::norm_double;
}

// A task of the backward has at least so many rows, so that column sums cost little beside x and dy, and so many
// elements.
constexpr int64_t least_rows = 32, least_elements = 8192;

int64_t rows_in_task(int64_t features) { return std::max(least_rows, least_elements / features); }

template <class Body>
void by_rows(int64_t rows, int64_t taken, Body body) {
  parallel((rows + taken - 1) / taken,
           [&](int64_t task) { body(task, task * taken, std::min(rows, (task + 1) * taken)); });
}

}  // namespace

int64_t norm_tasks(int64_t rows, int64_t features) {
  return features == 0 ? 0 : (rows + rows_in_task(features) - 1) / rows_in_task(features);
}

template <class T>
void norm_forward(const Norm<T>& a, Context&) {
  if (a.features == 0) return;
  by_rows(a.rows, std::max<int64_t>(1, task_elements(a.y.size, 16384) / a.features),
          [&](int64_t, int64_t begin, int64_t end) { table<T>().forward(a, begin, end); });
}

template <class T>
void norm_backward(const NormBackward<T>& a, Context&) {
  if (a.features == 0) return;
  const int64_t tasks = norm_tasks(a.rows, a.features), n = a.features;
  if (tasks <= 1) return table<T>().backward(a, 0, a.rows, a.dweight.data, a.dbias.data);
  T* const parts = a.workspace.data;  // (2, tasks, features): of dweight, of dbias
  by_rows(a.rows, rows_in_task(n), [&](int64_t task, int64_t begin, int64_t end) {
    table<T>().backward(a, begin, end, a.dweight ? parts + task * n : nullptr,
                        a.dbias ? parts + (tasks + task) * n : nullptr);
  });
  if (a.dweight) add_rows(parts, tasks, n, a.dweight.data);
  if (a.dbias) add_rows(parts + tasks * n, tasks, n, a.dbias.data);
}

template void norm_forward(const Norm<float>&, Context&);
template void norm_forward(const Norm<double>&, Context&);
template void norm_backward(const NormBackward<float>&, Context&);
template void norm_backward(const NormBackward<double>&, Context&);

}  // namespace cpu
}  // namespace wxb
