#include <algorithm>

#include "core/isa.h"
#include "core/ranges.h"
#include "elementwise/elementwise_table.h"
#include "elementwise/formulas.h"

namespace wxb {

WXB_ROOM(ElementwiseTable<float>, elementwise_float)

namespace ref {
extern const ElementwiseTable<double> elementwise_double;
}

namespace cpu {

namespace {

template <class T>
const ElementwiseTable<T>& table() {
  if constexpr (std::is_same_v<T, float>)
    return elementwise_float();
  else
    return ref::elementwise_double;
}

}  // namespace

template <class T>
void unary_forward(const UnaryForward<T>& a, Context&) {
  by_range(a.y.size, [&](int64_t begin, int64_t end) { table<T>().unary_forward(a, begin, end); });
}

template <class T>
void unary_backward(const UnaryBackward<T>& a, Context&) {
  by_range(a.dx.size, [&](int64_t begin, int64_t end) { table<T>().unary_backward(a, begin, end); });
}

template <class T>
void binary_forward(const BinaryForward<T>& a, Context&) {
  by_range(a.y.size, [&](int64_t begin, int64_t end) { table<T>().binary_forward(a, begin, end); });
}

template <class T>
void binary_backward(const BinaryBackward<T>& a, Context&) {
  by_range(a.dy.size, [&](int64_t begin, int64_t end) { table<T>().binary_backward(a, begin, end); });
}

namespace {

template <int operands, class F>
void for_elements(const Broadcast<operands>& dims, int64_t begin, int64_t end, F f) {
  int64_t step[operands];
  for (int k = 0; k < operands; ++k) step[k] = dims.ndim && dims.stride[k][dims.ndim - 1];
  for_rows(dims, begin, end, [&](int64_t i, int64_t n, const int64_t* at) { f(i, n, at, step); });
}

template <class T, class F>
void compare_by(const Compare<T>& a, F f) {
  by_range(a.y.size, [&](int64_t begin, int64_t end) {
    for_elements(a.dims, begin, end, [&](int64_t i, int64_t n, const int64_t* at, const int64_t* step) {
      for (int64_t j = 0; j < n; ++j) a.y.data[i + j] = f(a.a.data[at[0] + j * step[0]], a.b.data[at[1] + j * step[1]]);
    });
  });
}

}  // namespace

template <class T>
void compare(const Compare<T>& a, Context&) {
  switch (a.op) {
#define WXB_CASE(name, op) \
  case Comparison::name: return compare_by(a, [](T x, T y) { return x op y; });
    WXB_COMPARISON(WXB_CASE)
#undef WXB_CASE
  }
}

template <class T>
void where(const Where<T>& a, Context&) {
  by_range(a.y.size, [&](int64_t begin, int64_t end) {
    for_elements(a.dims, begin, end, [&](int64_t i, int64_t n, const int64_t* at, const int64_t* step) {
      for (int64_t j = 0; j < n; ++j)
        a.y.data[i + j] =
            a.condition.data[at[0] + j * step[0]] ? a.a.data[at[1] + j * step[1]] : a.b.data[at[2] + j * step[2]];
    });
  });
}

template <class T>
void fill(const Fill<T>& a, Context&) {
  by_range(a.y.size, [&](int64_t begin, int64_t end) { std::fill(a.y.data + begin, a.y.data + end, a.value); });
}

template <class From, class To>
void cast(const Cast<From, To>& a, Context&) {
  by_range(a.y.size, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) a.y.data[i] = ref::convert<To>(a.x.data[i]);
  });
}

#define WXB_FLOAT(T)                                               \
  template void unary_forward(const UnaryForward<T>&, Context&);   \
  template void unary_backward(const UnaryBackward<T>&, Context&); \
  template void binary_forward(const BinaryForward<T>&, Context&); \
  template void binary_backward(const BinaryBackward<T>&, Context&);
WXB_FLOAT(float)
WXB_FLOAT(double)

#define WXB_CAST(From)                                      \
  template void cast(const Cast<From, float>&, Context&);   \
  template void cast(const Cast<From, double>&, Context&);  \
  template void cast(const Cast<From, int64_t>&, Context&); \
  template void cast(const Cast<From, uint8_t>&, Context&); \
  template void cast(const Cast<From, bool>&, Context&);
#define WXB_ANY(T)                                    \
  template void compare(const Compare<T>&, Context&); \
  template void where(const Where<T>&, Context&);     \
  template void fill(const Fill<T>&, Context&);       \
  WXB_CAST(T)
WXB_ANY(float)
WXB_ANY(double)
WXB_ANY(int64_t)
WXB_ANY(uint8_t)
WXB_ANY(bool)

}  // namespace cpu
}  // namespace wxb
