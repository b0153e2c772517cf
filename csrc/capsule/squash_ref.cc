#include "capsule/squash_table.h"

namespace wxb::ref {

namespace {

template <class T>
double dot(const T* a, const T* b, int64_t n) {
  double sum = 0;
  for (int64_t j = 0; j < n; ++j) sum += double(a[j]) * double(b[j]);
  return sum;
}

template <class T>
void forward(const Squash<T>& a, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const T* const x = a.x.data + i * a.features;
    const double scale = squash_factors(dot(x, x, a.features)).scale;
    for (int64_t j = 0; j < a.features; ++j) a.y.data[i * a.features + j] = T(double(x[j]) * scale);
  }
}

template <class T>
void backward(const SquashBackward<T>& a, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const T *const x = a.x.data + i * a.features, *const dy = a.dy.data + i * a.features;
    const SquashFactors f = squash_factors(dot(x, x, a.features));
    const double along = f.slope * dot(x, dy, a.features);
    for (int64_t j = 0; j < a.features; ++j)
      a.dx.data[i * a.features + j] = T(f.scale * double(dy[j]) + along * double(x[j]));
  }
}

}  // namespace

extern const SquashTable<float> squash_float;
extern const SquashTable<double> squash_double;
const SquashTable<float> squash_float{forward, backward};
const SquashTable<double> squash_double{forward, backward};

}  // namespace wxb::ref
