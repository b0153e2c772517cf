#include "capsule/squash.h"
#include "core/plan.h"

namespace wxb {

namespace {

using A = const Array&;

void forward(A x, A y) {
  const Call call("squash");
  call.ndim("x", x, 2, "(rows, features)");
  const int64_t rows = x.shape(0), features = x.shape(1);
  by_float(call.name, x, [&]<class T>() {
    launch<BACKEND::squash_forward<T>>(call.name, Squash<T>{call.in<T>("x", x, {rows, features}),
                                                            call.out<T>("y", y, {rows, features}), rows, features});
  });
}

void backward(A x, A dy, A dx) {
  const Call call("squash_backward");
  call.ndim("x", x, 2, "(rows, features)");
  const int64_t rows = x.shape(0), features = x.shape(1);
  by_float(call.name, x, [&]<class T>() {
    launch<BACKEND::squash_backward<T>>(
        call.name, SquashBackward<T>{call.in<T>("x", x, {rows, features}), call.in<T>("dy", dy, {rows, features}),
                                     call.out<T>("dx", dx, {rows, features}), rows, features});
  });
}

}  // namespace

void bind_squash(py::module_& m) {
  m.def("squash_forward", forward);
  m.def("squash_backward", backward);
}

}  // namespace wxb
