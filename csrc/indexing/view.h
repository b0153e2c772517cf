#pragma once
#include <cstdint>

#include "core/hd.h"

namespace wxb {

// Elements of an array in steps: element (i, j, ...) is at offset + i stride[0] + j stride[1] + ..., in elements.
// Strides may be negative or 0. Axes that are walked as one are merged, those of size 1 dropped.
struct View {
  static constexpr int most = 8;
  int ndim = 0;
  int64_t offset = 0;
  int64_t size[most], stride[most];

  int64_t count() const {
    int64_t n = 1;
    for (int k = 0; k < ndim; ++k) n *= size[k];
    return n;
  }

  // Where element i is, counted in row order.
  HD int64_t at(int64_t i) const {
    int64_t place = offset;
    for (int k = ndim - 1; k >= 0; --k) {
      const int64_t row = k ? i / size[k] : 0;
      place += (i - row * size[k]) * stride[k];
      i = row;
    }
    return place;
  }
};

// Calls f(i, n, at, step) for the pieces of [begin, end), counted in row order, that lie in one innermost row: element
// i + j of them is at + j step, for j from 0 to n - 1.
template <class F>
void for_pieces(const View& view, int64_t begin, int64_t end, F f) {
  if (begin >= end) return;
  const int last = view.ndim - 1;
  const int64_t inner = view.ndim ? view.size[last] : 1, step = view.ndim ? view.stride[last] : 0;
  int64_t index[View::most], row = begin / inner, from = begin % inner, at = view.offset;
  for (int axis = last - 1; axis >= 0; --axis) {
    index[axis] = row % view.size[axis];
    at += index[axis] * view.stride[axis];
    row /= view.size[axis];
  }
  for (int64_t i = begin; i < end;) {
    const int64_t n = end - i < inner - from ? end - i : inner - from;
    f(i, n, at + from * step, step);
    i += n, from = 0;
    for (int axis = last - 1; axis >= 0; --axis) {  // on to the next row
      at += view.stride[axis];
      if (++index[axis] < view.size[axis]) break;
      at -= view.size[axis] * view.stride[axis], index[axis] = 0;
    }
  }
}

}  // namespace wxb
