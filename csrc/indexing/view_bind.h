#pragma once
#include "core/array.h"
#include "indexing/view.h"

namespace wxb {

// Adds an innermost axis to a view.
inline void append(const Call& call, View& view, int64_t size, int64_t stride) {
  if (size == 1) return;
  if (view.ndim && view.stride[view.ndim - 1] == stride * size) {
    view.size[view.ndim - 1] *= size, view.stride[view.ndim - 1] = stride;
    return;
  }
  if (view.ndim == View::most)
    value_error(call.name, ": more than ", View::most, " axes cannot be merged; reshape to fewer");
  view.size[view.ndim] = size, view.stride[view.ndim] = stride, ++view.ndim;
}

// The stride of an axis of a contiguous array, in elements.
inline int64_t stride_of(const Array& a, int64_t axis) {
  int64_t stride = 1;
  for (int64_t k = axis + 1; k < a.ndim(); ++k) stride *= a.shape(k);
  return stride;
}

// A number of an axis, from the end if negative, as one from 0 to ndim - 1.
inline int64_t axis_of(const Call& call, const char* what, const Array& a, int64_t axis) {
  if (axis < -a.ndim() || axis >= a.ndim())
    value_error(call.name, ": axis is ", axis, ", ", what, " has ", a.ndim(), " axes");
  return axis < 0 ? axis + a.ndim() : axis;
}

// Elements are copied as words of their size: one kernel for all types of that size.
template <size_t bytes>
struct WordOf;
template <>
struct WordOf<1> {
  using type = uint8_t;
};
template <>
struct WordOf<4> {
  using type = uint32_t;
};
template <>
struct WordOf<8> {
  using type = uint64_t;
};

// Calls body.operator()<T, W>() with T the element type of `a` and W the word of its size.
template <class Body>
void by_word(const Call& call, const Array& a, Body&& body) {
  by_dtype(call.name, a, [&]<class T>() { body.template operator()<T, typename WordOf<sizeof(T)>::type>(); });
}

template <class W, class T>
In<W> words(In<T> o) {
  return {reinterpret_cast<const W*>(o.data), o.size};
}
template <class W, class T>
Out<W> words(Out<T> o) {
  return {reinterpret_cast<W*>(o.data), o.size};
}

}  // namespace wxb
