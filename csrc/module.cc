#include "core/isa.h"
#include "core/parallel.h"
#include "core/plan.h"
#include "rooms.h"  // WXB_ROOMS: the rooms this module has kernels for

namespace wxb {

#define WXB_DECLARE(room) void bind_##room(py::module_&);
WXB_ROOMS(WXB_DECLARE)

namespace {

void bind_plan(py::module_& m) {
  py::class_<Plan>(m, "Plan", py::module_local())
      .def(py::init<>())
      .def("__enter__",
           [](Plan& plan) {
             if (Plan::recording) throw std::runtime_error("plan: another one is already recording on this thread");
             Plan::recording = &plan;
           })
      .def("__exit__", [](Plan&, const py::args&) { Plan::recording = nullptr; })
      .def("__len__", &Plan::size)
      .def("replay", &Plan::replay, py::call_guard<py::gil_scoped_release>())
      .def("run", &Plan::run, py::arg("inputs"), py::arg("alias_outputs") = false)
      .def("summary", &Plan::summary)
      .def("state", &Plan::state)
      .def("set_state", &Plan::set_state)
      .def("poison", [](Plan& plan) { plan.arena()->poison(); })
      .def_readwrite("slots", &Plan::slots)
      .def_readwrite("outputs", &Plan::outputs)
      .def_property_readonly("memory", [](Plan& plan) { return plan.arena()->usage; });
  m.def("recording", [] { return Plan::recording != nullptr; });
}

void bind_memory(py::module_& m) {
  py::class_<Usage>(m, "Usage", py::module_local())
      .def_readonly("live", &Usage::live)
      .def_readwrite("peak", &Usage::peak)
      .def_readonly("reserved", &Usage::reserved);
  m.def("empty", &empty, py::arg("shape"), py::arg("dtype"), py::arg("persistent") = false);
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
}  // namespace wxb

PYBIND11_MODULE(MODULE, m) {
  wxb::bind_plan(m);
  wxb::bind_memory(m);
  wxb::bind_machine(m);
#define WXB_BIND(room) wxb::bind_##room(m);
  WXB_ROOMS(WXB_BIND)
}
