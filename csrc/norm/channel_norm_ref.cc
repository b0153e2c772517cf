#include "elementwise/activation_ref.h"
#include "norm/channel_norm_table.h"

namespace wxb::ref {

namespace {

// f(i, j) for the elements of the rows, j their channel.
template <class T, class F>
void each(const ChannelRows<T>& a, F f) {
  for (int64_t r = 0; r < a.rows; ++r)
    for (int64_t j = 0; j < a.channels; ++j) f(r * a.channels + j, j);
}

template <class T>
double deviation(const ChannelRows<T>& a, T x, int64_t j) {
  return double(x) - double(a.origin[j]) - double(a.centre[j]);
}

template <class T>
double affine(const ChannelRows<T>& a, T x, int64_t j) {
  return deviation(a, x, j) * double(a.scale[j]) + double(a.shift[j]);
}

template <class T>
double derivative(const ChannelRows<T>& a, T x, T dy, int64_t j) {
  return double(dy) * slope_at(a.activation, double(a.alpha), affine(a, x, j));
}

template <class T>
void statistics(const ChannelRows<T>& a, const T* x, double* sums, double* squares) {
  each(a, [&](int64_t i, int64_t j) {
    const double d = double(x[i]) - double(a.origin[j]);
    sums[j] += d, squares[j] += d * d;
  });
}

template <class T>
void normalise(const ChannelRows<T>& a, const T* x, T* y, bool) {
  each(a, [&](int64_t i, int64_t j) { y[i] = T(activated(a.activation, double(a.alpha), affine(a, x[i], j))); });
}

template <class T>
void dots(const ChannelRows<T>& a, const T* x, const T* dy, T* g, double* sums, double* products) {
  each(a, [&](int64_t i, int64_t j) {
    const double slope = derivative(a, x[i], dy[i], j);
    sums[j] += slope, products[j] += slope * deviation(a, x[i], j);
    if (g && !a.in_registers()) g[i] = T(slope);
  });
}

template <class T>
void gradient(const ChannelRows<T>& a, const T* x, const T* dy, const T* mean, const T* slope, T* dx, bool) {
  each(a, [&](int64_t i, int64_t j) {
    const double g = derivative(a, x[i], dy[i], j);
    dx[i] = T(g * double(a.scale[j]) - (double(mean[j]) + deviation(a, x[i], j) * double(slope[j])));
  });
}

}  // namespace

extern const ChannelNormTable<float> channel_norm_float;
extern const ChannelNormTable<double> channel_norm_double;
const ChannelNormTable<float> channel_norm_float{statistics, normalise, dots, gradient};
const ChannelNormTable<double> channel_norm_double{statistics, normalise, dots, gradient};

}  // namespace wxb::ref
