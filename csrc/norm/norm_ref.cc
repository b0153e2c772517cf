#include <cmath>

#include "norm/norm_table.h"

namespace wxb::ref {

namespace {

template <class T>
void forward(const Norm<T>& a, int64_t begin, int64_t end) {
  const double n = double(a.features);
  for (int64_t i = begin; i < end; ++i) {
    const T* const x = a.x.data + i * a.features;
    T* const y = a.y.data + i * a.features;
    const double first = a.centre ? double(x[0]) : 0;
    double sum = 0, squares = 0;
    for (int64_t j = 0; j < a.features; ++j) sum += double(x[j]) - first;
    const T centre = a.centre ? T(sum / n) : T(0);
    const auto deviation = [&](int64_t j) { return double(x[j]) - first - double(centre); };
    for (int64_t j = 0; j < a.features; ++j) squares += deviation(j) * deviation(j);
    const T rstd = T(1 / std::sqrt(squares / n + double(a.eps)));
    for (int64_t j = 0; j < a.features; ++j) {
      const double scaled = deviation(j) * double(rstd) * (a.weight ? double(a.weight.data[j]) : 1.0);
      y[j] = T(scaled + (a.bias ? double(a.bias.data[j]) : 0.0));
    }
    if (a.centre) a.centre.data[i] = centre;
    a.rstd.data[i] = rstd;
  }
}

// One row of the backward: z_j and g_j.
template <class T>
struct Row {
  const T *x, *dy, *weight;
  double origin, rstd;
  Row(const NormBackward<T>& a, int64_t i)
      : x(a.x.data + i * a.features),
        dy(a.dy.data + i * a.features),
        weight(a.weight.data),
        origin(a.centre ? double(x[0]) + double(a.centre.data[i]) : 0),
        rstd(double(a.rstd.data[i])) {}
  double z(int64_t j) const { return (double(x[j]) - origin) * rstd; }
  double g(int64_t j) const { return weight ? double(dy[j]) * double(weight[j]) : double(dy[j]); }
};

template <class T>
void gradient(const NormBackward<T>& a, int64_t i) {
  const Row<T> row(a, i);
  double g = 0, gz = 0;
  for (int64_t j = 0; j < a.features; ++j) g += row.g(j), gz += row.g(j) * row.z(j);
  const double mean_g = a.centre ? g / double(a.features) : 0, mean_gz = gz / double(a.features);
  for (int64_t j = 0; j < a.features; ++j)
    a.dx.data[i * a.features + j] = T(row.rstd * (row.g(j) - mean_g - row.z(j) * mean_gz));
}

template <class T>
void backward(const NormBackward<T>& a, int64_t begin, int64_t end, T* dweight, T* dbias) {
  for (T* sums : {dweight, dbias})
    for (int64_t j = 0; sums && j < a.features; ++j) sums[j] = 0;
  for (int64_t i = begin; i < end; ++i) {
    const Row<T> row(a, i);
    for (int64_t j = 0; dweight && j < a.features; ++j) dweight[j] += T(double(row.dy[j]) * row.z(j));
    for (int64_t j = 0; dbias && j < a.features; ++j) dbias[j] += row.dy[j];
    if (a.dx) gradient(a, i);
  }
}

}  // namespace

extern const NormTable<float> norm_float;
extern const NormTable<double> norm_double;
const NormTable<float> norm_float{forward, backward};
const NormTable<double> norm_double{forward, backward};

}  // namespace wxb::ref
