#include <cmath>

#include "softmax/softmax_formulas.h"
#include "softmax/softmax_table.h"

namespace wxb::ref {

namespace {

template <class T>
T largest_of(const T* x, int64_t n) {
  T largest = x[0];
  for (int64_t j = 1; j < n; ++j) largest = largest < x[j] ? x[j] : largest;
  return largest;
}

template <class T>
double sum_of_exp(const T* x, int64_t n, T largest) {
  double sum = 0;
  for (int64_t j = 0; j < n; ++j) sum += std::exp(double(x[j] - largest));
  return sum;
}

template <class T>
void softmax(const Softmax<T>& a, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const T* x = a.x.data + i * a.classes;
    T* y = a.y.data + i * a.classes;
    const T largest = largest_of(x, a.classes);
    const double sum = sum_of_exp(x, a.classes, largest);
    for (int64_t j = 0; j < a.classes; ++j) y[j] = T(std::exp(double(x[j] - largest)) / sum);
  }
}

template <class T>
void log_softmax(const Softmax<T>& a, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const T* x = a.x.data + i * a.classes;
    T* y = a.y.data + i * a.classes;
    const T largest = largest_of(x, a.classes);
    const double log_sum = std::log(sum_of_exp(x, a.classes, largest));
    for (int64_t j = 0; j < a.classes; ++j) y[j] = T(double(x[j] - largest) - log_sum);
  }
}

template <class T>
void softmax_backward(const SoftmaxBackward<T>& a, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const T *y = a.y.data + i * a.classes, *dy = a.dy.data + i * a.classes;
    T* dx = a.dx.data + i * a.classes;
    double dot = 0;
    for (int64_t j = 0; j < a.classes; ++j) dot += double(y[j]) * double(dy[j]);
    for (int64_t j = 0; j < a.classes; ++j) dx[j] = T(double(y[j]) * (double(dy[j]) - dot));
  }
}

template <class T>
void log_softmax_backward(const SoftmaxBackward<T>& a, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const T *y = a.y.data + i * a.classes, *dy = a.dy.data + i * a.classes;
    T* dx = a.dx.data + i * a.classes;
    double sum = 0;
    for (int64_t j = 0; j < a.classes; ++j) sum += double(dy[j]);
    for (int64_t j = 0; j < a.classes; ++j) dx[j] = T(double(dy[j]) - std::exp(double(y[j])) * sum);
  }
}

template <class T>
void log_sum_exp(const T* x, int64_t rows, int64_t classes, T* largest, T* sum, T* log_sum) {
  for (int64_t i = 0; i < rows; ++i, x += classes) {
    largest[i] = largest_of(x, classes);
    const double total = sum_of_exp(x, classes, largest[i]);
    sum[i] = T(total);
    log_sum[i] = T(std::log(total));
  }
}

template <class T>
double weighted_target(const TargetRow<T>& r, int64_t j) {
  const double q = Smoothing<double>{double(r.keep), double(r.floor)}(r.target ? double(r.target[j]) : 0.0);
  return r.weight ? double(r.weight[j]) * q : q;
}

template <class T>
TargetSums target_sums(const TargetRow<T>& r, T log_sum) {
  TargetSums sums{0, 0};
  for (int64_t j = 0; j < r.classes; ++j) {
    const double wq = weighted_target(r, j);
    sums.mass += wq;
    if (wq != 0) sums.loss += wq * (double(log_sum) - double(r.x[j] - r.largest));  // 0 log 0 is 0
  }
  return sums;
}

template <class T>
void gradient(const TargetRow<T>& r, T factor, T scale, T* dx) {
  for (int64_t j = 0; j < r.classes; ++j)
    dx[j] = T(double(factor) * std::exp(double(r.x[j] - r.largest)) - double(scale) * weighted_target(r, j));
}

template <class T>
constexpr SoftmaxTable<T> table{softmax<T>,     softmax_backward<T>, log_softmax<T>, log_softmax_backward<T>,
                                log_sum_exp<T>, target_sums<T>,      gradient<T>};

}  // namespace

extern const SoftmaxTable<float> softmax_float;
extern const SoftmaxTable<double> softmax_double;
const SoftmaxTable<float> softmax_float = table<float>;
const SoftmaxTable<double> softmax_double = table<double>;

}  // namespace wxb::ref
