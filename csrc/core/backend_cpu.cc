#include "core/backend.h"

#include <pybind11/stl.h>

#include <cstring>

#include "core/isa.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace wxb {

void copy(void* to, const void* from, size_t bytes, const Context&) {
  if (bytes) std::memcpy(to, from, bytes);
}

void raise_launch_failed(const char* name, uint32_t error) {
  throw std::logic_error(message(name, ": a CPU kernel reports launch error ", error, ", which it cannot have"));
}

// An emulated GPU's memory is the host's.
Status Context::status() { return {reinterpret_cast<unsigned long long*>(&word_), nullptr, launch}; }
const char* Context::name_of(uint64_t) const { return name; }
void Context::fetch() {}
void Context::release() {}
void raise_reported() {}  // a launch itself has raised it
void wait(const Context&) {}

std::unique_ptr<Graph> make_graph(const std::function<void(void*)>&, std::string& why) {
  why = "a CPU replays a list of launches";
  return nullptr;
}

namespace {

void bind_memory(py::module_& m) {
  m.def("memory", []() -> Usage& { return cache().usage; }, py::return_value_policy::reference);
  m.def("empty_cache", [] { cache().empty(); });
  m.def("fail_allocation", [](int64_t n) { cache().fail_after = n; }, py::arg("after"));
}

void bind_machine(py::module_& m) {
  m.def("isa", &isa_name);
  m.def("isa_reason", &isa_reason);
  m.def("isas", &isa_names);
  m.def("set_isa", &set_isa, py::arg("name"));
  m.def("num_threads", &num_threads);
  m.def(
      "set_num_threads",
      [](int64_t threads) {
        if (threads < 1 || threads > 1024)
          value_error("set_num_threads: threads is ", threads, ", it must be from 1 to 1024");
        set_num_threads(int(threads));
      },
      py::arg("threads"));
}

}  // namespace

void bind_backend(py::module_& m) {
  bind_memory(m);
  bind_machine(m);
}

}  // namespace wxb
