#include "core/reduction.cuh"
#include "detection/focal.h"
#include "detection/focal_formulas.h"

namespace wxb::cuda {

namespace {

// The sum of the losses of some elements, and how many targets are 1.
struct Totals {
  double loss, present;
};

template <class F, class T>
struct Loss {
  using Part = Totals;
  FocalLoss<T> a;
  __device__ Totals part(int64_t, int64_t i, int64_t to, int64_t step) const {
    Totals mine{};
    for (; i < to; i += step) {
      const T target = a.target.data[i];
      mine.loss += double(focal_value<F>(a.x.data[i], target, a.gamma, a.shape));
      mine.present += target == T(1) ? 1.0 : 0.0;
    }
    return mine;
  }
  __device__ static void merge(Totals& a, const Totals& b) { a.loss += b.loss, a.present += b.present; }
  __device__ void finish(int64_t, const Totals& total) const {
    const double divisor = total.present > 1 ? total.present : 1;
    a.total.data[0] = T(divisor);
    a.loss.data[0] = T(total.loss / divisor);
  }
};

template <class F, class T>
struct Gradient {
  FocalLossBackward<T> a;
  __device__ void operator()(int64_t i) const {
    const T scale = T(double(a.dy.data[0]) / double(a.total.data[0]));
    a.dx.data[i] = scale * focal_derivative<F>(a.x.data[i], a.target.data[i], a.gamma, a.shape);
  }
};

}  // namespace

int64_t focal_workspace(int64_t size) { return 2 * parts_of(cut_axis(1, size, 1)); }

template <class T>
void focal_loss_forward(const FocalLoss<T>& a, Context& context) {
  const AxisCut cut = cut_axis(1, a.x.size, 1);
  switch (a.op) {
#define WXB_CASE(name, F) \
  case Focal::name: return launch_reduction(context, Loss<F, T>{a}, cut, a.workspace.data);
    WXB_FOCAL(WXB_CASE)
#undef WXB_CASE
  }
}

template <class T>
void focal_loss_backward(const FocalLossBackward<T>& a, Context& context) {
  switch (a.op) {
#define WXB_CASE(name, F) \
  case Focal::name: return launch_each(context, a.x.size, Gradient<F, T>{a});
    WXB_FOCAL(WXB_CASE)
#undef WXB_CASE
  }
}

#define WXB_FLOAT(T)                                               \
  template void focal_loss_forward(const FocalLoss<T>&, Context&); \
  template void focal_loss_backward(const FocalLossBackward<T>&, Context&);
WXB_FLOAT(float)
WXB_FLOAT(double)

}  // namespace wxb::cuda
