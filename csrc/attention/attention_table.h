#pragma once
#include <cmath>

#include "attention/attention.h"
#include "core/philox.h"

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

// The score of query i and key j < h.keys from q_i . k_j; -Inf where the key is out of sight.
template <class V, class T>
HD V score(const Attention<T>& a, const Head<T>& h, int64_t i, int64_t j, V product) {
  if (j >= in_sight(a, h, i) || (h.mask && !h.mask[i * a.at_mask.row + j * a.at_mask.column])) return -V(INFINITY);
  const V scaled = V(a.scale) * product;
  return h.bias ? scaled + V(h.bias[i * a.at_bias.row + j * a.at_bias.column]) : scaled;
}

// What dropout multiplies the weight of query i and key j by.
template <class T>
HD T keep(const Attention<T>& a, int64_t index, int64_t i, int64_t j) {
  if (!a.saved) return 1;
  const uint64_t n = uint64_t(index * a.queries + i) * uint64_t(drawn_for(a.keys)) + uint64_t(j);
  const Words words = philox(a.saved.data[0], a.saved.data[1] + n / 64 * 16 + n % 16);
  const int lane = int(n / 16 % 4);
  const uint32_t word =
      lane < 2 ? (lane == 0 ? words.word[0] : words.word[1]) : (lane == 2 ? words.word[2] : words.word[3]);
  return int32_t(word >> 8) < a.threshold ? T(0) : a.kept;
}

template <class T>
struct AttentionTable {
  // The queries [begin, end) of a head, on one thread.
  void (*forward)(const AttentionForward<T>&, int64_t index, int64_t begin, int64_t end);
  // All of a head.
  void (*backward)(const AttentionBackward<T>&, int64_t index);
};

}  // namespace wxb
