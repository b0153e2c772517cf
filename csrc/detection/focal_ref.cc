#include "detection/focal_formulas.h"
#include "detection/focal_table.h"

namespace wxb::ref {

namespace {

template <class F, class T>
double loss_loop(const FocalLoss<T>& a, int64_t begin, int64_t end) {
  double sum = 0;
  for (int64_t i = begin; i < end; ++i) sum += double(focal_value<F>(a.x.data[i], a.target.data[i], a.gamma, a.shape));
  return sum;
}

template <class F, class T>
void backward_loop(const FocalLossBackward<T>& a, T scale, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i)
    a.dx.data[i] = scale * focal_derivative<F>(a.x.data[i], a.target.data[i], a.gamma, a.shape);
}

template <class T>
double loss(const FocalLoss<T>& a, int64_t begin, int64_t end) {
  switch (a.op) {
#define WXB_CASE(name, F) \
  case Focal::name: return loss_loop<F>(a, begin, end);
    WXB_FOCAL(WXB_CASE)
#undef WXB_CASE
  }
  return 0;
}

template <class T>
void backward(const FocalLossBackward<T>& a, T scale, int64_t begin, int64_t end) {
  switch (a.op) {
#define WXB_CASE(name, F) \
  case Focal::name: return backward_loop<F>(a, scale, begin, end);
    WXB_FOCAL(WXB_CASE)
#undef WXB_CASE
  }
}

}  // namespace

extern const FocalTable<float> focal_float;
extern const FocalTable<double> focal_double;
const FocalTable<float> focal_float{loss, backward};
const FocalTable<double> focal_double{loss, backward};

}  // namespace wxb::ref
