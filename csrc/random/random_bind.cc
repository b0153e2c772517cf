#include <cmath>

#include "core/plan.h"
#include "random/random.h"
#include "random/random_bind.h"

namespace wxb {

namespace {

using A = const Array&;

In<uint64_t> state(const Call& call, A saved) { return call.in<uint64_t>("saved", saved, {2}); }

void bind_continuous(py::module_& m) {
  m.def("uniform", [](A saved, A y, double low, double high) {
    const Call call("uniform");
    by_float(call.name, y, [&]<class T>() {
      if (!(low <= high) || !std::isfinite(T(high) - T(low)))
        value_error(call.name, ": low is ", low, ", high is ", high, "; both must be finite and low not above high");
      launch<BACKEND::uniform<T>>(call.name,
                                  Uniform<T>{state(call, saved), call.out<T>("y", y, y.size()), T(low), T(high)});
    });
  });
  m.def("normal", [](A saved, A y, double mean, double std) {
    const Call call("normal");
    by_float(call.name, y, [&]<class T>() {
      if (!(std >= 0) || !std::isfinite(T(std)) || !std::isfinite(T(mean)))
        value_error(call.name, ": mean is ", mean, ", std is ", std, "; both must be finite and std not below 0");
      launch<BACKEND::normal<T>>(call.name,
                                 Normal<T>{state(call, saved), call.out<T>("y", y, y.size()), T(mean), T(std)});
    });
  });
}

void bind_choices(py::module_& m) {
  m.def("bernoulli", [](A saved, A y, double p) {
    const Call call("bernoulli");
    by_float(call.name, y, [&]<class T>() {
      launch<BACKEND::bernoulli<T>>(
          call.name, Bernoulli<T>{state(call, saved), call.out<T>("y", y, y.size()), threshold(call, p)});
    });
  });
  m.def("dropout_forward", [](A x, A saved, A y, double p) {
    const Call call("dropout_forward");
    by_float(call.name, x, [&]<class T>() {
      launch<BACKEND::dropout<T>>(
          call.name, Dropout<T>{call.in<T>("x", x, y.size()), state(call, saved), call.out<T>("y", y, y.size()),
                                threshold(call, p), kept_scale<T>(p)});
    });
  });
}

void bind_integers(py::module_& m) {
  m.def("randint", [](A saved, A y, int64_t low, int64_t high) {
    const Call call("randint");
    if (low >= high) value_error(call.name, ": low is ", low, ", high is ", high, "; low must be below high");
    launch<BACKEND::randint>(call.name, Randint{state(call, saved), call.out<int64_t>("y", y, y.size()), low,
                                                uint64_t(high) - uint64_t(low)});
  });
  m.def("permutation", [](A saved, A y) {
    const Call call("permutation");
    call.ndim("y", y, 1, "(n)");
    launch<BACKEND::permutation>(call.name, Permutation{state(call, saved), call.out<int64_t>("y", y, y.size())});
  });
}

}  // namespace

void bind_random(py::module_& m) {
  m.def("rng_advance", [](A rng, A saved, int64_t n) {
    const Call call("rng_advance");
    if (n < 0) value_error(call.name, ": n is ", n, ", it must not be negative");
    launch<BACKEND::rng_advance>(
        call.name, RngAdvance{call.inout<uint64_t>("state", rng, {2}), call.out<uint64_t>("saved", saved, {2}), n});
  });
  bind_continuous(m);
  bind_choices(m);
  bind_integers(m);
}

}  // namespace wxb
