#include "core/kept_rows.cuh"
#include "core/reduction.cuh"
#include "norm/norm.h"

namespace wxb::cuda {

namespace {

// Sums are taken in double: rows of large numbers neither overflow nor lose digits.
template <class T>
struct NormBody {
  Norm<T> a;
  double share;  // 1 / features

  template <class Cut>
  __device__ void run(const Cut& cut, int64_t i) const {
    const auto x = cut.row(a.x.data + i * a.features);
    const T first = a.centre ? a.x.data[i * a.features] : T(0);
    const T centre =
        a.centre ? T(share * cut.template sum<double>([&](At at) { return double(x[at] - first); })) : T(0);
    const double squares = cut.template sum<double>([&](At at) {
      const double d = double(x[at] - first) - double(centre);
      return d * d;
    });
    const T rstd = T(rsqrt(squares * share + double(a.eps)));
    const auto weight = cut.shared(a.weight, T(1)), bias = cut.shared(a.bias, T(0));
    cut.write(a.y.data + i * a.features,
              [&](At at) { return fma((x[at] - first - centre) * rstd, weight[at], bias[at]); });
    if (!cut.leads()) return;
    a.rstd.data[i] = rstd;
    if (a.centre) a.centre.data[i] = centre;
  }
};

// z of row i at its element x.
template <class T>
struct Normalised {
  T first, centre, rstd;
  __device__ Normalised(const NormBackward<T>& a, int64_t i)
      : first(a.centre ? a.x.data[i * a.features] : T(0)),
        centre(a.centre ? a.centre.data[i] : T(0)),
        rstd(a.rstd.data[i]) {}
  __device__ T operator()(T x) const { return (x - first - centre) * rstd; }
};

template <class T>
struct NormBackwardBody {
  NormBackward<T> a;
  double share;

  template <class Cut>
  __device__ void run(const Cut& cut, int64_t i) const {
    const auto x = cut.row(a.x.data + i * a.features), dy = cut.row(a.dy.data + i * a.features);
    const auto weight = cut.shared(a.weight, T(1));
    const Normalised<T> z(a, i);
    const auto g = [&](At at) { return dy[at] * weight[at]; };
    const T mean_g = a.centre ? T(share * cut.template sum<double>([&](At at) { return double(g(at)); })) : T(0);
    const T mean_gz = T(share * cut.template sum<double>([&](At at) { return double(g(at)) * double(z(x[at])); }));
    cut.write(a.dx.data + i * a.features, [&](At at) { return z.rstd * (g(at) - fma(z(x[at]), mean_gz, mean_g)); });
  }
};

// dweight and dbias: sums of columns.
template <class T>
struct ParameterBody {
  struct Part {
    T weight, bias;
  };
  NormBackward<T> a;

  __device__ Part part(int64_t column, int64_t k, int64_t to, int64_t step) const {
    Part sum{0, 0};
#pragma unroll 4
    for (; k < to; k += step) {
      const int64_t at = k * a.features + column;
      const T dy = a.dy.data[at];
      sum.bias += dy, sum.weight += dy * Normalised<T>(a, k)(a.x.data[at]);
    }
    return sum;
  }
  __device__ static void merge(Part& a, const Part& b) { a.weight += b.weight, a.bias += b.bias; }
  __device__ void finish(int64_t column, const Part& sum) const {
    if (a.dweight) a.dweight.data[column] = sum.weight;
    if (a.dbias) a.dbias.data[column] = sum.bias;
  }
};

}  // namespace

int64_t norm_tasks(int64_t rows, int64_t features) { return cut_axis(1, rows, features).segments; }

template <class T>
void norm_forward(const Norm<T>& a, Context& context) {
  const NormBody<T> body{a, 1.0 / double(a.features)};
  launch_kept_rows<T>(context, a.rows, a.features, body, a.x, a.weight, a.bias, a.y);
}

// The sums first: dx may be dy.
template <class T>
void norm_backward(const NormBackward<T>& a, Context& context) {
  if (a.dweight || a.dbias)
    launch_reduction(context, ParameterBody<T>{a}, cut_axis(1, a.rows, a.features), a.workspace.data);
  const NormBackwardBody<T> body{a, 1.0 / double(a.features)};
  if (a.dx) launch_kept_rows<T>(context, a.rows, a.features, body, a.x, a.weight, a.dy, a.dx);
}

template void norm_forward(const Norm<float>&, Context&);
template void norm_forward(const Norm<double>&, Context&);
template void norm_backward(const NormBackward<float>&, Context&);
template void norm_backward(const NormBackward<double>&, Context&);

}  // namespace wxb::cuda
