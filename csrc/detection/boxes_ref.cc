#include "detection/boxes_formulas.h"

namespace wxb::ref {

namespace {

template <class T>
void iou(const BoxIou<T>& a, int64_t begin, int64_t end, int64_t first, int64_t count) {
  for (int64_t i = begin; i < end; ++i)
    for (int64_t j = first; j < first + count; ++j)
      a.y.data[i * a.columns + j] = iou_value(corners(a.a.data + 4 * i), corners(a.b.data + 4 * j));
}

}  // namespace

extern const BoxTable<float> boxes_float;
extern const BoxTable<double> boxes_double;
const BoxTable<float> boxes_float{iou};
const BoxTable<double> boxes_double{iou};

}  // namespace wxb::ref
