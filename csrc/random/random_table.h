#pragma once
#include "random/random.h"

namespace wxb {

// The bodies: elements [begin, end) of the output, on one thread; begin is a multiple of 64.
template <class T>
struct RandomTable {
  void (*uniform)(const Uniform<T>&, int64_t begin, int64_t end);
  void (*normal)(const Normal<T>&, int64_t begin, int64_t end);
  void (*bernoulli)(const Bernoulli<T>&, int64_t begin, int64_t end);
  void (*dropout)(const Dropout<T>&, int64_t begin, int64_t end);
};

}  // namespace wxb
