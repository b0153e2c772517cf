#pragma once
#include "epilogue/epilogue.h"

namespace wxb {

template <class T>
struct EpilogueTable {
  // Elements [begin, end), on one thread; begin is a multiple of 64, as random numbers want.
  void (*forward)(const Epilogue<T>&, int64_t begin, int64_t end);
  // Likewise; the column sums of these elements are written to dbias (features), unless null.
  void (*backward)(const EpilogueBackward<T>&, int64_t begin, int64_t end, T* dbias);
};

}  // namespace wxb
