#pragma once
#include <cstdint>
#include <functional>
#include <memory>

#include "core/check.h"
#include "core/context.h"

// What a backend brings to its module besides arrays and kernels: backend_cpu.cc, backend_cuda.cc.
namespace wxb {

void bind_backend(py::module_& m);

// Copies between any two places, in the order of the context's launches; done on return where the host is one of them.
void copy(void* to, const void* from, size_t bytes, const Context& context);

// Waits until everything launched has run.
void wait(const Context& context);

// Many launches as one, where the backend knows such a thing: a CUDA graph.
class Graph {
 public:
  virtual ~Graph() = default;
  virtual void launch(Context& context) = 0;  // reports launch_failed
};

// Of what `launches(stream)` launches, none of them for the first time; null, and `why`, where there can be none.
std::unique_ptr<Graph> make_graph(const std::function<void(void* stream)>& launches, std::string& why);

// Raises what kernels have reported since the host last looked, if the backend is one that runs ahead of its kernels.
// Who has waited for it, to read an array, calls this.
void raise_reported();

// Raises for Code::launch_failed; `error` is the position it was reported with.
[[noreturn]] void raise_launch_failed(const char* name, uint32_t error);

}  // namespace wxb
