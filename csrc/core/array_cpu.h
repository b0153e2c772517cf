#pragma once
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "core/check.h"
#include "core/memory.h"

namespace wxb {

using Array = py::array;

inline PyObject* dtype_of(const Array& a) { return py::detail::array_proxy(a.ptr())->descr; }
inline bool is_contiguous(const Array& a) {
  constexpr int wanted = int(py::array::c_style) | int(py::detail::npy_api::NPY_ARRAY_ALIGNED_);
  return (a.flags() & wanted) == wanted;
}
inline bool is_writeable(const Array& a) { return a.writeable(); }

}  // namespace wxb
