#pragma once
#include <initializer_list>
#include <optional>
#include <string>

#include "core/check.h"
#include "core/operands.h"
#ifdef WXB_BACKEND_CPU
#include "core/array_cpu.h"
#else
#include "core/array_cuda.h"
#endif

namespace wxb {

using Shape = std::initializer_list<int64_t>;
using Optional = std::optional<Array>;

void keep_in_plan(const Array& a);  // while a plan records: it holds what its launches touch outside its arena

// The dtype singletons are compared by pointer first; equivalent ones (long long for long) by numpy.
template <class T>
bool has_dtype(const Array& a) {
  static PyObject* const wanted = py::dtype::of<T>().release().ptr();
  PyObject* const given = dtype_of(a);
  return given == wanted || py::detail::npy_api::get().PyArray_EquivTypes_(given, wanted);
}

// Whether two arrays have the same shape and dtype.
inline bool alike(const Array& a, const Array& b) {
  if (a.ndim() != b.ndim()) return false;
  for (decltype(a.ndim()) i = 0; i < a.ndim(); ++i)
    if (a.shape(i) != b.shape(i)) return false;
  return dtype_of(a) == dtype_of(b) || py::detail::npy_api::get().PyArray_EquivTypes_(dtype_of(a), dtype_of(b));
}

template <class T>
std::string dtype_name() {
  return py::str(py::dtype::of<T>());
}

// The shape and size of an array to be made; raises where no array can be.
struct Extent {
  static constexpr size_t most = 32;  // numpy's own limit before version 2
  Extent(const py::tuple& shape, const py::object& dtype);
  size_t ndim, bytes;
  Py_ssize_t sizes[most];
};

inline std::string text(Shape shape) {
  py::tuple t(shape.size());
  size_t i = 0;
  for (auto s : shape) t[i++] = s;
  return py::str(t);
}

inline std::string shape_text(const Array& a) { return py::str(a.attr("shape")); }
inline std::string dtype_text(const Array& a) { return py::str(a.attr("dtype")); }

// One launch as its binding sees it: turns arrays into typed operands and says what is wrong with them.
// The only place where a Python array becomes a pointer. Nothing is converted or copied.
class Call {
 public:
  explicit Call(const char* kernel) : name(kernel) {}
  const char* const name;

  // An array of exactly this shape.
  template <class T>
  In<T> in(const char* what, const Array& a, Shape shape) const {
    return {static_cast<const T*>(shaped<T>(what, a, shape, false)), a.size()};
  }
  template <class T>
  Out<T> out(const char* what, const Array& a, Shape shape) const {
    return {static_cast<T*>(shaped<T>(what, a, shape, true)), a.size()};
  }
  template <class T>
  InOut<T> inout(const char* what, const Array& a, Shape shape) const {
    return {static_cast<T*>(shaped<T>(what, a, shape, true)), a.size()};
  }

  // An array of this many elements in any shape: elementwise kernels see only the count.
  template <class T>
  In<T> in(const char* what, const Array& a, int64_t size) const {
    return {static_cast<const T*>(sized<T>(what, a, size, false)), size};
  }
  template <class T>
  Out<T> out(const char* what, const Array& a, int64_t size) const {
    return {static_cast<T*>(sized<T>(what, a, size, true)), size};
  }
  template <class T>
  InOut<T> inout(const char* what, const Array& a, int64_t size) const {
    return {static_cast<T*>(sized<T>(what, a, size, true)), size};
  }

  // Optional operands: absent where Python passed None.
  template <class T>
  In<T> in(const char* what, const Optional& a, Shape shape) const {
    return a ? in<T>(what, *a, shape) : In<T>{};
  }
  template <class T>
  Out<T> out(const char* what, const Optional& a, Shape shape) const {
    return a ? out<T>(what, *a, shape) : Out<T>{};
  }
  template <class T>
  In<T> in(const char* what, const Optional& a, int64_t size) const {
    return a ? in<T>(what, *a, size) : In<T>{};
  }
  template <class T>
  Out<T> out(const char* what, const Optional& a, int64_t size) const {
    return a ? out<T>(what, *a, size) : Out<T>{};
  }

  void ndim(const char* what, const Array& a, int64_t wanted, const char* axes) const {
    if (a.ndim() != wanted)
      value_error(name, ": ", what, " has shape ", shape_text(a), ", it must have ", wanted, " axes ", axes);
  }

 private:
  template <class T>
  void* shaped(const char* what, const Array& a, Shape shape, bool write) const {
    bool same = a.ndim() == py::ssize_t(shape.size());
    if (same) {
      py::ssize_t i = 0;
      for (int64_t s : shape) same = same && a.shape(i++) == s;
    }
    if (!same) value_error(name, ": ", what, " has shape ", shape_text(a), ", it must be ", text(shape));
    return pointer<T>(what, a, write);
  }
  template <class T>
  void* sized(const char* what, const Array& a, int64_t size, bool write) const {
    if (a.size() != size)
      value_error(name, ": ", what, " has shape ", shape_text(a), ", it must have ", size, " elements");
    return pointer<T>(what, a, write);
  }
  template <class T>
  void* pointer(const char* what, const Array& a, bool write) const {
    if (!has_dtype<T>(a))
      type_error(name, ": ", what, " has dtype ", dtype_text(a), ", it must be ", dtype_name<T>(),
                 "; convert it with .astype() or wxb.tensor(..., dtype=)");
    if (!is_contiguous(a)) type_error(name, ": ", what, " is not contiguous; pass a contiguous copy");
    if (write && !is_writeable(a)) type_error(name, ": ", what, " is read-only; pass a copy");
    keep_in_plan(a);
    return const_cast<void*>(static_cast<const void*>(a.data()));
  }
};

// Calls body.operator()<T>() with T the floating type of `a`.
template <class Body>
decltype(auto) by_float(const char* name, const Array& a, Body&& body) {
  if (has_dtype<float>(a)) return body.template operator()<float>();
  if (has_dtype<double>(a)) return body.template operator()<double>();
  type_error(name, ": dtype is ", dtype_text(a), ", it must be float32 or float64; convert it with .astype()");
}

// Calls body.operator()<T>() with T any element type that Tensors have.
template <class Body>
decltype(auto) by_dtype(const char* name, const Array& a, Body&& body) {
  if (has_dtype<float>(a)) return body.template operator()<float>();
  if (has_dtype<double>(a)) return body.template operator()<double>();
  if (has_dtype<int64_t>(a)) return body.template operator()<int64_t>();
  if (has_dtype<bool>(a)) return body.template operator()<bool>();
  if (has_dtype<uint8_t>(a)) return body.template operator()<uint8_t>();
  type_error(name, ": dtype is ", dtype_text(a), ", it must be float32, float64, int64, uint8 or bool");
}

}  // namespace wxb
