#include <array>
#include <vector>

#include "core/backend.h"
#include "core/plan.h"
#include "optimizer/optimizer.h"

namespace wxb {

namespace {

using A = const Array&;
using Arrays = std::vector<Array>;                  // one row: parameter, gradient, states
using Scales = std::vector<std::array<double, 2>>;  // of each row: of the learning rate, of the weight decay

// The arrays of a table's rows and the pointers into them. A plan that launched over a table holds it.
template <class T>
class Table {
 public:
  Table(const std::vector<Arrays>& rows, const Scales& scales) {
    static const char* const names[] = {"parameter", "gradient", "state 0", "state 1", "state 2"};
    const Call call("optimizer_table");
    if (!scales.empty() && scales.size() != rows.size())
      value_error(call.name, ": there are ", scales.size(), " scales for ", rows.size(), " rows");
    for (const Arrays& arrays : rows) {
      if (arrays.size() < 2 || arrays.size() > 2 + Row<T>::most_states || arrays.size() != rows[0].size())
        value_error(call.name, ": a row has ", arrays.size(),
                    " arrays, each must have a parameter, a gradient and the same number of states, at most ",
                    Row<T>::most_states);
      const auto operand = [&](size_t i) { return call.inout<T>(names[i], arrays[i], int64_t(arrays[0].size())); };
      Row<T> row{operand(0), operand(1), {}, size_};
      for (size_t i = 2; i < arrays.size(); ++i) row.states[i - 2] = operand(i);
      if (!scales.empty()) row.rate = scales[rows_.size()][0], row.decay = scales[rows_.size()][1];
      size_ = checked_add(size_, row.parameter.size);
      rows_.push_back(row);
      arrays_.insert(arrays_.end(), arrays.begin(), arrays.end());
    }
    states_ = int(rows[0].size()) - 2;
    const size_t bytes = rows_.size() * sizeof(Row<T>);
    kernel_rows_ = Array(empty(py::make_tuple(bytes), py::dtype::of<uint8_t>(), true));
    copy(kernel_rows_.mutable_data(), rows_.data(), bytes, eager_context());
    partial_ = Array(empty(py::make_tuple(BACKEND::optimizer_partials(size_)), py::dtype::of<double>(), true));
  }

  Rows<T> rows(const char* kernel, int states) {
    if (states > 0 && states != states_)
      value_error(kernel, ": the table has ", states_, " states for each parameter, it must have ", states,
                  "; make the optimizer with the hyper-parameters it is to have");
    return {rows_.data(), static_cast<const Row<T>*>(kernel_rows_.data()), int64_t(rows_.size()), size_,
            static_cast<double*>(partial_.mutable_data())};
  }

 private:
  std::vector<Row<T>> rows_;
  Array kernel_rows_, partial_;
  Arrays arrays_;
  int64_t size_ = 0;
  int states_;
};

// What a method has to know: its own Python object is what a recording plan must hold.
template <class T>
Rows<T> rows_of(const char* kernel, const py::object& self, int states) {
  if (Plan::recording) Plan::recording->keep(self);
  return self.cast<Table<T>&>().rows(kernel, states);
}

template <class T>
void bind_table(py::module_& m, const char* name) {
  using Self = const py::object&;
  py::class_<Table<T>>(m, name, py::module_local())
      .def("sgd",
           [](Self self, A lr, A step, double momentum, double weight_decay, bool nesterov) {
             const Call call("sgd");
             launch<BACKEND::sgd<T>>(call.name,
                                     Sgd<T>{rows_of<T>(call.name, self, momentum != 0), call.in<double>("lr", lr, 1),
                                            call.inout<int64_t>("step", step, 1), momentum, weight_decay, nesterov});
           })
      .def("adam",
           [](Self self, A lr, A step, double beta1, double beta2, double eps, double weight_decay, bool decoupled) {
             const Call call("adam");
             launch<BACKEND::adam<T>>(
                 call.name, Adam<T>{rows_of<T>(call.name, self, 2), call.in<double>("lr", lr, 1),
                                    call.inout<int64_t>("step", step, 1), beta1, beta2, eps, weight_decay, decoupled});
           })
      .def("rmsprop",
           [](Self self, A lr, A step, double alpha, double eps, double momentum, double weight_decay, bool centered) {
             const Call call("rmsprop");
             launch<BACKEND::rmsprop<T>>(
                 call.name,
                 Rmsprop<T>{rows_of<T>(call.name, self, 1 + centered + (momentum != 0)), call.in<double>("lr", lr, 1),
                            call.inout<int64_t>("step", step, 1), alpha, eps, momentum, weight_decay, centered});
           })
      .def("clip", [](Self self, A norm, double max_norm) {
        const Call call("clip");
        if (!(max_norm > 0)) value_error(call.name, ": max_norm is ", max_norm, ", it must be above 0");
        launch<BACKEND::clip<T>>(call.name,
                                 Clip<T>{rows_of<T>(call.name, self, 0), call.out<T>("norm", norm, 1), max_norm});
      });
}

}  // namespace

void bind_optimizer(py::module_& m) {
  bind_table<float>(m, "TableFloat32");
  bind_table<double>(m, "TableFloat64");
  // Rows of (parameter, gradient, states...), all of one floating dtype; no scales: all are 1.
  m.def(
      "optimizer_table",
      [](const std::vector<Arrays>& rows, const Scales& scales) {
        if (rows.empty() || rows[0].empty()) value_error("optimizer_table: there are no rows");
        return by_float("optimizer_table", rows[0][0], [&]<class T>() { return py::cast(Table<T>(rows, scales)); });
      },
      py::arg("rows"), py::arg("scales") = Scales());
}

}  // namespace wxb
