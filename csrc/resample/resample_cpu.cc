#include <algorithm>

#include "core/isa.h"
#include "core/parallel.h"
#include "resample/resample_table.h"

namespace wxb {

WXB_ROOM(ResampleTable<float>, resample_float)

namespace ref {
extern const ResampleTable<double> resample_double;
}

namespace cpu {

namespace {

template <class T>
const ResampleTable<T>& table() {
  if constexpr (std::is_same_v<T, float>)
    return resample_float();
  else
    return ref::resample_double;
}

// Ranges of rows that touch some 16 K elements.
template <class Body>
void by_rows(int64_t rows, int64_t elements, Body body) {
  if (elements == 0) return;
  const int64_t taken = std::max<int64_t>(1, 16384 / std::max<int64_t>(1, elements / rows));
  parallel((rows + taken - 1) / taken, [&](int64_t t) { body(t * taken, std::min(rows, (t + 1) * taken)); });
}

}  // namespace

template <class T>
void resample_forward(const Resample<T>& a, Context&) {
  by_rows(a.batch * a.h.out, a.y.size, [&](int64_t begin, int64_t end) { table<T>().forward(a, begin, end); });
}

template <class T>
void resample_backward(const ResampleBackward<T>& a, Context&) {
  by_rows(a.batch * a.h.in, a.dx.size, [&](int64_t begin, int64_t end) { table<T>().backward(a, begin, end); });
}

template void resample_forward(const Resample<float>&, Context&);
template void resample_forward(const Resample<double>&, Context&);
template void resample_backward(const ResampleBackward<float>&, Context&);
template void resample_backward(const ResampleBackward<double>&, Context&);

}  // namespace cpu
}  // namespace wxb
