#pragma once
#include "detection/boxes.h"

namespace wxb {

// The rows [begin, end) of a BoxIou against `count` columns from `first` on, at most box_columns of them.
constexpr int64_t box_columns = 256;  // their corners, laid out by coordinate, and areas are 5 KB of stack

template <class T>
struct BoxTable {
  void (*iou)(const BoxIou<T>&, int64_t begin, int64_t end, int64_t first, int64_t count);
};

}  // namespace wxb
