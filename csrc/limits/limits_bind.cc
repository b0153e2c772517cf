#include "core/check.h"
#include "limits/limits.h"

namespace wxb {

namespace {

double checked_seconds(const char* name, double seconds) {
  if (!(seconds > 0 && seconds <= 60))
    value_error(name, ": seconds is ", seconds, ", it must be above 0 and at most 60");
  return seconds;
}

}  // namespace

void bind_limits(py::module_& m) {
  m.def(
      "fma_peak",
      [](double seconds) {
        checked_seconds("fma_peak", seconds);
        py::gil_scoped_release nogil;
        return BACKEND::fma_peak(seconds);
      },
      py::arg("seconds") = 0.1);
  m.def(
      "fork_join",
      [](double seconds) {
        checked_seconds("fork_join", seconds);
        py::gil_scoped_release nogil;
        return BACKEND::fork_join(seconds);
      },
      py::arg("seconds") = 0.1);
  m.def(
      "copy_bandwidth",
      [](int64_t bytes, double seconds) {
        constexpr int64_t most = int64_t{1} << 32;
        if (bytes < 1 || bytes > most) value_error("copy_bandwidth: bytes is ", bytes, ", it must be from 1 to ", most);
        checked_seconds("copy_bandwidth", seconds);
        py::gil_scoped_release nogil;
        return BACKEND::copy_bandwidth(bytes, seconds);
      },
      py::arg("bytes"), py::arg("seconds") = 0.1);
}

}  // namespace wxb
