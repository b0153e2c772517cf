#pragma once
#include "capsule/routing.h"
#include "core/scalar.h"

// The steps of routing that one thread does, for the reference and CUDA. V is what is calculated in.
namespace wxb {

// c_j = softmax over j of logit(j), `apart` from each other
template <class V, class T, class Logit>
HD void couple(int64_t outputs, Logit logit, T* c, int64_t apart) {
  V largest = -V(__builtin_inf()), total = 0;
  for (int64_t j = 0; j < outputs; ++j) {
    c[j * apart] = T(logit(j));
    if (!(V(c[j * apart]) <= largest)) largest = V(c[j * apart]);
  }
  for (int64_t j = 0; j < outputs; ++j) total += c[j * apart] = T(exp(V(c[j * apart]) - largest));
  for (int64_t j = 0; j < outputs; ++j) c[j * apart] = T(V(c[j * apart]) / total);
}

// db_j = c_j (dc_j - sum_k c_k dc_k) with dc_j = gradient(j)
template <class V, class T, class Gradient>
HD void couple_gradient(int64_t outputs, Gradient gradient, const T* c, T* db, int64_t apart) {
  V mean = 0;
  for (int64_t j = 0; j < outputs; ++j) {
    const V dc = gradient(j);
    mean += V(c[j * apart]) * dc;
    db[j * apart] = T(dc);
  }
  for (int64_t j = 0; j < outputs; ++j) db[j * apart] = T(V(c[j * apart]) * (V(db[j * apart]) - mean));
}

template <class T>
HD SquashFactors factors(const T* s, int64_t size) {
  double square = 0;
  for (int64_t d = 0; d < size; ++d) square += double(s[d]) * double(s[d]);
  return squash_factors(square);
}

// ds from s and dv of one output capsule
template <class T>
HD void squash_gradient(const T* s, const T* dv, int64_t size, T* ds) {
  const SquashFactors f = factors(s, size);
  double along = 0;
  for (int64_t d = 0; d < size; ++d) along += double(s[d]) * double(dv[d]);
  for (int64_t d = 0; d < size; ++d) ds[d] = T(f.scale * double(dv[d]) + f.slope * along * double(s[d]));
}

}  // namespace wxb
