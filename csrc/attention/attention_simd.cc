#include "attention/attention_table.h"
#include "core/parallel.h"
#include "core/philox_simd.h"
#include "core/simd_math.h"
#include "core/simd_sum.h"
#include "gemm/block_simd.h"
#include "random/generate_simd.h"

// Blocks of queries meet blocks of keys; what is multiplied is laid out anew, in rows of whole vectors, so that the
// products are gemm's micro-kernel on memory in L2.
namespace wxb::WXB_TARGET {

namespace {

constexpr int64_t lanes = Vec::lanes;
constexpr int64_t query_block = 8 * tile_rows, key_block = 128;  // a block of scores takes 24 KB
constexpr int64_t queries_at_most = 512;                         // of a call of forward

int64_t padded(int64_t n) { return divide_up(n, lanes) * lanes; }

alignas(64) constexpr float zeros[tile_columns] = {};

// A matrix whose element (i, k) lies at data[i row + k column]; of one to be multiplied from the right, column is 1
// and rows are whole vectors.
struct Matrix {
  float* data;
  int64_t row, column = 1;
};

// C = A B, or C += A B;  A (m, k), B (k, n), C (m, n)
void multiply(Matrix a, Matrix b, Matrix c, int64_t m, int64_t n, int64_t k, bool adds) {
  if (m == 0) return;
  const int64_t height = divide_up(m, divide_up(m, tile_rows));
  for (int64_t j = 0; j < n; j += tile_columns) {
    const int64_t columns = min(tile_columns, n - j), vectors = divide_up(columns, lanes);
    for (int64_t i = 0; i < m; i += height) {
      const int64_t rows = min(height, m - i);
      float* const to = c.data + i * c.row + j;
      const Tile tile{to, c.row, columns, adds ? to : zeros, adds ? c.row : 0};
      microkernel_for(rows, vectors)({k}, {a.data + i * a.row, a.row, a.column}, {b.data + j, b.row}, tile);
    }
  }
}

// Rows of `size` numbers times a factor, in rows of whole vectors that end in zeros.
Matrix copied(const float* from, int64_t from_row, int64_t rows, int64_t size, float factor, float* to) {
  const int64_t row = padded(size);
  for (int64_t i = 0; i < rows; ++i)
    for_lanes(0, size,
              [&](auto l, int64_t d) { (l.load(from + i * from_row + d) * Vec(factor)).store(to + i * row + d); });
  return {to, row};
}

// The same as columns: (size, rows), each row whole vectors.
Matrix turned(const float* from, int64_t from_row, int64_t rows, int64_t size, float* to) {
  turn(from, from_row, rows, size, padded(rows), to, padded(rows));
  return {to, padded(rows)};
}

void scale_row(float* y, int64_t size, float factor) {
  for_lanes(0, size, [&](auto l, int64_t d) { l.store(l.load(y + d) * Vec(factor), y + d); });
}

void clear_rows(float* to, int64_t row, int64_t begin, int64_t end, int64_t size) {
  if (!to) return;
  for (int64_t i = begin; i < end; ++i) __builtin_memset(to + i * row, 0, size_t(size) * sizeof(float));
}

// A row of scores: bias and mask of the keys [k0, k0 + n).
void adjust(const Attention<float>& a, const Head<float>& h, int64_t i, int64_t k0, int64_t n, float* s) {
  if (h.bias) {
    const float* const bias = h.bias + i * a.at_bias.row + k0 * a.at_bias.column;
    const bool each = a.at_bias.column;
    for_lanes(0, n, [&](auto l, int64_t j) { l.store(l.load(s + j) + (each ? l.load(bias + j) : Vec(*bias)), s + j); });
  }
  if (h.mask) {
    const bool* const mask = h.mask + i * a.at_mask.row + k0 * a.at_mask.column;
    if (a.at_mask.column)
      for (int64_t j = 0; j < n; ++j) s[j] = mask[j] ? s[j] : -__builtin_inff();
    else if (!*mask)
      for (int64_t j = 0; j < n; ++j) s[j] = -__builtin_inff();
  }
}

// visit(j, dropped, lanes) for the vectors of n weights of query i from key k0 on.
template <class Visit>
WXB_INLINE void for_dropped(const Attention<float>& a, const Head<float>& h, int64_t i, int64_t k0, int64_t n,
                            Visit visit) {
  const int64_t begin = (h.index * a.queries + i) * drawn_for(a.keys) + k0;
  generate<Mask>(
      a.saved.data, begin, begin + n, Masks{a.threshold}, [&](int64_t at, Mask m) { visit(at - begin, m, All{}); },
      [&](int64_t at, Mask m, int64_t rest) { visit(at - begin, m, First{rest}); });
}

// Of n numbers. A NaN may be lost here: it comes back in exp(s - largest).
float largest_of(const float* s, int64_t n) {
  const auto larger = [](Vec a, Vec b) { return select(a < b, b, a); };
  const auto step = [&](Vec a, auto l, int64_t j) { return larger(a, l.load(s + j)); };
  return across(fold(0, n, Vec(-__builtin_inff()), step, larger), larger);
}

// The rows of a call of forward: largest score so far, and the sum of exp(score - largest).
struct Rows {
  float largest[queries_at_most], sum[queries_at_most];
};

// From scores of rows [q0, q0 + m) to weights exp(s - largest), dropped ones 0. What the rows' sums and outputs so far
// have to be multiplied by, because a larger score has come, is left in `factor`.
void weigh(const Attention<float>& a, const Head<float>& h, int64_t q0, int64_t m, int64_t k0, int64_t n, Matrix s,
           float* largest, float* sum, float* factor) {
  const Vec none(-__builtin_inff());
  float now[query_block];
  for (int64_t r = 0; r < m; ++r) {
    const int64_t seen = max<int64_t>(0, min(n, in_sight(a, h, q0 + r) - k0));
    adjust(a, h, q0 + r, k0, seen, s.data + r * s.row);
    const float found = largest_of(s.data + r * s.row, seen);
    now[r] = largest[r] < found ? found : largest[r];
  }
  for_lanes(0, m, [&](auto l, int64_t r) {
    const Vec before = l.load(largest + r), after = l.load(now + r);
    const Vec from = select(after == none, Vec(0.f), after);
    l.store(select(before == none, Vec(0.f), exp(before - from)), factor + r);
    l.store(after, largest + r), l.store(from, now + r);
  });
  for (int64_t r = 0; r < m; ++r) {
    const int64_t seen = max<int64_t>(0, min(n, in_sight(a, h, q0 + r) - k0));
    float* const p = s.data + r * s.row;
    const Vec from(now[r]);
    sum[r] = sum[r] * factor[r] + float(sum_of(seen, [&](auto l, int64_t j) {
               const Vec e = exp(l.load(p + j) - from);
               l.store(e, p + j);
               return e;
             }));
    if (a.saved)
      for_dropped(a, h, q0 + r, k0, seen, [&](int64_t j, Mask dropped, auto l) {
        l.store(select(dropped, Vec(0.f), l.load(p + j) * Vec(a.kept)), p + j);
      });
    __builtin_memset(p + seen, 0, size_t(n - seen) * sizeof(float));
  }
}

// y / sum and lse
void finish(const Attention<float>& a, const Rows& rows, int64_t count, float* y, float* lse) {
  for_lanes(0, count, [&](auto l, int64_t i) {
    const Vec sum = l.load(rows.sum + i), value = l.load(rows.largest + i) + log(sum);
    l.store(select(sum == Vec(0.f), Vec(__builtin_inff()), value), lse + i);
  });
  for (int64_t i = 0; i < count; ++i)
    if (rows.sum[i] == 0)
      clear_rows(y, a.at_y.row, i, i + 1, a.size);
    else
      scale_row(y + i * a.at_y.row, a.size, 1.f / rows.sum[i]);
}

float* scratch(int64_t size) { return static_cast<float*>(thread_buffer(Slot::a, size_t(size) * sizeof(float))); }

void forward(const AttentionForward<float>& f, int64_t index, int64_t begin, int64_t end) {
  const Attention<float>& a = f.of;
  const Head<float> h = head_of(a, index);
  const int64_t row = padded(a.size);
  float* const q_block = scratch(query_block * (row + key_block) + 2 * key_block * row);
  float *const s_block = q_block + query_block * row, *const k_block = s_block + query_block * key_block,
               *const v_block = k_block + key_block * row;
  float* const y = rows_of(f.y.data, a.at_y, index, a.heads);
  Rows rows;
  for (int64_t i = 0; i < end - begin; ++i) rows.largest[i] = -__builtin_inff(), rows.sum[i] = 0;
  for (int64_t k0 = 0; k0 < h.keys && !(a.causal && k0 >= end); k0 += key_block) {
    const int64_t n = min(key_block, h.keys - k0);
    const Matrix k = turned(h.k + k0 * a.at_k.row, a.at_k.row, n, a.size, k_block),
                 v = copied(h.v + k0 * a.at_v.row, a.at_v.row, n, a.size, 1, v_block);
    for (int64_t q0 = begin; q0 < end; q0 += query_block) {
      const int64_t m = min(query_block, end - q0), r = q0 - begin;
      if (a.causal && k0 >= q0 + m) continue;
      const Matrix q = copied(h.q + q0 * a.at_q.row, a.at_q.row, m, a.size, a.scale, q_block), s{s_block, padded(n)};
      multiply(q, k, s, m, s.row, a.size, false);
      float factor[query_block];
      weigh(a, h, q0, m, k0, n, s, rows.largest + r, rows.sum + r, factor);
      const Matrix to{y + q0 * a.at_y.row, a.at_y.row};
      for (int64_t i = 0; k0 > 0 && i < m; ++i)
        if (factor[i] != 1) scale_row(to.data + i * to.row, a.size, factor[i]);
      multiply(s, v, to, m, a.size, n, k0 > 0);
    }
  }
  finish(a, rows, end - begin, y + begin * a.at_y.row, f.lse.data + index * a.queries + begin);
}

// From scores s and dp = dy vᵀ of a block to the weights that made y, in s, and the gradient of the scores, in dp.
void score_gradients(const AttentionBackward<float>& g, const Head<float>& h, int64_t q0, int64_t m, int64_t k0,
                     int64_t n, Matrix s, Matrix dp) {
  const Attention<float>& a = g.of;
  for (int64_t r = 0; r < m; ++r) {
    const int64_t seen = max<int64_t>(0, min(n, in_sight(a, h, q0 + r) - k0)), at = h.index * a.queries + q0 + r;
    float *const p = s.data + r * s.row, *const ds = dp.data + r * dp.row;
    const Vec lse(g.lse.data[at]), delta(g.delta.data[at]), kept(a.kept), zero(0.f);
    adjust(a, h, q0 + r, k0, seen, p);
    if (a.saved) {
      for_lanes(0, seen, [&](auto l, int64_t j) { l.store(exp(l.load(p + j) - lse), p + j); });
      for_dropped(a, h, q0 + r, k0, seen, [&](int64_t j, Mask dropped, auto l) {
        const Vec weight = l.load(p + j), dweight = select(dropped, zero, l.load(ds + j) * kept);
        l.store(weight * (dweight - delta), ds + j);
        l.store(select(dropped, zero, weight * kept), p + j);
      });
    } else {
      for_lanes(0, seen, [&](auto l, int64_t j) {
        const Vec weight = exp(l.load(p + j) - lse);
        l.store(weight * (l.load(ds + j) - delta), ds + j);
        l.store(weight, p + j);
      });
    }
    __builtin_memset(p + seen, 0, size_t(n - seen) * sizeof(float));
    __builtin_memset(ds + seen, 0, size_t(n - seen) * sizeof(float));
  }
}

void backward(const AttentionBackward<float>& g, int64_t index) {
  const Attention<float>& a = g.of;
  const Head<float> h = head_of(a, index);
  const int64_t row = padded(a.size), size = a.size;
  float* const q_block = scratch(2 * query_block * (row + key_block) + 3 * key_block * row);
  float *const dy_block = q_block + query_block * row, *const s_block = dy_block + query_block * row,
               *const dp_block = s_block + query_block * key_block, *const k_block = dp_block + query_block * key_block,
               *const k_turned = k_block + key_block * row, *const v_turned = k_turned + key_block * row;
  const float *const y = rows_of(g.y.data, a.at_y, index, a.heads), *const dy =
                                                                        rows_of(g.dy.data, a.at_y, index, a.heads);
  float *const dq = rows_of(g.dq.data, a.at_q, index, a.heads), *const dk = rows_of(g.dk.data, a.at_k, index, a.heads),
               *const dv = rows_of(g.dv.data, a.at_v, index, a.heads);
  for (int64_t i = 0; i < a.queries; ++i)
    g.delta.data[index * a.queries + i] = float(sum_of(
        size, [&](auto l, int64_t d) { return l.load(dy + i * a.at_y.row + d) * l.load(y + i * a.at_y.row + d); }));
  for (int64_t k0 = 0; k0 < h.keys; k0 += key_block) {
    const int64_t n = min(key_block, h.keys - k0);
    const Matrix k = copied(h.k + k0 * a.at_k.row, a.at_k.row, n, size, a.scale, k_block),
                 columns_k = turned(h.k + k0 * a.at_k.row, a.at_k.row, n, size, k_turned),
                 columns_v = turned(h.v + k0 * a.at_v.row, a.at_v.row, n, size, v_turned);
    bool begun = false;
    for (int64_t q0 = 0; q0 < a.queries; q0 += query_block) {
      const int64_t m = min(query_block, a.queries - q0);
      if (a.causal && k0 >= q0 + m) continue;
      const Matrix q = copied(h.q + q0 * a.at_q.row, a.at_q.row, m, size, a.scale, q_block),
                   dy_m = copied(dy + q0 * a.at_y.row, a.at_y.row, m, size, 1, dy_block), s{s_block, padded(n)},
                   ds{dp_block, padded(n)};
      multiply(q, columns_k, s, m, s.row, size, false);
      multiply(dy_m, columns_v, ds, m, ds.row, size, false);
      score_gradients(g, h, q0, m, k0, n, s, ds);
      if (dv) multiply({s.data, 1, s.row}, dy_m, {dv + k0 * a.at_v.row, a.at_v.row}, n, size, m, begun);
      if (dk) multiply({ds.data, 1, ds.row}, q, {dk + k0 * a.at_k.row, a.at_k.row}, n, size, m, begun);
      if (dq) multiply(ds, k, {dq + q0 * a.at_q.row, a.at_q.row}, m, size, n, k0 > 0);
      begun = true;
    }
    if (!begun) clear_rows(dk, a.at_k.row, k0, k0 + n, size), clear_rows(dv, a.at_v.row, k0, k0 + n, size);
  }
  if (h.keys == 0) clear_rows(dq, a.at_q.row, 0, a.queries, size);
  clear_rows(dk, a.at_k.row, h.keys, a.keys, size), clear_rows(dv, a.at_v.row, h.keys, a.keys, size);
}

}  // namespace

extern const AttentionTable<float> attention_float;
const AttentionTable<float> attention_float{forward, backward};

}  // namespace wxb::WXB_TARGET
