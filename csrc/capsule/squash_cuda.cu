#include "capsule/squash.h"
#include "core/rows.cuh"

namespace wxb::cuda {

namespace {

template <class T>
struct SquashRow {
  Squash<T> a;
  template <class Team>
  __device__ void run(Team team, int64_t row) const {
    const T* const x = a.x.data + row * a.features;
    double square = 0;
    for (int64_t j = team.rank(); j < a.features; j += team.size) square = fma(double(x[j]), double(x[j]), square);
    const double scale = squash_factors(team.sum(square)).scale;
    for (int64_t j = team.rank(); j < a.features; j += team.size)
      a.y.data[row * a.features + j] = T(double(x[j]) * scale);
  }
};

template <class T>
struct SquashRowBack {
  SquashBackward<T> a;
  template <class Team>
  __device__ void run(Team team, int64_t row) const {
    const T *const x = a.x.data + row * a.features, *const dy = a.dy.data + row * a.features;
    double square = 0, along = 0;
    for (int64_t j = team.rank(); j < a.features; j += team.size) {
      square = fma(double(x[j]), double(x[j]), square);
      along = fma(double(x[j]), double(dy[j]), along);
    }
    const SquashFactors f = squash_factors(team.sum(square));
    along = f.slope * team.sum(along);
    for (int64_t j = team.rank(); j < a.features; j += team.size)
      a.dx.data[row * a.features + j] = T(f.scale * double(dy[j]) + along * double(x[j]));
  }
};

}  // namespace

template <class T>
void squash_forward(const Squash<T>& a, Context& context) {
  launch_rows(context, a.rows, a.features, SquashRow<T>{a});
}

template <class T>
void squash_backward(const SquashBackward<T>& a, Context& context) {
  launch_rows(context, a.rows, a.features, SquashRowBack<T>{a});
}

template void squash_forward(const Squash<float>&, Context&);
template void squash_forward(const Squash<double>&, Context&);
template void squash_backward(const SquashBackward<float>&, Context&);
template void squash_backward(const SquashBackward<double>&, Context&);

}  // namespace wxb::cuda
