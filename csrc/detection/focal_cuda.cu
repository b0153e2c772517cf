#include "core/rows.cuh"
#include "detection/focal.h"
#include "detection/focal_formulas.h"

namespace wxb::cuda {

namespace {

// Of some elements: the sum of their losses and how many targets are 1.
struct Totals {
  double loss, present;
  HD Totals operator+(const Totals& b) const { return {loss + b.loss, present + b.present}; }
};

template <class F, class T>
__global__ void __launch_bounds__(block_threads) sum_parts(FocalLoss<T> a) {
  Totals mine{0, 0};
  for (int64_t i = first_index(); i < a.x.size; i += stride()) {
    const T target = a.target.data[i];
    mine = mine + Totals{double(focal_value<F>(a.x.data[i], target, a.gamma, a.shape)), target == T(1) ? 1.0 : 0.0};
  }
  const Totals total = reduce_block(mine, Sum());
  if (threadIdx.x == 0) a.parts.data[2 * blockIdx.x] = total.loss, a.parts.data[2 * blockIdx.x + 1] = total.present;
}

template <class T>
__global__ void __launch_bounds__(block_threads) add_parts(FocalLoss<T> a) {
  Totals mine{0, 0};
  for (int64_t i = threadIdx.x; i < a.parts.size / 2; i += block_threads)
    mine = mine + Totals{a.parts.data[2 * i], a.parts.data[2 * i + 1]};
  const Totals total = reduce_block(mine, Sum());
  if (threadIdx.x > 0) return;
  const double divisor = total.present > 1 ? total.present : 1;
  a.total.data[0] = T(divisor);
  a.loss.data[0] = T(total.loss / divisor);
}

template <class F, class T>
struct Gradient {
  FocalLossBackward<T> a;
  __device__ void operator()(int64_t i) const {
    const T scale = T(double(a.dy.data[0]) / double(a.total.data[0]));
    a.dx.data[i] = scale * focal_derivative<F>(a.x.data[i], a.target.data[i], a.gamma, a.shape);
  }
};

}  // namespace

// A block of parts takes at least 16 elements a thread, and a GPU has room for some thousand of them.
int64_t focal_parts(int64_t size) { return std::clamp<int64_t>(ceil_div(size, 16 * block_threads), 1, 1024); }

template <class T>
void focal_loss_forward(const FocalLoss<T>& a, Context& context) {
  const unsigned blocks = unsigned(a.parts.size / 2);
  switch (a.op) {
#define WXB_CASE(name, F) \
  case Focal::name: launch_blocks(context, sum_parts<F, T>, blocks, block_threads, 0, a); break;
    WXB_FOCAL(WXB_CASE)
#undef WXB_CASE
  }
  launch_blocks(context, add_parts<T>, 1, block_threads, 0, a);
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
