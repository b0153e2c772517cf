#include <algorithm>

#include "core/isa.h"
#include "core/parallel_sum.h"
#include "detection/focal_table.h"

namespace wxb {

WXB_ROOM(FocalTable<float>, focal_float)

namespace ref {
extern const FocalTable<double> focal_double;
}

namespace cpu {

namespace {

template <class T>
const FocalTable<T>& table() {
  if constexpr (std::is_same_v<T, float>)
    return focal_float();
  else
    return ref::focal_double;
}

constexpr int64_t range = 4096;  // elements that are worth a task: some 20 us

struct Totals {
  double loss = 0;
  int64_t present = 0;
  void operator+=(const Totals& b) { loss += b.loss, present += b.present; }
};

}  // namespace

int64_t focal_workspace(int64_t) { return 0; }

template <class T>
void focal_loss_forward(const FocalLoss<T>& a, Context&) {
  const Totals total = parallel_sum(a.x.size, range, [&](int64_t begin, int64_t end) {
    return Totals{table<T>().loss(a, begin, end), std::count(a.target.data + begin, a.target.data + end, T(1))};
  });
  const double divisor = double(std::max<int64_t>(1, total.present));
  a.total.data[0] = T(divisor);
  a.loss.data[0] = T(total.loss / divisor);
}

template <class T>
void focal_loss_backward(const FocalLossBackward<T>& a, Context&) {
  const T scale = T(double(a.dy.data[0]) / double(a.total.data[0]));
  parallel((a.x.size + range - 1) / range,
           [&](int64_t task) { table<T>().backward(a, scale, task * range, std::min(a.x.size, (task + 1) * range)); });
}

#define WXB_FLOAT(T)                                               \
  template void focal_loss_forward(const FocalLoss<T>&, Context&); \
  template void focal_loss_backward(const FocalLossBackward<T>&, Context&);
WXB_FLOAT(float)
WXB_FLOAT(double)

}  // namespace cpu
}  // namespace wxb
