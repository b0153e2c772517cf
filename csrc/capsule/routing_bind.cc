#include <algorithm>

#include "capsule/routing.h"
#include "core/plan.h"

namespace wxb {

namespace {

using A = const Array&;
using O = const Optional&;

RoutingSizes sizes_of(const Call& call, A x, A weight, int64_t iterations) {
  call.ndim("x", x, 3, "(n, inputs, in_size)");
  call.ndim("weight", weight, 4, "(outputs, out_size, in_size, inputs)");
  if (weight.shape(3) != x.shape(1) || weight.shape(2) != x.shape(2))
    value_error(call.name, ": x has shape ", shape_text(x), ", weight ", shape_text(weight), " wants (n, ",
                weight.shape(3), ", ", weight.shape(2), ")");
  if (iterations < 1 || iterations > 1000)
    value_error(call.name, ": iterations is ", iterations, ", it must be from 1 to 1000");
  if (weight.size() == 0)
    value_error(call.name, ": weight has shape ", shape_text(weight), ", none of its axes may be 0");
  return {x.shape(0), x.shape(1), x.shape(2), weight.shape(0), weight.shape(1), iterations};
}

// Elements of scratch for `count` tasks.
int64_t scratch(int64_t count, int64_t each) {
  checked_mul(checked_mul(count, each), sizeof(double));
  return count * each;
}

// Raises where the scratch of some examples, at most some 20 times their sizes, does not fit in 64 bits.
void check_sizes(const RoutingSizes& s) {
  const int64_t rows = checked_mul(checked_add(checked_mul(s.outputs, s.out_size), s.in_size), s.inputs + s.widest);
  checked_mul(checked_mul(checked_mul(rows, 256), 2 * s.iterations), s.block);
}

Array workspace(int64_t size, A like) { return Array(empty(py::make_tuple(size), like.attr("dtype"), false)); }

void forward(A x, A weight, A y, A sums, int64_t iterations) {
  const Call call("routing");
  const RoutingSizes s = sizes_of(call, x, weight, iterations);
  const int64_t slots = std::max<int64_t>(1, BACKEND::routing_slots((s.n + s.together - 1) / s.together));
  by_float(call.name, x, [&]<class T>() {
    const auto in_x = call.in<T>("x", x, {s.n, s.inputs, s.in_size});
    const auto in_weight = call.in<T>("weight", weight, {s.outputs, s.out_size, s.in_size, s.inputs});
    const auto out_y = call.out<T>("y", y, {s.n, s.outputs, s.out_size});
    const auto out_sums = call.out<T>("sums", sums, {s.n, s.iterations, s.outputs, s.out_size});
    check_sizes(s);
    const Array space = workspace(scratch(slots, BACKEND::routing_slot(s)), x);
    launch<BACKEND::routing_forward<T>>(call.name, Routing<T>{s, in_x, in_weight, out_y, out_sums,
                                                              call.out<T>("workspace", space, space.size()), slots});
  });
}

void backward(A x, A weight, A sums, A dy, O dx, O dweight, int64_t iterations, bool detach) {
  const Call call("routing_backward");
  const RoutingSizes s = sizes_of(call, x, weight, iterations);
  const int64_t slots = BACKEND::routing_slots(std::max<int64_t>(s.in_block(), 1));
  by_float(call.name, x, [&]<class T>() {
    RoutingBackward<T> a{s,
                         call.in<T>("x", x, {s.n, s.inputs, s.in_size}),
                         call.in<T>("weight", weight, {s.outputs, s.out_size, s.in_size, s.inputs}),
                         call.in<T>("sums", sums, {s.n, s.iterations, s.outputs, s.out_size}),
                         call.in<T>("dy", dy, {s.n, s.outputs, s.out_size}),
                         call.out<T>("dx", dx, {s.n, s.inputs, s.in_size}),
                         call.out<T>("dweight", dweight, {s.outputs, s.out_size, s.in_size, s.inputs}),
                         {},
                         {},
                         slots,
                         detach};
    check_sizes(s);
    const Array space = workspace(scratch(slots, BACKEND::routing_slot(s)), x);
    const Array terms = workspace(scratch(s.in_block(), a.of_terms()), x);
    a.workspace = call.out<T>("workspace", space, space.size());
    a.terms = call.out<T>("terms", terms, terms.size());
    launch<BACKEND::routing_backward<T>>(call.name, a);
  });
}

}  // namespace

void bind_routing(py::module_& m) {
  m.def("routing_forward", forward);
  m.def("routing_backward", backward);
}

}  // namespace wxb
