#pragma once
#include "optimizer/formulas.h"

namespace wxb {

// The bodies: elements [begin, end) of the rows laid end to end, on one thread.
template <class T>
struct OptimizerTable {
  void (*sgd)(const Rows<T>&, const SgdScalars<T>&, bool momentum, int64_t begin, int64_t end);
  void (*adam)(const Rows<T>&, const AdamScalars<T>&, int64_t begin, int64_t end);
  void (*rmsprop)(const Rows<T>&, const RmspropScalars<T>&, bool centered, bool momentum, int64_t begin, int64_t end);
  double (*squares)(const T* x, int64_t count);  // sum of x^2
  void (*scale)(T* x, int64_t count, T factor);  // x <- factor x
};

}  // namespace wxb
