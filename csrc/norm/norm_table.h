#pragma once
#include "norm/norm.h"

namespace wxb {

template <class T>
struct NormTable {
  // The rows [begin, end), on one thread.
  void (*forward)(const Norm<T>&, int64_t begin, int64_t end);
  // Likewise; their column sums are written to dweight and dbias, unless null.
  void (*backward)(const NormBackward<T>&, int64_t begin, int64_t end, T* dweight, T* dbias);
};

}  // namespace wxb
