#include "capsule/routing_formulas.h"
#include "capsule/routing_table.h"

namespace wxb::ref {

namespace {

// u_ij of an example: votes[(j, d), i].
template <class T, class A>
void make_votes(const A& a, int64_t example, T* votes) {
  for (int64_t p = 0; p < a.poses(); ++p)
    for (int64_t i = 0; i < a.inputs; ++i) {
      double sum = 0;
      for (int64_t k = 0; k < a.in_size; ++k)
        sum += double(a.weight.data[(p * a.in_size + k) * a.inputs + i]) *
               double(a.x.data[(example * a.inputs + i) * a.in_size + k]);
      votes[p * a.row() + i] = T(sum);
    }
}

// u_ij . vectors_j
template <class T>
double dot(const RoutingSizes& a, const T* votes, const T* vectors, int64_t i, int64_t j) {
  double sum = 0;
  for (int64_t p = j * a.out_size; p < (j + 1) * a.out_size; ++p)
    sum += double(votes[p * a.row() + i]) * double(vectors[p]);
  return sum;
}

template <class T>
void squash(const RoutingSizes& a, const T* s, T* v) {
  for (int64_t j = 0; j < a.outputs; ++j, s += a.out_size, v += a.out_size) {
    const double scale = factors(s, a.out_size).scale;
    for (int64_t d = 0; d < a.out_size; ++d) v[d] = T(double(s[d]) * scale);
  }
}

// sums_p = sum_i c_ij u_ip; without c, of the first iteration, c_ij = 1 / outputs.
template <class T>
void weigh(const RoutingSizes& a, const T* votes, const T* c, T* sums) {
  for (int64_t p = 0; p < a.poses(); ++p) {
    double sum = 0;
    for (int64_t i = 0; i < a.inputs; ++i)
      sum += double(votes[p * a.row() + i]) * (c ? double(c[p / a.out_size * a.row() + i]) : 1.0);
    sums[p] = T(c ? sum : sum / double(a.outputs));
  }
}

template <class T>
void route(const Routing<T>& a, int64_t example, T* scratch) {
  T *const votes = scratch, *const c = votes + a.poses() * a.row(), *const towards = c + a.outputs * a.row(),
           *const v = a.y.data + example * a.poses();
  make_votes(a, example, votes);
  for (int64_t p = 0; p < a.poses(); ++p) towards[p] = 0;
  for (int64_t t = 0; t < a.iterations; ++t) {
    T* const sums = a.sums.data + (example * a.iterations + t) * a.poses();
    for (int64_t i = 0; t > 0 && i < a.inputs; ++i)
      couple<double>(a.outputs, [&](int64_t j) { return dot(a, votes, towards, i, j); }, c + i, a.row());
    weigh(a, votes, t > 0 ? c : nullptr, sums);
    squash(a, sums, v);
    for (int64_t p = 0; p < a.poses(); ++p) towards[p] += v[p];
  }
}

template <class T>
void forward(const Routing<T>& a, int64_t first, int64_t count, T* scratch) {
  for (int64_t e = first; e < first + count; ++e) route(a, e, scratch);
}

// ds from s and dv.
template <class T>
void squash_gradients(const RoutingSizes& a, const T* s, const T* dv, T* ds) {
  for (int64_t p = 0; p < a.poses(); p += a.out_size) squash_gradient(s + p, dv + p, a.out_size, ds + p);
}

template <class T>
void terms_of_example(const RoutingBackward<T>& a, int64_t example, int64_t in_block, T* scratch) {
  const Terms<T> terms = terms_of(a, in_block);
  const int64_t poses = a.poses();
  T *const votes = scratch, *const dv = votes + poses * a.row(), *const towards = dv + poses,
           *const v = towards + poses;
  const T* const sums = a.sums.data + example * a.iterations * poses;
  make_votes(a, example, votes);
  for (int64_t p = 0; p < poses; ++p) dv[p] = a.dy.data[example * poses + p], terms.base[p] = 0;
  for (int64_t t = a.iterations - 1, term = 0; t > 0 && term < terms.count; --t) {
    for (int64_t p = 0; p < poses; ++p) towards[p] = 0;
    for (int64_t before = 0; before < t; ++before) {
      squash(a, sums + before * poses, v);
      for (int64_t p = 0; p < poses; ++p) towards[p] += v[p];
    }
    T *const ds = terms.vector(term), *const c = terms.coefficients(term);
    squash_gradients(a, sums + t * poses, dv, ds);
    for (int64_t i = 0; i < a.inputs; ++i)
      couple<double>(a.outputs, [&](int64_t j) { return dot(a, votes, towards, i, j); }, c + i, a.row());
    ++term;
    if (a.detach) return;
    T *const of_db = terms.vector(term), *const db = terms.coefficients(term);
    for (int64_t p = 0; p < poses; ++p) of_db[p] = towards[p];
    for (int64_t i = 0; i < a.inputs; ++i)
      couple_gradient<double>(a.outputs, [&](int64_t j) { return dot(a, votes, ds, i, j); }, c + i, db + i, a.row());
    ++term;
    weigh(a, votes, db, v);
    for (int64_t p = 0; p < poses; ++p) dv[p] = t == a.iterations - 1 ? v[p] : dv[p] + v[p];
  }
  squash_gradients(a, sums, dv, terms.base);
  for (int64_t p = 0; p < poses; ++p) terms.base[p] /= T(a.outputs);
}

template <class T>
void terms(const RoutingBackward<T>& a, int64_t first, int64_t count, int64_t in_block, T* scratch) {
  for (int64_t e = 0; e < count; ++e) terms_of_example(a, first + e, in_block + e, scratch);
}

template <class T>
double vote_gradient(const RoutingBackward<T>& a, const Terms<T>& terms, int64_t p, int64_t i) {
  double du = double(terms.base[p]);
  for (int64_t t = 0; t < terms.count; ++t)
    du += double(terms.coefficients(t)[p / a.out_size * a.row() + i]) * double(terms.vector(t)[p]);
  return du;
}

template <class T>
void gradients(const RoutingBackward<T>& a, int64_t first, int64_t count, int64_t begin, int64_t end, T* du) {
  const int64_t poses = a.poses(), size = a.in_size;
  for (int64_t i = begin; i < end; ++i) {
    if (a.dweight && first == 0)
      for (int64_t q = 0; q < poses * size; ++q) a.dweight.data[q * a.inputs + i] = 0;
    for (int64_t e = 0; e < count; ++e) {
      const Terms<T> terms = terms_of(a, e);
      const T* const x = a.x.data + ((first + e) * a.inputs + i) * size;
      for (int64_t k = 0; k < size; ++k) {
        double sum = 0;
        for (int64_t p = 0; p < poses; ++p) {
          if (k == 0) du[p] = T(vote_gradient(a, terms, p, i));
          const int64_t at = (p * size + k) * a.inputs + i;
          sum += double(a.weight.data[at]) * double(du[p]);
          if (a.dweight) a.dweight.data[at] += T(double(du[p]) * double(x[k]));
        }
        if (a.dx) a.dx.data[((first + e) * a.inputs + i) * size + k] = T(sum);
      }
    }
  }
}

}  // namespace

extern const RoutingTable<float> routing_float;
extern const RoutingTable<double> routing_double;
const RoutingTable<float> routing_float{forward, terms, gradients};
const RoutingTable<double> routing_double{forward, terms, gradients};

}  // namespace wxb::ref
