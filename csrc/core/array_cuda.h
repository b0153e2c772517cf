#pragma once
#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <vector>

#include "core/check.h"
#include "core/memory_cuda.h"

namespace wxb {

// What this module takes from CuPy, which device.py hands over (set_cupy): only that file imports it.
struct Cupy {
  py::object ndarray, alloc, MemoryPool, free_idle;
};
const Cupy& cupy();  // CudaError where there is none
void set_cupy(const py::object& library);

// Memory of CuPy's. Where there is none, what its pool holds idle is given back before one more try; then MemoryError
// says how much is wanted and how much is free.
py::object allocate(size_t bytes);

// A cupy ndarray, seen through its Python attributes, for CuPy has no C API. They are read once, when a binding
// receives the array.
class Array : public py::object {
 public:
  Array() = default;
  Array(py::handle h, borrowed_t) : py::object(h, borrowed_t{}) { read(); }
  Array(py::handle h, stolen_t) : py::object(h, stolen_t{}) { read(); }
  explicit Array(const py::object& o) : py::object(o) { read(); }
  static bool check_(py::handle h) {
    if (py::isinstance<py::array>(h)) type_error("array: it lies on the CPU, the other operands on a GPU; use .to()");
    return is_ours(h);
  }
  static bool is_ours(py::handle h) { return py::isinstance(h, cupy().ndarray); }

  int64_t ndim() const { return int64_t(shape_.size()); }
  int64_t shape(int64_t axis) const { return shape_[size_t(axis)]; }
  int64_t size() const { return size_; }
  int64_t nbytes() const { return size_ * itemsize_; }
  const void* data() const { return data_; }
  void* mutable_data() const { return data_; }
  PyObject* dtype() const { return dtype_.ptr(); }
  bool contiguous() const { return contiguous_; }

 private:
  void read();

  std::vector<int64_t> shape_;
  int64_t size_ = 0, itemsize_ = 0;
  void* data_ = nullptr;
  py::object dtype_;
  bool contiguous_ = false;  // and aligned to its items
};

inline PyObject* dtype_of(const Array& a) { return a.dtype(); }
inline bool is_contiguous(const Array& a) { return a.contiguous(); }
inline bool is_writeable(const Array&) { return true; }  // CuPy has no read-only arrays

}  // namespace wxb

namespace pybind11::detail {
template <>
struct handle_type_name<wxb::Array> {
  static constexpr auto name = const_name("cupy.ndarray");
};
}  // namespace pybind11::detail
