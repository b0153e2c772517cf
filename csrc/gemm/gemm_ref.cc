#include "elementwise/activation_ref.h"
#include "gemm/gemm_table.h"

namespace wxb::ref {

namespace {

// The definition, summed in double.
template <class T>
void gemm(const Gemm<T>& g) {
  for (int64_t i = 0; i < g.m; ++i)
    for (int64_t j = 0; j < g.n; ++j) {
      double sum = g.bias ? double(g.bias[j]) : 0;
      for (int64_t k = 0; k < g.k; ++k)
        sum += double(g.a[i * g.a_row + k * g.a_col]) * double(g.b[k * g.b_row + j * g.b_col]);
      const int64_t at = i * g.c_row + j;
      if (g.saved) g.saved[at] = T(sum);
      g.c[at] = activated(g.activation, g.alpha, T(sum));
    }
}

template <class T>
void derivative(const LinearBackward<T>& a, int64_t begin, int64_t end) {
  for (int64_t j = begin; j < end; ++j) {
    double sum = 0;
    for (int64_t i = 0; i < a.n; ++i) {
      const int64_t at = i * a.out + j;
      T dz = a.dy.data[at];
      if (a.workspace) a.workspace.data[at] = dz *= slope(a.activation, a.alpha, a.saved.data[at]);
      sum += double(dz);
    }
    if (a.dbias) a.dbias.data[j] = T(sum);
  }
}

}  // namespace

extern const GemmTable<float> gemm_float;
extern const GemmTable<double> gemm_double;
const GemmTable<float> gemm_float{gemm, derivative};
const GemmTable<double> gemm_double{gemm, derivative};

}  // namespace wxb::ref
