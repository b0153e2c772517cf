#include <algorithm>

#include "core/isa.h"
#include "core/parallel.h"
#include "pool/pool_table.h"

namespace wxb {

WXB_ROOM(PoolTable<float>, pool_float)

namespace ref {
extern const PoolTable<double> pool_double;
}

namespace cpu {

namespace {

template <class T>
const PoolTable<T>& table() {
  if constexpr (std::is_same_v<T, float>)
    return pool_float();
  else
    return ref::pool_double;
}

// Ranges of the result's pixels, of which each touches some 16 K elements.
template <class Body>
void by_pixels(const Windows2d& s, int64_t pixels, Body body) {
  if (pixels == 0 || s.channels == 0) return;
  const double each = s.elements() / double(pixels);
  const int64_t taken = std::max<int64_t>(1, int64_t(16384 / each));
  parallel((pixels + taken - 1) / taken, [&](int64_t t) { body(t * taken, std::min(pixels, (t + 1) * taken)); });
}

}  // namespace

template <class T>
void max_pool_forward(const MaxPool<T>& a, Context&) {
  by_pixels(a.windows, a.windows.outputs(), [&](int64_t b, int64_t e) { table<T>().max_forward(a, b, e); });
}

template <class T>
void max_pool_backward(const MaxPoolBackward<T>& a, Context&) {
  by_pixels(a.windows, a.windows.inputs(), [&](int64_t b, int64_t e) { table<T>().max_backward(a, b, e); });
}

template <class T>
void average_pool_forward(const AveragePool<T>& a, Context&) {
  by_pixels(a.windows, a.windows.outputs(), [&](int64_t b, int64_t e) { table<T>().average_forward(a, b, e); });
}

template <class T>
void average_pool_backward(const AveragePoolBackward<T>& a, Context&) {
  by_pixels(a.windows, a.windows.inputs(), [&](int64_t b, int64_t e) { table<T>().average_backward(a, b, e); });
}

#define WXB_FLOAT(T)                                                    \
  template void max_pool_forward(const MaxPool<T>&, Context&);          \
  template void max_pool_backward(const MaxPoolBackward<T>&, Context&); \
  template void average_pool_forward(const AveragePool<T>&, Context&);  \
  template void average_pool_backward(const AveragePoolBackward<T>&, Context&);
WXB_FLOAT(float)
WXB_FLOAT(double)

}  // namespace cpu
}  // namespace wxb
