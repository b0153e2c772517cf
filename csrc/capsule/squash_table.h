#pragma once
#include "capsule/squash.h"

namespace wxb {

// The rows [begin, end), on one thread.
template <class T>
struct SquashTable {
  void (*forward)(const Squash<T>&, int64_t begin, int64_t end);
  void (*backward)(const SquashBackward<T>&, int64_t begin, int64_t end);
};

}  // namespace wxb
