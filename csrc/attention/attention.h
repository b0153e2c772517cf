#pragma once
#include "core/context.h"
#include "core/hd.h"
#include "core/operands.h"

// Scaled dot-product attention (Vaswani et al. 2017) that never stores the scores: blocks of keys pass by, and a row
// keeps its largest score and the sum of its exponentials (Milakov, Gimelshein 2018; Dao et al. 2022).

namespace wxb {

// Where an operand's heads lie: element (b, h, i, d) at b batch + h head + i row + d. So (batch, heads, length, size)
// does, and so do the columns of a Linear's output (batch, length, heads size).
struct Heads {
  int64_t batch, head, row;
};

// Where the number for (b, h, i, j) lies in an operand that is broadcast: a stride is 0 along an axis of size 1.
struct Spread {
  int64_t batch, head, row, column;
};

// What forward and backward share. bias is added to the scores. A key is out of sight where mask is false, from
// lengths[b] on, and, if causal, after the query: it is not read from lengths[b] on, and counts 0 times its value
// elsewhere. A length outside [0, keys] is reported and taken as 0. threshold: each weight is dropped with probability
// threshold / 2^24 and otherwise multiplied by kept; without `saved` none is. The weight of (b, h, i, j) takes the
// number ((b heads + h) queries + i) drawn_for(keys) + j of random/random.h.
template <class T>
struct Attention {
  In<T> q, k, v, bias;
  In<bool> mask;
  In<int64_t> lengths;
  In<uint64_t> saved;
  int64_t batch, heads, queries, keys, size;
  Heads at_q, at_k, at_v, at_y;
  Spread at_bias, at_mask;
  bool causal;
  T scale;
  int32_t threshold;
  T kept;
  void operands(const Operands& f) const { f(q), f(k), f(v), f(bias), f(mask), f(lengths), f(saved); }
  double products() const { return 2.0 * double(batch) * double(heads * queries) * double(keys) * double(size); }
};

// Random numbers per query: rows of weights begin with a group of 64 (random/random.h).
HD constexpr int64_t drawn_for(int64_t keys) { return (keys + 63) / 64 * 64; }

// y_i = sum_j p_ij v_j,  p_ij = exp(s_ij - lse_i),  s_ij = scale q_i . k_j + bias_ij,  lse_i = log sum_j exp(s_ij),
// over the keys in sight. Where there are none, y_i = 0 and lse_i = Inf, with which every p_ij is 0.
// q, y (batch, heads, queries, size), k, v (batch, heads, keys, size), lse (batch heads, queries).
template <class T>
struct AttentionForward {
  Attention<T> of;
  Out<T> y, lse;
  void operands(const Operands& f) const { of.operands(f), f(y), f(lse); }
  double work() const { return 2.0 * of.products(); }
};

// dv_j = sum_i p_ij dy_i,  ds_ij = p_ij (dy_i . v_j - delta_i),  delta_i = dy_i . y_i,  dq_i = scale sum_j ds_ij k_j,
// dk_j = scale sum_i ds_ij q_i. dq, dk, dv lie as q, k, v; delta (batch heads, queries) is scratch.
template <class T>
struct AttentionBackward {
  Attention<T> of;
  In<T> y, lse, dy;
  Out<T> dq, dk, dv, delta;
  void operands(const Operands& f) const { of.operands(f), f(y), f(lse), f(dy), f(dq), f(dk), f(dv), f(delta); }
  double work() const { return 5.0 * of.products(); }
};

namespace BACKEND {
template <class T>
void attention_forward(const AttentionForward<T>&, Context&);
template <class T>
void attention_backward(const AttentionBackward<T>&, Context&);
}  // namespace BACKEND

}  // namespace wxb
