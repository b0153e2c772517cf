#include "core/scalar.h"

namespace wxb::ref {

namespace {

template <class T>
struct One {
  T load(const T* p) const { return *p; }
  void store(T v, T* p) const { *p = v; }
};

template <class T, class F>
void for_columns(int64_t n, F f) {
  for (int64_t j = 0; j < n; ++j) f(One<T>{}, j);
}

template <class T, class Term>
double column_sum(int64_t n, Term term) {
  double sum = 0;
  for (int64_t j = 0; j < n; ++j) sum += double(term(One<T>{}, j));
  return sum;
}

template <class V>
V number(V s) {
  return s;
}

}  // namespace

}  // namespace wxb::ref

#include "tree/contract.h"

namespace wxb::ref {

namespace {

template <class T>
void turn(const TreeForward<T>& a, int64_t begin, int64_t end) {
  const int64_t width = a.trees.width(), features = a.trees.features();
  for (int64_t i = begin; i < end; ++i)
    for (int64_t j = 0; j < features; ++j) a.turned.data[j * width + i] = a.weight.data[i * features + j];
}

}  // namespace

extern const TreeTable<float> tree_float;
extern const TreeTable<double> tree_double;
const TreeTable<float> tree_float{turn, gather, forward, edges, backward, contract};
const TreeTable<double> tree_double{turn, gather, forward, edges, backward, contract};

}  // namespace wxb::ref
