#pragma once
#include "core/hd.h"
#include "core/scalar.h"
#include "detection/boxes_table.h"

// Intersection over union once, for V = float, double and the SIMD Vec of a target. NaN in gives NaN out: of the areas.
namespace wxb::WXB_TARGET {

template <class V>
struct Corners {  // x1 <= x2, y1 <= y2
  V x1, y1, x2, y2, area;
};

template <class V>
HD V iou_value(const Corners<V>& a, const Corners<V>& b) {
  const V width = min(a.x2, b.x2) - max(a.x1, b.x1), height = min(a.y2, b.y2) - max(a.y1, b.y1);
  const V shared = select(width > V(0.0), select(height > V(0.0), width * height, V(0.0)), V(0.0));
  const V either = a.area + b.area - shared;
  return select(either == V(0.0), V(0.0), shared / either);
}

template <class T>
HD Corners<T> corners(const T* p) {
  const T x1 = p[2] < p[0] ? p[2] : p[0], y1 = p[3] < p[1] ? p[3] : p[1];
  const T x2 = p[2] < p[0] ? p[0] : p[2], y2 = p[3] < p[1] ? p[1] : p[3];
  return {x1, y1, x2, y2, (x2 - x1) * (y2 - y1)};
}

}  // namespace wxb::WXB_TARGET
