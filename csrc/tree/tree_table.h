#pragma once
#include "tree/tree.h"

namespace wxb {

// Each on one thread.
template <class T>
struct TreeTable {
  void (*turn)(const TreeForward<T>&, int64_t begin, int64_t end);    // rows [begin, end) of the weight
  void (*gather)(const TreeForward<T>&, int64_t begin, int64_t end);  // the features of these nodes
  // Their states. Where `inner`, the product of weight and features stands where z goes: in gates, or in h.
  void (*forward)(const TreeForward<T>&, int64_t begin, int64_t end, bool inner);
  void (*edges)(const TreeBackward<T>&, int64_t begin, int64_t end);     // edge, of child_sum
  void (*backward)(const TreeBackward<T>&, int64_t begin, int64_t end);  // dz and dc
  void (*contract)(const TreeBackward<T>&, int64_t begin, int64_t end);  // ds from dfeatures, of tensor
};

}  // namespace wxb
