#include "optimizer/optimizer_table.h"

namespace wxb::ref {

namespace {

template <class F, class T, class Scalars>
void update(const Rows<T>& rows, const Scalars& scalars, int64_t begin, int64_t end) {
  for_pieces(rows, begin, end, [&](const Row<T>& row, int64_t from, int64_t to) {
    const Scalars c = of_row(scalars, row);
    T s[Row<T>::most_states];
    for (int64_t i = from; i < to; ++i) {
      for (int k = 0; k < F::states; ++k) s[k] = row.states[k].data[i];
      F::update(c, row.parameter.data[i], row.gradient.data[i], s);
      for (int k = 0; k < F::states; ++k) row.states[k].data[i] = s[k];
    }
  });
}

template <class T>
void sgd(const Rows<T>& rows, const SgdScalars<T>& c, bool momentum, int64_t begin, int64_t end) {
  momentum ? update<Momentum>(rows, c, begin, end) : update<Plain>(rows, c, begin, end);
}

template <class T>
void adam(const Rows<T>& rows, const AdamScalars<T>& c, int64_t begin, int64_t end) {
  update<Moments>(rows, c, begin, end);
}

template <class T>
void rmsprop(const Rows<T>& rows, const RmspropScalars<T>& c, bool centered, bool momentum, int64_t begin,
             int64_t end) {
  if (centered)
    momentum ? update<MeanSquare<true, true>>(rows, c, begin, end)
             : update<MeanSquare<true, false>>(rows, c, begin, end);
  else
    momentum ? update<MeanSquare<false, true>>(rows, c, begin, end)
             : update<MeanSquare<false, false>>(rows, c, begin, end);
}

template <class T>
double squares(const T* x, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += double(x[i]) * double(x[i]);
  return sum;
}

template <class T>
void scale(T* x, int64_t count, T factor) {
  for (int64_t i = 0; i < count; ++i) x[i] *= factor;
}

}  // namespace

extern const OptimizerTable<float> optimizer_float;
extern const OptimizerTable<double> optimizer_double;
const OptimizerTable<float> optimizer_float{sgd, adam, rmsprop, squares, scale};
const OptimizerTable<double> optimizer_double{sgd, adam, rmsprop, squares, scale};

}  // namespace wxb::ref
