#include "core/plan.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <string_view>

#include "core/backend.h"

namespace wxb {

Context& eager_context() {
  static thread_local Context context;
  return context;
}

void keep_in_plan(const Array& a) {
  if (Plan* plan = Plan::recording; plan && !plan->owns(a.data())) plan->keep(a);
}

void raise(const char* name, const Report& report) {
  if (report.code == Code::launch_failed) raise_launch_failed(name, report.position);
  const std::string where = message(name, ": at position ", report.position, " ");
  if (report.code == Code::bad_index)
    throw py::index_error(where +
                          "an index or label is out of range; compare the largest one with the axis it indexes");
  PyErr_SetString(PyExc_FloatingPointError, (where + "a value is not finite").c_str());
  throw py::error_already_set();
}

template <class After>
void Plan::run_list(After after) {
  context_.launch = 0;
  for (const Launch& launch : launches_) {
    context_.name = launch.name;
    launch.run(bytes_.data() + launch.offset, context_);
    after();
    ++context_.launch;
  }
  context_.launch = 0;
}

void Plan::raise_report() {
  const uint64_t word = context_.take();
  if (word == Context::none) return;
  const Report report(word);
  py::gil_scoped_acquire gil;
  raise(launches_[report.launch].name, report);
}

void Plan::run_launches() {
  if (!graph_ && why_no_graph_.empty()) {
    const auto list = [this](void* stream) {
      context_.stream = stream;
      run_list([] {});
    };
    graph_ = make_graph(list, why_no_graph_);
  }
  context_.stream = eager_context().stream;
  if (graph_)
    graph_->launch(context_);
  else
    run_list([] {});
  raise_report();
}

void Plan::replay() {
  const Turn turn(*arena_);
  run_launches();
}

std::vector<double> Plan::profile(int repeats) {
  using Clock = std::chrono::steady_clock;
  const Turn turn(*arena_);
  std::vector<double> least(launches_.size(), HUGE_VAL);
  for (int i = 0; i < repeats; ++i) {
    auto began = Clock::now();
    size_t at = 0;
    context_.stream = eager_context().stream;
    run_list([&] {
      wait(context_);
      const auto ended = Clock::now();
      least[at] = std::min(least[at], std::chrono::duration<double>(ended - began).count());
      ++at;
      began = Clock::now();
    });
    raise_report();
  }
  return least;
}

namespace {

// An attribute of a Tensor; nothing where an object is none and lacks it.
py::object attribute(PyObject* tensor, PyObject* name) {
  auto value = py::reinterpret_steal<py::object>(PyObject_GetAttr(tensor, name));
  if (value) return value;
  if (!PyErr_ExceptionMatches(PyExc_AttributeError)) throw py::error_already_set();
  PyErr_Clear();
  return value;
}

}  // namespace

py::object Plan::run(const py::tuple& inputs, bool alias_outputs) {
  static PyObject* const data = PyUnicode_InternFromString("data");
  static PyObject* const requires_grad = PyUnicode_InternFromString("_requires_grad");
  if (recording || inputs.size() != slots.size()) return py::none();
  std::vector<Array> given;
  given.reserve(slots.size());
  for (const Array& slot : slots) {
    PyObject* const tensor = PyTuple_GET_ITEM(inputs.ptr(), Py_ssize_t(given.size()));
    const py::object wants = attribute(tensor, requires_grad);
    if (wants.ptr() != Py_False) return py::none();  // also an array, which has data of its own
    const py::object array = attribute(tensor, data);
    if (!array || !Array::is_ours(array)) return py::none();
    given.emplace_back(py::reinterpret_borrow<Array>(array));
    if (!alike(given.back(), slot) || !is_contiguous(given.back())) return py::none();
  }
  const Turn turn(*arena_);
  for (size_t i = 0; i < slots.size(); ++i)
    copy(slots[i].mutable_data(), given[i].data(), size_t(given[i].nbytes()), eager_context());
  {
    py::gil_scoped_release nogil;
    run_launches();
  }
  py::list results(outputs_.size());
  for (size_t i = 0; i < outputs_.size(); ++i) {
    const auto& [recorded, shape, dtype] = outputs_[i];
    if (alias_outputs) {
      results[i] = recorded;
      continue;
    }
    Array result(empty(shape, dtype, false));
    copy(result.mutable_data(), recorded.data(), size_t(recorded.nbytes()), eager_context());
    results[i] = std::move(result);
  }
  return results;
}

std::vector<Array> Plan::outputs() const {
  std::vector<Array> arrays;
  for (const Output& output : outputs_) arrays.push_back(output.array);
  return arrays;
}

void Plan::set_outputs(const std::vector<Array>& outputs) {
  outputs_.clear();
  for (const Array& array : outputs) outputs_.push_back({array, py::tuple(array.attr("shape")), array.attr("dtype")});
}

void Plan::keep(py::handle owner) {
  if (kept_set_.insert(owner.ptr()).second) kept_.push_back(py::reinterpret_borrow<py::object>(owner));
}

py::list Plan::launches() const {
  struct Visited {
    const Plan& plan;
    py::list operands;
  };
  const auto visit = [](void* p, void* data, size_t bytes, bool is_written) {
    auto& [plan, operands] = *static_cast<Visited*>(p);
    operands.append(py::make_tuple(reinterpret_cast<uintptr_t>(data), bytes, is_written, plan.owns(data)));
  };
  py::list rows;
  for (const Launch& launch : launches_) {
    Visited visited{*this, py::list()};
    launch.visit(bytes_.data() + launch.offset, Operands(visit, &visited));
    rows.append(py::make_tuple(launch.name, launch.work(bytes_.data() + launch.offset), visited.operands));
  }
  return rows;
}

std::map<void*, size_t> Plan::written() const {
  struct State {
    const Plan& plan;
    std::map<void*, size_t> ranges;
  } state{*this, {}};
  const Operands collect(
      [](void* p, void* data, size_t bytes, bool is_written) {
        auto& [plan, ranges] = *static_cast<State*>(p);
        if (is_written && !plan.owns(data)) ranges[data] = std::max(ranges[data], bytes);
      },
      &state);
  for (const Launch& launch : launches_) launch.visit(bytes_.data() + launch.offset, collect);
  return state.ranges;
}

py::bytes Plan::state() const {
  const auto ranges = written();
  size_t total = 0;
  for (auto& [data, bytes] : ranges) total += bytes;
  auto state = py::reinterpret_steal<py::bytes>(PyBytes_FromStringAndSize(nullptr, py::ssize_t(total)));
  if (!state) throw py::error_already_set();
  char* to = PyBytes_AS_STRING(state.ptr());
  for (auto& [data, bytes] : ranges) {
    copy(to, data, bytes, eager_context());
    to += bytes;
  }
  return state;
}

bool Plan::has_state(const py::bytes& state) const {
  std::string_view rest = state;
  std::string now;
  for (auto& [data, bytes] : written()) {
    now.resize(bytes);
    copy(now.data(), data, bytes, eager_context());
    if (rest.substr(0, bytes) != now) return false;
    rest.remove_prefix(bytes);
  }
  return rest.empty();
}

void Plan::set_state(const py::bytes& state) {
  const std::string_view given = state;
  const auto ranges = written();
  size_t total = 0;
  for (auto& [data, bytes] : ranges) total += bytes;
  if (total != given.size()) value_error("plan: the state has ", given.size(), " bytes, this plan has ", total);
  const char* from = given.data();
  for (auto& [data, bytes] : ranges) {
    copy(data, from, bytes, eager_context());
    from += bytes;
  }
}

}  // namespace wxb
