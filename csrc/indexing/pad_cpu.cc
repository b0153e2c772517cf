#include "indexing/pad.h"

#include <algorithm>
#include <cstring>

#include "core/parallel.h"

namespace wxb::cpu {

namespace {

constexpr int64_t range = 16384;  // elements per task, some 10 us

int64_t product(const int64_t* sizes, int begin, int end) {
  int64_t n = 1;
  for (int k = begin; k < end; ++k) n *= sizes[k];
  return n;
}

// Where a row (the last padded axis and the units in it) of y begins in x, or -1 if it lies outside.
int64_t source_row(const PadDims& d, int64_t row) {
  int64_t at = 0, stride = d.size[d.ndim - 1] * d.unit;
  for (int axis = d.ndim - 2; axis >= 0; --axis) {
    const int64_t s = d.source(axis, row % d.padded[axis]);
    if (s < 0) return -1;
    at += s * stride, stride *= d.size[axis], row /= d.padded[axis];
  }
  return at;
}

// Calls f(offset in the row of y, in that of x or -1, number of elements) for the pieces of a row.
template <class F>
void for_row(const PadDims& d, F f) {
  const int last = d.ndim - 1;
  const int64_t begin = d.before[last], end = begin + d.size[last];
  const auto unit = [&](int64_t i) {
    const int64_t s = d.source(last, i);
    f(i * d.unit, s < 0 ? s : s * d.unit, d.unit);
  };
  for (int64_t i = 0; i < begin; ++i) unit(i);
  f(begin * d.unit, int64_t{0}, (end - begin) * d.unit);
  for (int64_t i = end; i < d.padded[last]; ++i) unit(i);
}

}  // namespace

template <class T>
void pad_forward(const PadForward<T>& a, Context&) {
  const PadDims& d = a.dims;
  const int64_t rows = product(d.padded, 0, d.ndim - 1), width = d.padded[d.ndim - 1] * d.unit;
  const int64_t per_task = std::max<int64_t>(1, range / std::max<int64_t>(1, width));
  parallel((rows + per_task - 1) / per_task, [&](int64_t task) {
    for (int64_t row = task * per_task; row < std::min((task + 1) * per_task, rows); ++row) {
      const int64_t start = source_row(d, row);
      T* const y = a.y.data + row * width;
      if (start < 0) {
        std::fill_n(y, width, a.value);
        continue;
      }
      for_row(d, [&](int64_t at, int64_t from, int64_t n) {
        if (from < 0)
          std::fill_n(y + at, n, a.value);
        else
          std::memcpy(y + at, a.x.data + start + from, size_t(n) * sizeof(T));
      });
    }
  });
}

// A task has what the leading axes that are not padded keep apart, so no two of them add to one element.
template <class T>
void pad_backward(const PadBackward<T>& a, Context&) {
  const PadDims& d = a.dims;
  const int last = d.ndim - 1;
  int apart = 0;
  while (apart < last && d.padded[apart] == d.size[apart]) ++apart;
  const int64_t rows = product(d.padded, apart, last), width = d.padded[last] * d.unit;
  const int64_t size = product(d.size, apart, d.ndim) * d.unit;
  parallel(product(d.size, 0, apart), [&](int64_t task) {
    std::fill_n(a.dx.data + task * size, size, T(0));
    for (int64_t row = task * rows; row < (task + 1) * rows; ++row) {
      const int64_t start = source_row(d, row);
      if (start < 0) continue;
      const T* const dy = a.dy.data + row * width;
      for_row(d, [&](int64_t at, int64_t from, int64_t n) {
        if (from < 0) return;
        T* const dx = a.dx.data + start + from;
        for (int64_t i = 0; i < n; ++i) dx[i] += dy[at + i];
      });
    }
  });
}

#define WXB_ANY(T) template void pad_forward(const PadForward<T>&, Context&);
WXB_ANY(float)
WXB_ANY(double)
WXB_ANY(int64_t)
WXB_ANY(uint8_t)
WXB_ANY(bool)
template void pad_backward(const PadBackward<float>&, Context&);
template void pad_backward(const PadBackward<double>&, Context&);

}  // namespace wxb::cpu
