#include "core/plan.h"
#include "recurrent/recurrent.h"

namespace wxb {

namespace {

using A = const Array&;
using O = const Optional&;

RecurrentShape shape_of(const Call& call, A x, A weight, Cell cell, bool reverse) {
  if (int(cell) < int(Cell::tanh) || int(cell) > int(Cell::gru))
    value_error(call.name, ": cell is ", int(cell), ", it must be one of Cell's");
  call.ndim("x", x, 3, "(steps, batch, gates units)");
  call.ndim("weight", weight, 2, "(gates units, units)");
  const int64_t units = weight.shape(1), gates = gates_of(cell);
  if (units < 1 || units > 1 << 24 || x.shape(0) < 1)
    value_error(call.name, ": x has shape ", shape_text(x), " and weight ", shape_text(weight),
                ", there must be at least one step and one unit");
  if (x.shape(2) != gates * units)
    value_error(call.name, ": x has shape ", shape_text(x), ", its last axis must be ", gates, " x ", units);
  return {x.shape(0), x.shape(1), units, cell, reverse};
}

// Scratch of the kernel.
template <class... Sizes>
Optional room(A like, bool wanted, Sizes... sizes) {
  return wanted ? Optional(Array(empty(py::make_tuple(sizes...), like.attr("dtype"), false))) : Optional();
}

void expect(const Call& call, const char* what, O given, bool wanted) {
  if (given.has_value() != wanted)
    value_error(call.name, ": ", what, wanted ? " is None, this cell needs it" : " is given, this cell has none");
}

const char* name_of(Cell cell, O lengths) {
  const char* const names[][2] = {
      {"rnn", "rnn, lengths"}, {"rnn", "rnn, lengths"}, {"lstm", "lstm, lengths"}, {"gru", "gru, lengths"}};
  return names[int(cell) & 3][lengths.has_value()];
}

void forward(Cell cell, A x, A weight, O bias, O h0, O c0, O lengths, A y, A h_n, O c_n, A gates, A before, O cells,
             O reset, bool reverse) {
  const Call call(name_of(cell, lengths));
  const RecurrentShape s = shape_of(call, x, weight, cell, reverse);
  const bool lstm = cell == Cell::lstm;
  expect(call, "c_n", c_n, lstm);
  expect(call, "cells", cells, lstm);
  expect(call, "reset", reset, cell == Cell::gru);
  if (c0 && !lstm) expect(call, "c0", c0, false);
  const int64_t t = s.steps, n = s.batch, h = s.units, out = x.shape(2), size = BACKEND::recurrent_packed(s);
  by_float(call.name, x, [&]<class T>() {
    const Optional packed = room(x, size > 0, size);
    launch<BACKEND::recurrent_forward<T>>(
        call.name, Recurrent<T>{call.in<T>("x", x, {t, n, out}), call.in<T>("weight", weight, {out, h}),
                                call.in<T>("bias", bias, {out}), call.in<T>("h0", h0, {n, h}),
                                call.in<T>("c0", c0, {n, h}), call.in<int64_t>("lengths", lengths, {n}),
                                call.out<T>("y", y, {t, n, h}), call.out<T>("h_n", h_n, {n, h}),
                                call.out<T>("c_n", c_n, {n, h}), call.out<T>("gates", gates, {t, n, out}),
                                call.out<T>("before", before, {t, n, h}), call.out<T>("cells", cells, {t, n, h}),
                                call.out<T>("reset", reset, {t, n, h}), call.out<T>("packed", packed, {size}), s});
  });
}

void backward(Cell cell, A weight, A before, O cells, O c_n, O reset, O dy, O dh_n, O dc_n, O lengths, A gates, A dx,
              A dh0, O dc0, bool reverse) {
  const Call call(name_of(cell, {}));
  const RecurrentShape s = shape_of(call, dx, weight, cell, reverse);
  const bool lstm = cell == Cell::lstm;
  expect(call, "cells", cells, lstm);
  expect(call, "c_n", c_n, lstm);
  expect(call, "dc0", dc0, lstm);
  expect(call, "reset", reset, cell == Cell::gru);
  if (dc_n && !lstm) expect(call, "dc_n", dc_n, false);
  const int64_t t = s.steps, n = s.batch, h = s.units, out = dx.shape(2), size = BACKEND::recurrent_packed(s);
  by_float(call.name, dx, [&]<class T>() {
    const Optional packed = room(dx, size > 0, size), product = room(dx, true, n, h);
    launch<BACKEND::recurrent_backward<T>>(
        call.name,
        RecurrentBackward<T>{call.in<T>("weight", weight, {out, h}), call.in<T>("before", before, {t, n, h}),
                             call.in<T>("cells", cells, {t, n, h}), call.in<T>("c_n", c_n, {n, h}),
                             call.in<T>("reset", reset, {t, n, h}), call.in<T>("dy", dy, {t, n, h}),
                             call.in<T>("dh_n", dh_n, {n, h}), call.in<T>("dc_n", dc_n, {n, h}),
                             call.in<int64_t>("lengths", lengths, {n}), call.inout<T>("gates", gates, {t, n, out}),
                             call.out<T>("dx", dx, {t, n, out}), call.out<T>("dh0", dh0, {n, h}),
                             call.out<T>("dc0", dc0, {n, h}), call.out<T>("product", product, {n, h}),
                             call.out<T>("packed", packed, {size}), s});
  });
}

}  // namespace

void bind_recurrent(py::module_& m) {
  py::enum_<Cell>(m, "Cell", py::module_local())
      .value("tanh", Cell::tanh)
      .value("relu", Cell::relu)
      .value("lstm", Cell::lstm)
      .value("gru", Cell::gru);
  m.def("recurrent_forward", forward);
  m.def("recurrent_backward", backward);
}

}  // namespace wxb
