#include "recurrent/recurrent_formulas.h"

namespace wxb::ref {

namespace {

template <class T>
void pack(const Packing<T>&, int64_t, int64_t) {}

template <class T>
void multiply(const Step<T>& s, const Part& part) {
  const int64_t h = s.units, gates = gates_of(s.cell);
  for (int64_t n = part.row; n < part.row_end; ++n)
    for (int64_t g = 0; g < gates; ++g)
      for (int64_t j = g * h + part.unit; j < g * h + part.unit_end; ++j) {
        double sum = s.bias ? double(s.bias[j]) : 0;
        for (int64_t k = 0; k < h; ++k) sum += double(s.h[n * h + k]) * double(s.weight[j * h + k]);
        s.gates[n * gates * h + j] = T(sum);
      }
}

template <class T>
void finish(const Step<T>& s, const Part& part) {
  const int64_t gates = gates_of(s.cell);
  for (int64_t n = part.row; n < part.row_end; ++n)
    for (int64_t j = part.unit; j < part.unit_end; ++j) {
      T x[4] = {}, z[4] = {};
      for (int64_t g = 0; g < gates; ++g) {
        const int64_t at = (n * gates + g) * s.units + j;
        x[g] = s.x[at], z[g] = s.gates[at];
      }
      wxb::finish(s, n, j, x, z, state_of(s, n, j));
    }
}

template <class T>
void derive(const BackwardStep<T>& s, const Part& part) {
  for (int64_t n = part.row; n < part.row_end; ++n)
    for (int64_t j = part.unit; j < part.unit_end; ++j) {
      T dz[4];
      wxb::derive(s, n, j, s.product ? s.product[n * s.units + j] : T(0), dz);
    }
}

template <class T>
void multiply_back(const BackwardStep<T>& s, T* product, const Part& part) {
  const int64_t h = s.units, depth = gates_of(s.cell) * h;
  for (int64_t n = part.row; n < part.row_end; ++n)
    for (int64_t j = part.unit; j < part.unit_end; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < depth; ++k) sum += double(s.dz[n * depth + k]) * double(s.weight[k * h + j]);
      product[n * h + j] = T(sum);
    }
}

}  // namespace

extern const RecurrentTable<float> recurrent_float;
extern const RecurrentTable<double> recurrent_double;
const RecurrentTable<float> recurrent_float{pack, multiply, finish, derive, multiply_back};
const RecurrentTable<double> recurrent_double{pack, multiply, finish, derive, multiply_back};

}  // namespace wxb::ref
