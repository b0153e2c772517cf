#include "core/simd_math.h"
#include "core/simd_sum.h"
#include "detection/focal_formulas.h"
#include "detection/focal_table.h"

namespace wxb::WXB_TARGET {

namespace {

template <class F>
double loss_loop(const FocalLoss<float>& a, int64_t begin, int64_t end) {
  const float *x = a.x.data + begin, *t = a.target.data + begin;
  return sum_of(end - begin, [&](auto lanes, int64_t i) {
    return focal_value<F>(lanes.load(x + i), lanes.load(t + i), Vec(a.gamma), Vec(a.shape));
  });
}

template <class F>
void backward_loop(const FocalLossBackward<float>& a, float scale, int64_t begin, int64_t end) {
  const float *x = a.x.data, *t = a.target.data;
  for_lanes(begin, end, [&](auto lanes, int64_t i) {
    const Vec d = focal_derivative<F>(lanes.load(x + i), lanes.load(t + i), Vec(a.gamma), Vec(a.shape));
    lanes.store(Vec(scale) * d, a.dx.data + i);
  });
}

double loss(const FocalLoss<float>& a, int64_t begin, int64_t end) {
  switch (a.op) {
#define WXB_CASE(name, F) \
  case Focal::name: return loss_loop<F>(a, begin, end);
    WXB_FOCAL(WXB_CASE)
#undef WXB_CASE
  }
  return 0;
}

void backward(const FocalLossBackward<float>& a, float scale, int64_t begin, int64_t end) {
  switch (a.op) {
#define WXB_CASE(name, F) \
  case Focal::name: return backward_loop<F>(a, scale, begin, end);
    WXB_FOCAL(WXB_CASE)
#undef WXB_CASE
  }
}

}  // namespace

extern const FocalTable<float> focal_float;
const FocalTable<float> focal_float{loss, backward};

}  // namespace wxb::WXB_TARGET
