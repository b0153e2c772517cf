#pragma once
#include "detection/focal.h"

namespace wxb {

// The elements [begin, end) on one thread: the sum of their losses, or their gradients; scale is dy / total.
template <class T>
struct FocalTable {
  double (*loss)(const FocalLoss<T>&, int64_t begin, int64_t end);
  void (*backward)(const FocalLossBackward<T>&, T scale, int64_t begin, int64_t end);
};

}  // namespace wxb
