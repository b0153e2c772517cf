#include <algorithm>
#include <numeric>

#include "core/isa.h"
#include "core/parallel_sum.h"
#include "epilogue/epilogue_table.h"

namespace wxb {

WXB_ROOM(EpilogueTable<float>, epilogue_float)

namespace ref {
extern const EpilogueTable<double> epilogue_double;
}

namespace cpu {

namespace {

template <class T>
const EpilogueTable<T>& table() {
  if constexpr (std::is_same_v<T, float>)
    return epilogue_float();
  else
    return ref::epilogue_double;
}

constexpr int64_t range = 16384;  // elements that are worth a task; a multiple of 64, as the bodies want

template <class Body>
void by_range(int64_t count, int64_t taken, Body body) {
  parallel((count + taken - 1) / taken,
           [&](int64_t task) { body(task, task * taken, std::min(count, (task + 1) * taken)); });
}

// Tasks of whole rows, so that their column sums are whole, and of a multiple of 64 elements; of enough rows that
// these sums cost little beside the rows.
int64_t rows_in_task(int64_t features) {
  const int64_t step = 64 / std::gcd(features, int64_t{64}), wanted = std::max<int64_t>(32, range / features);
  return (wanted + step - 1) / step * step;
}

}  // namespace

int64_t epilogue_tasks(int64_t rows, int64_t features) {
  return features == 0 ? 0 : (rows + rows_in_task(features) - 1) / rows_in_task(features);
}

template <class T>
void epilogue_forward(const Epilogue<T>& a, Context&) {
  by_range(a.y.size, range, [&](int64_t, int64_t begin, int64_t end) { table<T>().forward(a, begin, end); });
}

template <class T>
void epilogue_backward(const EpilogueBackward<T>& a, Context&) {
  if (a.features == 0) return;
  if (!a.dbias) {
    by_range(a.dy.size, range,
             [&](int64_t, int64_t begin, int64_t end) { table<T>().backward(a, begin, end, nullptr); });
    return;
  }
  const int64_t tasks = epilogue_tasks(a.rows, a.features);
  if (tasks <= 1) return table<T>().backward(a, 0, a.dy.size, a.dbias.data);
  by_range(a.dy.size, rows_in_task(a.features) * a.features, [&](int64_t task, int64_t begin, int64_t end) {
    table<T>().backward(a, begin, end, a.workspace.data + task * a.features);
  });
  add_rows(a.workspace.data, tasks, a.features, a.dbias.data);
}

template void epilogue_forward(const Epilogue<float>&, Context&);
template void epilogue_forward(const Epilogue<double>&, Context&);
template void epilogue_backward(const EpilogueBackward<float>&, Context&);
template void epilogue_backward(const EpilogueBackward<double>&, Context&);

}  // namespace cpu
}  // namespace wxb
