#pragma once
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "core/check.h"
#include "core/memory.h"

namespace wxb {

// A numpy ndarray.
class Array : public py::array {
  static bool is_numpy(PyObject* o) {
    if (py::array::check_(o)) return true;
    if (PyObject_HasAttrString(o, "__cuda_array_interface__"))
      type_error("array: it lies on a GPU, the other operands on the CPU; use .to()");
    return false;
  }

 public:
  PYBIND11_OBJECT(Array, py::array, is_numpy)
  static bool is_ours(py::handle h) { return py::array::check_(h); }  // asks only, where check_ says what is wrong
  Array() = default;
};

inline PyObject* dtype_of(const Array& a) { return py::detail::array_proxy(a.ptr())->descr; }
inline bool is_contiguous(const Array& a) {
  constexpr int wanted = int(py::array::c_style) | int(py::detail::npy_api::NPY_ARRAY_ALIGNED_);
  return (a.flags() & wanted) == wanted;
}
inline bool is_writeable(const Array& a) { return a.writeable(); }

}  // namespace wxb

namespace pybind11::detail {
template <>
struct handle_type_name<wxb::Array> {
  static constexpr auto name = const_name("numpy.ndarray");
};
}  // namespace pybind11::detail
