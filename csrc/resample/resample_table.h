#pragma once
#include "resample/resample.h"

namespace wxb {

template <class T>
struct ResampleTable {
  // The rows [begin, end) of y, (batch, height) laid end to end, on one thread; likewise of dx.
  void (*forward)(const Resample<T>&, int64_t begin, int64_t end);
  void (*backward)(const ResampleBackward<T>&, int64_t begin, int64_t end);
};

// f(row of dy, its weight) for the rows that row i of an image went to.
template <class T, class F>
HD void for_rows_from(const Grid& h, Resampling mode, int64_t i, F f) {
  const Reach reached = reach(h, mode, i);
  for (int64_t oh = reached.first; oh < reached.last; ++oh) {
    const Taps<T> t = taps<T>(h, mode, oh);
    if (t.low == i) f(oh, T(1) - t.weight);
    if (t.high == i && t.weight != T(0)) f(oh, t.weight);
  }
}

}  // namespace wxb
