#include "core/check_cuda.h"
#include "core/plan.h"

namespace wxb {

namespace {

Cupy& library() {
  static auto* only = new Cupy;  // never destroyed: the interpreter may be gone by then
  return *only;
}

// Attribute names, interned once: a launch reads six per array.
struct Names {
  PyObject* const shape = PyUnicode_InternFromString("shape");
  PyObject* const strides = PyUnicode_InternFromString("strides");
  PyObject* const dtype = PyUnicode_InternFromString("dtype");
  PyObject* const data = PyUnicode_InternFromString("data");
  PyObject* const ptr = PyUnicode_InternFromString("ptr");
  PyObject* const device_id = PyUnicode_InternFromString("device_id");
};

py::object get(py::handle object, PyObject* name) {
  PyObject* value = PyObject_GetAttr(object.ptr(), name);
  if (!value) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(value);
}

}  // namespace

const Cupy& cupy() {
  if (!library().ndarray) cuda_error("cuda: CuPy is not loaded; get the device with wxb.device('cuda')");
  return library();
}

void set_cupy(const py::object& from) {
  library() = {from.attr("ndarray"), from.attr("cuda").attr("alloc"), from.attr("cuda").attr("MemoryPool"),
               from.attr("get_default_memory_pool")().attr("free_all_blocks")};
}

namespace {

// Null where there is too little.
py::object try_allocate(size_t bytes) {
  try {
    return cupy().alloc(bytes);
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_MemoryError)) throw;
    return {};
  }
}

}  // namespace

py::object allocate(size_t bytes) {
  if (py::object memory = try_allocate(bytes)) return memory;
  cupy().free_idle();
  if (py::object memory = try_allocate(bytes)) return memory;
  size_t free = 0, total = 0;
  if (cudaMemGetInfo(&free, &total) != cudaSuccess) cudaGetLastError();
  PyErr_SetString(PyExc_MemoryError, message("empty: ", bytes, " bytes are wanted, of the GPU's ", total, " are ", free,
                                             " free; use a smaller batch, or delete what is not needed")
                                         .c_str());
  throw py::error_already_set();
}

void Array::read() {
  if (!ptr()) return;  // pybind11's caster begins with none
  static const Names names;
  const py::tuple shape = get(*this, names.shape), strides = get(*this, names.strides);
  dtype_ = get(*this, names.dtype);
  itemsize_ = py::reinterpret_borrow<py::dtype>(dtype_).itemsize();
  const py::object memory = get(*this, names.data);
  const auto address = get(memory, names.ptr).cast<uintptr_t>();
  if (const int gpu = get(memory, names.device_id).cast<int>(); gpu != 0)
    type_error("array: it lies on GPU ", gpu, ", wxb uses GPU 0; copy it there first");
  data_ = reinterpret_cast<void*>(address);
  shape_.resize(shape.size());
  size_ = 1;
  for (size_t i = 0; i < shape_.size(); ++i) size_ *= shape_[i] = shape[i].cast<int64_t>();
  // Not flags.c_contiguous: it costs ten times as much as all the rest.
  contiguous_ = itemsize_ > 0 && address % size_t(itemsize_) == 0;
  int64_t step = itemsize_;
  for (size_t i = shape_.size(); i-- > 0 && size_;) {
    if (shape_[i] != 1) contiguous_ = contiguous_ && strides[i].cast<int64_t>() == step;
    step *= shape_[i];
  }
}

py::object empty(const py::tuple& shape, const py::object& dtype, bool persistent) {
  const Extent extent(shape, dtype);
  Plan* plan = persistent ? nullptr : Plan::recording;
  const py::object memory = plan ? plan->arena()->take(extent.bytes) : allocate(extent.bytes);
  return cupy().ndarray(shape, dtype, memory);
}

}  // namespace wxb
