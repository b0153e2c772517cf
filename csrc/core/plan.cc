#include "core/plan.h"

#include <string>

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

void Plan::replay() {
  if (replaying_.exchange(true)) throw std::runtime_error("plan: it is already replaying on another thread");
  context_.launch = 0;
  context_.stream = eager_context().stream;
  for (const Launch& launch : launches_) {
    launch.run(bytes_.data() + launch.offset, context_);
    ++context_.launch;
  }
  const uint64_t word = context_.take();
  context_.launch = 0;
  replaying_ = false;
  if (word == Context::none) return;
  const Report report(word);
  py::gil_scoped_acquire gil;
  raise(launches_[report.launch].name, report);
}

py::list Plan::run(const std::vector<Array>& inputs, bool alias_outputs) {
  if (inputs.size() != slots.size()) value_error("plan: ", inputs.size(), " inputs given, ", slots.size(), " recorded");
  if (replaying_) throw std::runtime_error("plan: it is already replaying on another thread");
  for (size_t i = 0; i < slots.size(); ++i) {
    if (inputs[i].nbytes() != slots[i].nbytes() || !is_contiguous(inputs[i]))
      value_error("plan: input ", i, " is not contiguous or has another size than was recorded");
    copy(slots[i].mutable_data(), inputs[i].data(), size_t(inputs[i].nbytes()), eager_context());
  }
  {
    py::gil_scoped_release nogil;
    replay();
  }
  py::list results;
  for (const Array& output : outputs) {
    if (alias_outputs) {
      results.append(output);
      continue;
    }
    Array result(empty(py::tuple(output.attr("shape")), output.attr("dtype"), false));
    copy(result.mutable_data(), output.data(), size_t(output.nbytes()), eager_context());
    results.append(std::move(result));
  }
  return results;
}

void Plan::keep(py::handle owner) {
  if (kept_set_.insert(owner.ptr()).second) kept_.push_back(py::reinterpret_borrow<py::object>(owner));
}

py::list Plan::summary() const {
  py::list rows;
  for (const Launch& launch : launches_) {
    size_t bytes = 0;
    const Operands add([](void* sum, void*, size_t n, bool) { *static_cast<size_t*>(sum) += n; }, &bytes);
    launch.visit(bytes_.data() + launch.offset, add);
    rows.append(py::make_tuple(launch.name, bytes, launch.work(bytes_.data() + launch.offset)));
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
  std::string state;
  for (auto& [data, bytes] : written()) {
    state.resize(state.size() + bytes);
    copy(state.data() + state.size() - bytes, data, bytes, eager_context());
  }
  return state;
}

void Plan::set_state(const std::string& state) {
  const auto ranges = written();
  size_t total = 0;
  for (auto& [data, bytes] : ranges) total += bytes;
  if (total != state.size()) value_error("plan: the state has ", state.size(), " bytes, this plan has ", total);
  size_t at = 0;
  for (auto& [data, bytes] : ranges) {
    copy(data, state.data() + at, bytes, eager_context());
    at += bytes;
  }
}

}  // namespace wxb
