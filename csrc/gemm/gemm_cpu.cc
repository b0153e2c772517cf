#include <algorithm>

#include "core/isa.h"
#include "core/parallel.h"
#include "gemm/gemm.h"
#include "gemm/gemm_table.h"

namespace wxb {

WXB_ROOM(GemmTable<float>, gemm_float)

namespace ref {
extern const GemmTable<double> gemm_double;
}

namespace cpu {

namespace {

template <class T>
const GemmTable<T>& table() {
  if constexpr (std::is_same_v<T, float>)
    return gemm_float();
  else
    return ref::gemm_double;
}

}  // namespace

template <class T>
void linear_forward(const LinearForward<T>& a, Context&) {
  table<T>().gemm({a.n, a.out, a.in, a.x.data, a.in, 1, a.weight.data, 1, a.in, a.y.data, a.out, a.bias.data,
                   a.saved.data, a.activation, a.alpha});
}

template <class T>
void linear_backward(const LinearBackward<T>& a, Context&) {
  const T* dz = a.workspace ? a.workspace.data : a.dy.data;
  if (a.workspace || a.dbias) {
    const int64_t strips = (a.out + derivative_strip - 1) / derivative_strip,
                  together = a.n * a.out < 32768 ? std::max<int64_t>(1, strips) : 1;
    parallel((strips + together - 1) / together, [&](int64_t task) {
      for (int64_t strip = task * together; strip < std::min(strips, (task + 1) * together); ++strip)
        table<T>().derivative(a, strip * derivative_strip, std::min(a.out, (strip + 1) * derivative_strip));
    });
  }
  if (a.dx) table<T>().gemm({a.n, a.in, a.out, dz, a.out, 1, a.weight.data, a.in, 1, a.dx.data, a.in});
  if (a.dweight) table<T>().gemm({a.out, a.in, a.n, dz, 1, a.out, a.x.data, a.in, 1, a.dweight.data, a.in});
}

template <class T>
void matmul(const Matmul<T>& a, Context&) {
  const auto one = [&](int64_t i) {
    table<T>().gemm({a.m, a.n, a.k, a.a.data + i * a.stride_a, a.transpose_a ? 1 : a.k, a.transpose_a ? a.m : 1,
                     a.b.data + i * a.stride_b, a.transpose_b ? 1 : a.n, a.transpose_b ? a.k : 1,
                     a.y.data + i * a.m * a.n, a.n});
  };
  // Large products are cut up themselves; of small ones each thread takes a share.
  const double each = double(a.m) * double(a.n) * double(a.k);
  if (each >= 1e6) {
    for (int64_t i = 0; i < a.batch; ++i) one(i);
    return;
  }
  const int64_t share = std::max<int64_t>(1, int64_t(2e5 / std::max(each, 1.0)));  // some microseconds a task
  parallel((a.batch + share - 1) / share, [&](int64_t task) {
    for (int64_t i = task * share; i < std::min(a.batch, (task + 1) * share); ++i) one(i);
  });
}

int64_t product_room(int64_t, int64_t, int64_t, int64_t, Precision) { return 0; }
int64_t column_room(int64_t, int64_t) { return 0; }

template void linear_forward(const LinearForward<float>&, Context&);
template void linear_forward(const LinearForward<double>&, Context&);
template void linear_backward(const LinearBackward<float>&, Context&);
template void linear_backward(const LinearBackward<double>&, Context&);
template void matmul(const Matmul<float>&, Context&);
template void matmul(const Matmul<double>&, Context&);

}  // namespace cpu
}  // namespace wxb
