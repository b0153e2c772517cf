#pragma once
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "core/check.h"

namespace wxb {

using Array = py::array;

// The dtype singletons are compared by pointer first; equivalent ones (long long for long) by numpy.
template <class T>
bool has_dtype(const Array& a) {
  static PyObject* const wanted = py::dtype::of<T>().release().ptr();
  PyObject* const given = py::detail::array_proxy(a.ptr())->descr;
  return given == wanted || py::detail::npy_api::get().PyArray_EquivTypes_(given, wanted);
}

template <class T>
std::string dtype_name() {
  return py::str(py::dtype::of<T>());
}

inline bool is_contiguous(const Array& a) {
  constexpr int wanted = int(py::array::c_style) | int(py::detail::npy_api::NPY_ARRAY_ALIGNED_);
  return (a.flags() & wanted) == wanted;
}
inline bool is_writeable(const Array& a) { return a.writeable(); }

}  // namespace wxb
