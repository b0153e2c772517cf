#include "core/simd_math.h"
#include "core/simd_sum.h"
#include "detection/boxes_formulas.h"

namespace wxb::WXB_TARGET {

namespace {

void iou(const BoxIou<float>& a, int64_t begin, int64_t end, int64_t first, int64_t count) {
  float x1[box_columns], y1[box_columns], x2[box_columns], y2[box_columns], area[box_columns];
  for (int64_t j = 0; j < count; ++j) {
    const Corners<float> c = corners(a.b.data + 4 * (first + j));
    x1[j] = c.x1, y1[j] = c.y1, x2[j] = c.x2, y2[j] = c.y2, area[j] = c.area;
  }
  for (int64_t i = begin; i < end; ++i) {
    const Corners<float> c = corners(a.a.data + 4 * i);
    const Corners<Vec> mine{Vec(c.x1), Vec(c.y1), Vec(c.x2), Vec(c.y2), Vec(c.area)};
    float* const y = a.y.data + i * a.columns + first;
    for_lanes(0, count, [&](auto lanes, int64_t j) {
      const Corners<Vec> other{lanes.load(x1 + j), lanes.load(y1 + j), lanes.load(x2 + j), lanes.load(y2 + j),
                               lanes.load(area + j)};
      lanes.store(iou_value(mine, other), y + j);
    });
  }
}

}  // namespace

extern const BoxTable<float> boxes_float;
const BoxTable<float> boxes_float{iou};

}  // namespace wxb::WXB_TARGET
