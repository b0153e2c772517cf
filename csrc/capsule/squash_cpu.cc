#include <algorithm>

#include "capsule/squash_table.h"
#include "core/isa.h"
#include "core/parallel.h"

namespace wxb {

WXB_ROOM(SquashTable<float>, squash_float)

namespace ref {
extern const SquashTable<double> squash_double;
}

namespace cpu {

namespace {

template <class T>
const SquashTable<T>& table() {
  if constexpr (std::is_same_v<T, float>)
    return squash_float();
  else
    return ref::squash_double;
}

template <class Body>
void by_rows(int64_t rows, int64_t features, Body body) {
  constexpr int64_t range = 16384;  // elements that are worth a task
  if (features == 0) return;
  const int64_t taken = std::max<int64_t>(1, range / features);
  parallel((rows + taken - 1) / taken, [&](int64_t task) { body(task * taken, std::min(rows, (task + 1) * taken)); });
}

}  // namespace

template <class T>
void squash_forward(const Squash<T>& a, Context&) {
  by_rows(a.rows, a.features, [&](int64_t begin, int64_t end) { table<T>().forward(a, begin, end); });
}

template <class T>
void squash_backward(const SquashBackward<T>& a, Context&) {
  by_rows(a.rows, a.features, [&](int64_t begin, int64_t end) { table<T>().backward(a, begin, end); });
}

template void squash_forward(const Squash<float>&, Context&);
template void squash_forward(const Squash<double>&, Context&);
template void squash_backward(const SquashBackward<float>&, Context&);
template void squash_backward(const SquashBackward<double>&, Context&);

}  // namespace cpu
}  // namespace wxb
