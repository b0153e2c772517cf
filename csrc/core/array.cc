#include "core/array.h"

namespace wxb {

Extent::Extent(const py::tuple& shape, const py::object& dtype) : ndim(shape.size()) {
  if (ndim > most) value_error("empty: shape has ", ndim, " axes, at most ", most, " are possible");
  if (!py::isinstance<py::dtype>(dtype)) type_error("empty: dtype must be a numpy dtype");
  bytes = size_t(py::reinterpret_borrow<py::dtype>(dtype).itemsize());
  for (size_t i = 0; i < ndim; ++i) {
    sizes[i] = PyNumber_AsSsize_t(PyTuple_GET_ITEM(shape.ptr(), i), nullptr);  // clips what does not fit
    if (sizes[i] == -1 && PyErr_Occurred()) throw py::error_already_set();
    if (sizes[i] < 0) value_error("empty: shape is ", std::string(py::str(shape)), ", no axis may be negative");
    if (__builtin_mul_overflow(bytes, size_t(sizes[i]), &bytes) || bytes > size_t(PTRDIFF_MAX))
      value_error("empty: shape ", std::string(py::str(shape)), " is too large for 64 bits");
  }
}

}  // namespace wxb
