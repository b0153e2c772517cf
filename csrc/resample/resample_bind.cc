#include <cmath>

#include "core/plan.h"
#include "resample/resample.h"

namespace wxb {

namespace {

using A = const Array&;
using Factors = std::optional<std::pair<double, double>>;  // outputs per input, where not by the sizes

Grid grid(const Call& call, const char* axis, int64_t in, int64_t out, std::optional<double> factor) {
  if (in < 1 || out < 1)
    value_error(call.name, ": the ", axis, " is ", in, " and is to be ", out, ", both must be at least 1");
  if (factor && !(*factor > 0 && std::isfinite(*factor)))
    value_error(call.name, ": scale_factor is ", *factor, ", it must be finite and above 0");
  return factor ? Grid{in, out, 1.0, *factor} : Grid{in, out, double(in), double(out)};
}

// f(grids of height and width) for a launch from x to y.
template <class F>
void by_grids(const Call& call, A x, A y, const Factors& factors, F f) {
  call.ndim("x", x, 4, "(batch, height, width, channels)"), call.ndim("y", y, 4, "(batch, height, width, channels)");
  if (x.shape(0) != y.shape(0) || x.shape(3) != y.shape(3))
    value_error(call.name, ": the result has shape ", shape_text(y), ", x has ", shape_text(x),
                "; batch and channels must agree");
  const auto factor = [&](bool wide) {
    return factors ? std::optional(wide ? factors->second : factors->first) : std::nullopt;
  };
  const Grid h = grid(call, "height", x.shape(1), y.shape(1), factor(false));
  f(h, grid(call, "width", x.shape(2), y.shape(2), factor(true)));
}

template <class T>
In<T> in(const Call& call, const char* what, A a) {
  return call.in<T>(what, a, {a.shape(0), a.shape(1), a.shape(2), a.shape(3)});
}
template <class T>
Out<T> out(const Call& call, const char* what, A a) {
  return call.out<T>(what, a, {a.shape(0), a.shape(1), a.shape(2), a.shape(3)});
}

}  // namespace

void bind_resample(py::module_& m) {
  py::enum_<Resampling>(m, "Resampling", py::module_local())
      .value("nearest", Resampling::nearest)
      .value("bilinear", Resampling::bilinear);
  m.def(
      "upsample_forward",
      [](Resampling mode, A x, A y, const Factors& factors) {
        const Call call("upsample");
        by_grids(call, x, y, factors, [&](const Grid& h, const Grid& w) {
          by_float(call.name, x, [&]<class T>() {
            launch<BACKEND::resample_forward<T>>(
                call.name, Resample<T>{in<T>(call, "x", x), out<T>(call, "y", y), x.shape(0), x.shape(3), h, w, mode});
          });
        });
      },
      py::arg("mode"), py::arg("x"), py::arg("y"), py::arg("factors") = py::none());
  m.def(
      "upsample_backward",
      [](Resampling mode, A dy, A dx, const Factors& factors) {
        const Call call("upsample_backward");
        by_grids(call, dx, dy, factors, [&](const Grid& h, const Grid& w) {
          by_float(call.name, dy, [&]<class T>() {
            launch<BACKEND::resample_backward<T>>(
                call.name, ResampleBackward<T>{in<T>(call, "dy", dy), out<T>(call, "dx", dx), dx.shape(0), dx.shape(3),
                                               h, w, mode});
          });
        });
      },
      py::arg("mode"), py::arg("dy"), py::arg("dx"), py::arg("factors") = py::none());
}

}  // namespace wxb
