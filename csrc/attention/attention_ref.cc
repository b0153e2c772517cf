#include <algorithm>
#include <cmath>

#include "attention/attention_table.h"
#include "core/parallel.h"

namespace wxb::ref {

namespace {

template <class T>
double dot(const T* a, const T* b, int64_t n) {
  double sum = 0;
  for (int64_t d = 0; d < n; ++d) sum += double(a[d]) * double(b[d]);
  return sum;
}

template <class T>
void scores(const Attention<T>& a, const Head<T>& h, int64_t i, double* s) {
  for (int64_t j = 0; j < h.keys; ++j)
    s[j] = score<double>(a, h, i, j, dot(h.q + i * a.at_q.row, h.k + j * a.at_k.row, a.size));
}

double* row(Slot slot, int64_t n) { return static_cast<double*>(thread_buffer(slot, size_t(n) * sizeof(double))); }

template <class T>
void forward(const AttentionForward<T>& f, int64_t index, int64_t begin, int64_t end) {
  const Attention<T>& a = f.of;
  const Head<T> h = head_of(a, index);
  double *const p = row(Slot::a, a.keys), *const sums = row(Slot::b, a.size);
  for (int64_t i = begin; i < end; ++i) {
    scores(a, h, i, p);
    double largest = -INFINITY, sum = 0;
    for (int64_t j = 0; j < h.keys; ++j) largest = largest < p[j] ? p[j] : largest;
    if (largest == -INFINITY) largest = 0;
    for (int64_t j = 0; j < h.keys; ++j) sum += p[j] = std::exp(p[j] - largest);
    std::fill(sums, sums + a.size, 0.0);
    for (int64_t j = 0; j < h.keys; ++j) {
      const double weight = p[j] * double(keep(a, index, i, j));
      for (int64_t d = 0; d < a.size; ++d) sums[d] += weight * double(h.v[j * a.at_v.row + d]);
    }
    T* const y = rows_of(f.y.data, a.at_y, index, a.heads) + i * a.at_y.row;
    for (int64_t d = 0; d < a.size; ++d) y[d] = sum == 0 ? T(0) : T(sums[d] / sum);
    f.lse.data[index * a.queries + i] = sum == 0 ? T(INFINITY) : T(largest + std::log(sum));
  }
}

// A head's rows of an output, with zeros; null if it is not wanted.
template <class T>
T* cleared(T* p, const Heads& at, int64_t index, const Attention<T>& a, int64_t rows) {
  T* const first = rows_of(p, at, index, a.heads);
  for (int64_t i = 0; first && i < rows; ++i) std::fill_n(first + i * at.row, a.size, T(0));
  return first;
}

template <class T>
void backward(const AttentionBackward<T>& g, int64_t index) {
  const Attention<T>& a = g.of;
  const Head<T> h = head_of(a, index);
  const T *const y = rows_of(g.y.data, a.at_y, index, a.heads), *const dy = rows_of(g.dy.data, a.at_y, index, a.heads);
  T *const dq = cleared(g.dq.data, a.at_q, index, a, a.queries),
           *const dk = cleared(g.dk.data, a.at_k, index, a, a.keys),
           *const dv = cleared(g.dv.data, a.at_v, index, a, a.keys);
  double* const p = row(Slot::a, a.keys);
  for (int64_t i = 0; i < a.queries; ++i) {
    scores(a, h, i, p);
    const T* const dy_i = dy + i * a.at_y.row;
    const double lse = double(g.lse.data[index * a.queries + i]), delta = dot(dy_i, y + i * a.at_y.row, a.size);
    for (int64_t j = 0; j < h.keys; ++j) {
      const double weight = std::exp(p[j] - lse), kept = double(keep(a, index, i, j));
      const double ds = double(a.scale) * weight * (kept * dot(dy_i, h.v + j * a.at_v.row, a.size) - delta);
      for (int64_t d = 0; d < a.size; ++d) {
        if (dq) dq[i * a.at_q.row + d] += T(ds * double(h.k[j * a.at_k.row + d]));
        if (dk) dk[j * a.at_k.row + d] += T(ds * double(h.q[i * a.at_q.row + d]));
        if (dv) dv[j * a.at_v.row + d] += T(kept * weight * double(dy_i[d]));
      }
    }
  }
}

template <class T>
constexpr AttentionTable<T> table{forward<T>, backward<T>};

}  // namespace

extern const AttentionTable<float> attention_float;
extern const AttentionTable<double> attention_double;
const AttentionTable<float> attention_float = table<float>;
const AttentionTable<double> attention_double = table<double>;

}  // namespace wxb::ref
