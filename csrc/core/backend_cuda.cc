#include "core/backend.h"

#include "core/check_cuda.h"
#include "core/plan.h"

namespace wxb {

void cuda_error(const std::string& text) {
  const py::object type = py::module_::import("wxb.errors").attr("CudaError");
  PyErr_SetString(type.ptr(), text.c_str());
  throw py::error_already_set();
}

void cuda_error(const char* what, cudaError_t error) {
  cudaGetLastError();  // or the next launch would report it again
  cuda_error(message(what, ": ", cudaGetErrorName(error), ", ", cudaGetErrorString(error)));
}

void copy(void* to, const void* from, size_t bytes, const Context& context) {
  if (bytes)
    check("copy", cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, static_cast<cudaStream_t>(context.stream)));
}

void wait(const Context& context) { check("wait", cudaStreamSynchronize(static_cast<cudaStream_t>(context.stream))); }

void raise_launch_failed(const char* name, uint32_t error) { cuda_error(name, cudaError_t(error)); }

namespace {

cudaError_t count_devices(int& count) {
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error != cudaSuccess) count = 0, cudaGetLastError();
  return error;
}

int device_count() {
  int count;
  count_devices(count);
  return count;
}

std::string device_error() {
  int count;
  const cudaError_t error = count_devices(count);
  return error == cudaSuccess ? "" : cudaGetErrorString(error);
}

// For names that the module does not have (PEP 562): rooms without a CUDA half.
py::object missing(const std::string& name) {
  if (name.starts_with("_")) throw py::attribute_error("module 'wxb._cuda' has no attribute '" + name + "'");
  cuda_error(message(name, ": this kernel has no CUDA half in this version; move its operands with .to('cpu')"));
}

void set_stream(uintptr_t stream) {
  if (Plan::recording) throw std::runtime_error("set_stream: a plan records; change the stream outside of it");
  eager_context().stream = reinterpret_cast<void*>(stream);
}

}  // namespace

void bind_backend(py::module_& m) {
  m.def("device_count", &device_count);
  m.def("device_error", &device_error);
  m.def("set_stream", &set_stream, py::arg("stream"));
  m.def("__getattr__", &missing);
  m.def("set_cupy", &set_cupy, py::arg("cupy"));
}

}  // namespace wxb
