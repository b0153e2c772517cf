#include "core/backend.h"
#include "core/plan.h"
#include "core/precision.h"
#include "rooms.h"  // WXB_ROOMS: the rooms this module has kernels for

namespace wxb {

#define WXB_DECLARE(room) void bind_##room(py::module_&);
WXB_ROOMS(WXB_DECLARE)

namespace {

void bind_plan(py::module_& m) {
  py::class_<Arena, std::shared_ptr<Arena>>(m, "Arena", py::module_local()).def(py::init<>());
  py::class_<Plan>(m, "Plan", py::module_local())
      .def(py::init<std::shared_ptr<Arena>>(), py::arg("arena") = std::shared_ptr<Arena>())
      .def("__enter__",
           [](Plan& plan) {
             if (Plan::recording) throw std::runtime_error("plan: another one is already recording on this thread");
             Plan::recording = &plan;
             plan.context().stream = eager_context().stream;
           })
      .def("__exit__", [](Plan&, const py::args&) { Plan::recording = nullptr; })
      .def("__len__", &Plan::size)
      .def("replay", &Plan::replay, py::call_guard<py::gil_scoped_release>())
      .def("run", &Plan::run, py::arg("inputs"), py::arg("alias_outputs") = false)
      .def_property_readonly("why_no_graph", &Plan::why_no_graph)
      .def("profile", &Plan::profile, py::call_guard<py::gil_scoped_release>())
      .def("launches", &Plan::launches)
      .def("state", &Plan::state)
      .def("has_state", &Plan::has_state)
      .def("set_state", &Plan::set_state)
      .def("poison", [](Plan& plan) { plan.arena()->poison(); })
      .def_readwrite("slots", &Plan::slots)
      .def_property("outputs", &Plan::outputs, &Plan::set_outputs)
      .def_property_readonly("memory", [](Plan& plan) { return plan.arena()->usage; });
  m.def("raise_reported", &raise_reported);
  m.def("recording", [] { return Plan::recording != nullptr; });
}

void bind_memory(py::module_& m) {
  py::class_<Usage>(m, "Usage", py::module_local())
      .def_readonly("live", &Usage::live)
      .def_readwrite("peak", &Usage::peak)
      .def_readonly("reserved", &Usage::reserved);
  m.def("empty", &empty, py::arg("shape"), py::arg("dtype"), py::arg("persistent") = false);
}

void bind_precision(py::module_& m) {
  py::enum_<Precision>(m, "Precision", py::module_local())
      .value("fp32", Precision::fp32)
      .value("tf32", Precision::tf32)
      .value("bf16", Precision::bf16);
}

}  // namespace
}  // namespace wxb

PYBIND11_MODULE(MODULE, m) {
  wxb::bind_plan(m);
  wxb::bind_memory(m);
  wxb::bind_precision(m);
  wxb::bind_backend(m);
#define WXB_BIND(room) wxb::bind_##room(m);
  WXB_ROOMS(WXB_BIND)
}
