#pragma once
#include <pybind11/pybind11.h>

#include <cstdint>
#include <sstream>
#include <string>
#include <utility>

namespace wxb {

namespace py = pybind11;

// Every error of a binding reads "kernel: what was given, what is wanted; what to do".
template <class... Parts>
std::string message(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return text.str();
}

template <class... Parts>
[[noreturn]] void value_error(const Parts&... parts) {
  throw py::value_error(message(parts...));
}

template <class... Parts>
[[noreturn]] void type_error(const Parts&... parts) {
  throw py::type_error(message(parts...));
}

// Product and sum that notice overflow: sizes come from users.
inline int64_t checked_mul(int64_t a, int64_t b) {
  int64_t result;
  if (__builtin_mul_overflow(a, b, &result)) value_error("array too large: ", a, " x ", b, " does not fit in 64 bits");
  return result;
}

inline int64_t checked_add(int64_t a, int64_t b) {
  int64_t result;
  if (__builtin_add_overflow(a, b, &result)) value_error("array too large: ", a, " + ", b, " does not fit in 64 bits");
  return result;
}

}  // namespace wxb
