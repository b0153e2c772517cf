#pragma once
#include "attention/attention.h"

namespace wxb {

// One head of one sample, as the loops see it.
template <class T>
struct Head {
  const T *q, *k, *v, *bias;
  const bool* mask;
  int64_t index;  // batch heads + head
  int64_t keys;   // that are there: all, or the sample's length
};

template <class T>
HD Head<T> head_of(const Attention<T>& a, int64_t index) {
  const int64_t b = index / a.heads, h = index % a.heads;
  const int64_t length = a.lengths ? a.lengths.data[b] : a.keys;
  return {a.q.data + b * a.at_q.batch + h * a.at_q.head,
          a.k.data + b * a.at_k.batch + h * a.at_k.head,
          a.v.data + b * a.at_v.batch + h * a.at_v.head,
          a.bias ? a.bias.data + b * a.at_bias.batch + h * a.at_bias.head : nullptr,
          a.mask ? a.mask.data + b * a.at_mask.batch + h * a.at_mask.head : nullptr,
          index,
          length < 0 || length > a.keys ? 0 : length};  // attention_cpu.cc has reported it
}

// Where a head's rows begin in an operand that lies as `at` says.
template <class T>
HD T* rows_of(T* p, const Heads& at, int64_t index, int64_t heads) {
  return p ? p + index / heads * at.batch + index % heads * at.head : nullptr;
}

// How many keys, from the first on, a query may see.
template <class T>
HD int64_t in_sight(const Attention<T>& a, const Head<T>& h, int64_t query) {
  return a.causal && query + 1 < h.keys ? query + 1 : h.keys;
}

template <class T>
struct AttentionTable {
  // The queries [begin, end) of a head, on one thread.
  void (*forward)(const AttentionForward<T>&, int64_t index, int64_t begin, int64_t end);
  // All of a head.
  void (*backward)(const AttentionBackward<T>&, int64_t index);
};

}  // namespace wxb
