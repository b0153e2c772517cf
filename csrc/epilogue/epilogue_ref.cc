#include "elementwise/activation_ref.h"
#include "epilogue/epilogue_table.h"
#include "random/draws.h"

namespace wxb::ref {

namespace {

// x_i + bias, of either struct.
template <class Args>
auto sum_at(const Args& a, int64_t i) {
  return a.bias ? a.x.data[i] + a.bias.data[i % a.features] : a.x.data[i];
}

// v, the i-th element, after the dropout: its word is where random/random.h says.
template <class Args, class T>
T dropped(const Args& a, int64_t i, T v) {
  if (!a.saved) return v;
  return word_of(a.saved.data, i) < a.threshold ? T(0) : v * a.scale;
}

template <class T>
void forward(const Epilogue<T>& a, int64_t begin, int64_t end) {
  for (int64_t i = begin; i < end; ++i) {
    const T y = dropped(a, i, activated(a.activation, a.alpha, sum_at(a, i)));
    a.y.data[i] = a.residual ? a.residual.data[i] + y : y;
  }
}

template <class T>
void backward(const EpilogueBackward<T>& a, int64_t begin, int64_t end, T* dbias) {
  for (int64_t j = 0; dbias && j < a.features; ++j) dbias[j] = 0;
  for (int64_t i = begin; i < end; ++i) {
    const T dx = dropped(a, i, a.dy.data[i]) * slope_at(a.activation, a.alpha, sum_at(a, i));
    if (a.dx) a.dx.data[i] = dx;
    if (dbias) dbias[i % a.features] += dx;
  }
}

}  // namespace

extern const EpilogueTable<float> epilogue_float;
extern const EpilogueTable<double> epilogue_double;
const EpilogueTable<float> epilogue_float{forward, backward};
const EpilogueTable<double> epilogue_double{forward, backward};

}  // namespace wxb::ref
