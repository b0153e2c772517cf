#include "attention/attention_table.h"
#include "core/elements.cuh"
#include "core/rows.cuh"

// A block of 16 x 16 threads meets a tile of queries with one tile of keys after the other. A thread has `each` x
// `each` scores; the tile of weights lies in shared memory, turned, for the product that follows. A block makes one
// tile of columns of its output: where heads are wider than that, the scores are made again for each.
namespace wxb::cuda {

namespace {

constexpr int side = 16;  // of the threads, and the depth of a pass
constexpr int threads = side * side;
template <class T>
constexpr int each = 16 / int(sizeof(T));  // a vector: 4 floats, 2 doubles
template <class T>
constexpr int tile = side * each<T>;

// Rows that are whole vectors, of an odd or twice odd number, for banks of their own.
template <class T>
using Strip = T[side][tile<T> + each<T>];
template <class T>
using Scores = T[tile<T>][tile<T> + 2 * each<T>];
template <class T>
using Sums = T[each<T>][each<T>];

__device__ inline int down() { return int(threadIdx.x) / side; }
__device__ inline int across() { return int(threadIdx.x) % side; }

// Rows of an operand, of which `rows` are there: others read as 0.
template <class T>
struct Rows {
  const T* data;
  int64_t row, rows, size;
  __device__ T at(int64_t i, int64_t d) const { return i < rows && d < size ? data[i * row + d] : T(0); }
};

// sums[i][j] += a_i . b_j, rows down() each + i of a from row a0 on, across() each + j of b from b0 on
template <class T>
__device__ void add_dots(Strip<T>& a_strip, Strip<T>& b_strip, const Rows<T>& a, int64_t a0, const Rows<T>& b,
                         int64_t b0, Sums<T>& sums) {
  for (int64_t d = 0; d < a.size; d += side) {
    __syncthreads();
#pragma unroll
    for (int n = 0; n < each<T>; ++n) {
      const int row = down() + n * side;
      a_strip[across()][row] = a.at(a0 + row, d + across());
      b_strip[across()][row] = b.at(b0 + row, d + across());
    }
    __syncthreads();
#pragma unroll
    for (int q = 0; q < side; ++q) {
      const auto x = load<each<T>>(&a_strip[q][down() * each<T>]), y = load<each<T>>(&b_strip[q][across() * each<T>]);
#pragma unroll
      for (int i = 0; i < each<T>; ++i)
#pragma unroll
        for (int j = 0; j < each<T>; ++j) sums[i][j] = fma(x.v[i], y.v[j], sums[i][j]);
    }
  }
}

// sums[i][c] += sum_n weights[n][down() each + i] b(b0 + n, column + across() each + c)
template <class T>
__device__ void add_weighted(Strip<T>& strip, const Scores<T>& weights, const Rows<T>& b, int64_t b0, int64_t column,
                             Sums<T>& sums) {
#pragma unroll 1
  for (int n = 0; n < tile<T>; n += side) {
    __syncthreads();
#pragma unroll
    for (int c = 0; c < each<T>; ++c)
      strip[down()][across() + c * side] = b.at(b0 + n + down(), column + across() + c * side);
    __syncthreads();
#pragma unroll
    for (int q = 0; q < side; ++q) {
      const auto x = load<each<T>>(&weights[n + q][down() * each<T>]), y = load<each<T>>(&strip[q][across() * each<T>]);
#pragma unroll
      for (int i = 0; i < each<T>; ++i)
#pragma unroll
        for (int c = 0; c < each<T>; ++c) sums[i][c] = fma(x.v[i], y.v[c], sums[i][c]);
    }
  }
}

// Row n of `to` is column n of a block's numbers.
template <class T>
__device__ void store_turned(const Sums<T>& numbers, Scores<T>& to) {
#pragma unroll
  for (int j = 0; j < each<T>; ++j) {
    Pack<T, each<T>> column;
#pragma unroll
    for (int i = 0; i < each<T>; ++i) column.v[i] = numbers[i][j];
    store(&to[across() * each<T> + j][down() * each<T>], column);
  }
}

// Calls f(i, d, sum) for the sums of a thread that lie in an output of so many rows.
template <class T, class F>
__device__ void for_sums(const Sums<T>& sums, int64_t first, int64_t rows, int64_t column, int64_t size, F f) {
#pragma unroll
  for (int i = 0; i < each<T>; ++i)
#pragma unroll
    for (int c = 0; c < each<T>; ++c) {
      const int64_t row = first + down() * each<T> + i, d = column + across() * each<T> + c;
      if (row < rows && d < size) f(row, d, sums[i][c]);
    }
}

// What a block does: a head, the first row and the first column of its tile.
struct Task {
  int64_t head, first, column;
  __device__ Task(int64_t task, int64_t rows, int64_t size, int side_of_tile) {
    const int64_t columns = ceil_div(size, side_of_tile), down_tiles = ceil_div(rows, side_of_tile);
    column = task % columns * side_of_tile;
    first = task / columns % down_tiles * side_of_tile;
    head = task / columns / down_tiles;
  }
};
template <class T>
HD int64_t tasks_of(const Attention<T>& a, int64_t rows) {
  return a.batch * a.heads * ceil_div(rows, tile<T>) * ceil_div(a.size, tile<T>);
}

template <class T>
__device__ Rows<T> queries_of(const Attention<T>& a, const Head<T>& h) {
  return {h.q, a.at_q.row, a.queries, a.size};
}
template <class T>
__device__ Rows<T> keys_of(const Attention<T>& a, const Head<T>& h) {
  return {h.k, a.at_k.row, h.keys, a.size};
}
template <class T>
__device__ Rows<T> values_of(const Attention<T>& a, const Head<T>& h) {
  return {h.v, a.at_v.row, h.keys, a.size};
}

struct CheckLengths {
  const int64_t* lengths;
  int64_t keys;
  Status status;
  __device__ void operator()(int64_t b) const {
    if (lengths[b] < 0 || lengths[b] > keys) report(status, Code::bad_index, uint64_t(b));
  }
};

// ---- forward ----

// The threads that have one query: neighbours. They take its keys in turn.
template <class T>
constexpr int sharing = threads / tile<T>;

template <class T, class F>
__device__ T reduce_row(T value, F f) {
#pragma unroll
  for (int bits = sharing<T> / 2; bits; bits /= 2) value = f(value, shuffle_xor(value, bits));
  return value;
}

// Of a query: its largest score so far, and the sum of exp(score - largest).
template <class T>
struct Seen {
  T largest = -T(INFINITY), sum = 0;

  // From the scores of a tile of keys to weights. Returns what has been summed so far is to be multiplied by.
  __device__ T weigh(const Attention<T>& a, const Head<T>& h, int64_t i, int64_t k0, Scores<T>& scores) {
    const int row = int(threadIdx.x) / sharing<T>, first = int(threadIdx.x) % sharing<T>;
    T found = -T(INFINITY), added = 0;
    for (int n = first; n < tile<T>; n += sharing<T>) found = max(found, scores[n][row]);
    const T before = largest;
    largest = max(largest, reduce_row(found, [](T x, T y) { return max(x, y); }));
    const T from = largest == -T(INFINITY) ? T(0) : largest;
    for (int n = first; n < tile<T>; n += sharing<T>) {
      const T weight = exp(scores[n][row] - from);
      const T kept = weight == 0 ? T(1) : keep(a, h.index, i, k0 + n);
      added += weight;
      scores[n][row] = kept == 0 ? T(0) : weight * kept;
    }
    const T factor = before == -T(INFINITY) ? T(0) : exp(before - from);
    sum = sum * factor + reduce_row(added, Sum());
    return factor;
  }
};

template <class T>
__global__ void __launch_bounds__(threads) forward(AttentionForward<T> f) {
  __shared__ __align__(16) Strip<T> a_strip, b_strip;
  __shared__ __align__(16) Scores<T> weights;
  __shared__ T factors[tile<T>];
  const Attention<T>& a = f.of;
  const int row = int(threadIdx.x) / sharing<T>;
  for (int64_t task = blockIdx.x; task < tasks_of(a, a.queries); task += gridDim.x) {
    const Task t(task, a.queries, a.size, tile<T>);
    const Head<T> h = head_of(a, t.head);
    Seen<T> seen;
    Sums<T> y = {};
    const int64_t end = a.causal ? min(h.keys, t.first + tile<T>) : h.keys;
    for (int64_t k0 = 0; k0 < end; k0 += tile<T>) {
      Sums<T> s = {};
      add_dots<T>(a_strip, b_strip, queries_of(a, h), t.first, keys_of(a, h), k0, s);
#pragma unroll
      for (int i = 0; i < each<T>; ++i)
#pragma unroll
        for (int j = 0; j < each<T>; ++j) {
          const int64_t query = t.first + down() * each<T> + i, key = k0 + across() * each<T> + j;
          s[i][j] = query < a.queries && key < h.keys ? score(a, h, query, key, s[i][j]) : -T(INFINITY);
        }
      store_turned<T>(s, weights);
      __syncthreads();
      const T factor = seen.weigh(a, h, t.first + row, k0, weights);
      if (threadIdx.x % sharing<T> == 0) factors[row] = factor;
      __syncthreads();
#pragma unroll
      for (int i = 0; i < each<T>; ++i)
#pragma unroll
        for (int c = 0; c < each<T>; ++c) y[i][c] *= factors[down() * each<T> + i];
      add_weighted<T>(b_strip, weights, values_of(a, h), k0, t.column, y);
    }
    __syncthreads();
    if (threadIdx.x % sharing<T> == 0) {
      factors[row] = seen.sum;
      if (t.column == 0 && t.first + row < a.queries)
        f.lse.data[t.head * a.queries + t.first + row] = seen.sum == 0 ? T(INFINITY) : seen.largest + log(seen.sum);
    }
    __syncthreads();
    T* const to = rows_of(f.y.data, a.at_y, t.head, a.heads);
    for_sums<T>(y, t.first, a.queries, t.column, a.size, [&](int64_t i, int64_t d, T sum) {
      const T total = factors[i - t.first];
      to[i * a.at_y.row + d] = total == 0 ? T(0) : sum / total;
    });
  }
}

// ---- backward ----

template <class T>
struct Delta {
  AttentionBackward<T> g;
  template <class Team>
  __device__ void run(Team team, int64_t row) const {
    const Attention<T>& a = g.of;
    const int64_t index = row / a.queries, i = row % a.queries;
    const T *const y = rows_of(g.y.data, a.at_y, index, a.heads) + i * a.at_y.row, *const dy =
                                                                                       rows_of(g.dy.data, a.at_y, index,
                                                                                               a.heads) +
                                                                                       i * a.at_y.row;
    T sum = 0;
    for (int64_t d = team.rank(); d < a.size; d += team.size) sum = fma(dy[d], y[d], sum);
    sum = team.sum(sum);
    if (team.rank() == 0) g.delta.data[row] = sum;
  }
};

// From q_i . k_j in s and dy_i . v_j in dp to the weight that made y, and the gradient of the score.
template <class T>
__device__ void score_gradient(const AttentionBackward<T>& g, const Head<T>& h, int64_t i, int64_t j, T& s, T& dp) {
  const Attention<T>& a = g.of;
  if (i >= a.queries || j >= in_sight(a, h, i)) {
    s = dp = 0;
    return;
  }
  const int64_t at = h.index * a.queries + i;
  const T weight = exp(score(a, h, i, j, s) - g.lse.data[at]), kept = keep(a, h.index, i, j);
  const T dweight = kept == 0 ? T(0) : dp * kept;
  dp = weight * (dweight - g.delta.data[at]);
  s = kept == 0 ? T(0) : weight * kept;
}

template <class T>
__device__ Rows<T> gradients_of(const AttentionBackward<T>& g, const Head<T>& h) {
  return {rows_of(g.dy.data, g.of.at_y, h.index, g.of.heads), g.of.at_y.row, g.of.queries, g.of.size};
}

// A tile of keys: dk and dv are sums over the queries.
template <class T>
__global__ void __launch_bounds__(threads) backward_keys(AttentionBackward<T> g) {
  __shared__ __align__(16) Strip<T> a_strip, b_strip;
  __shared__ __align__(16) Scores<T> weights, gradients;
  const Attention<T>& a = g.of;
  for (int64_t task = blockIdx.x; task < tasks_of(a, a.keys); task += gridDim.x) {
    const Task t(task, a.keys, a.size, tile<T>);
    const Head<T> h = head_of(a, t.head);
    Sums<T> dk_sums = {}, dv_sums = {};
    const int64_t end = t.first < h.keys ? a.queries : 0;
    for (int64_t q0 = a.causal ? t.first : 0; q0 < end; q0 += tile<T>) {
      Sums<T> s = {}, dp = {};
      add_dots<T>(a_strip, b_strip, keys_of(a, h), t.first, queries_of(a, h), q0, s);
      add_dots<T>(a_strip, b_strip, values_of(a, h), t.first, gradients_of(g, h), q0, dp);
#pragma unroll
      for (int i = 0; i < each<T>; ++i)
#pragma unroll
        for (int j = 0; j < each<T>; ++j)
          score_gradient(g, h, q0 + across() * each<T> + j, t.first + down() * each<T> + i, s[i][j], dp[i][j]);
      store_turned<T>(s, weights);
      store_turned<T>(dp, gradients);
      if (g.dv) add_weighted<T>(b_strip, weights, gradients_of(g, h), q0, t.column, dv_sums);
      if (g.dk) add_weighted<T>(b_strip, gradients, queries_of(a, h), q0, t.column, dk_sums);
    }
    T *const dk = rows_of(g.dk.data, a.at_k, t.head, a.heads), *const dv = rows_of(g.dv.data, a.at_v, t.head, a.heads);
    if (dk)
      for_sums<T>(dk_sums, t.first, a.keys, t.column, a.size,
                  [&](int64_t j, int64_t d, T sum) { dk[j * a.at_k.row + d] = a.scale * sum; });
    if (dv)
      for_sums<T>(dv_sums, t.first, a.keys, t.column, a.size,
                  [&](int64_t j, int64_t d, T sum) { dv[j * a.at_v.row + d] = sum; });
  }
}

// A tile of queries: dq is a sum over the keys.
template <class T>
__global__ void __launch_bounds__(threads) backward_queries(AttentionBackward<T> g) {
  __shared__ __align__(16) Strip<T> a_strip, b_strip;
  __shared__ __align__(16) Scores<T> gradients;
  const Attention<T>& a = g.of;
  for (int64_t task = blockIdx.x; task < tasks_of(a, a.queries); task += gridDim.x) {
    const Task t(task, a.queries, a.size, tile<T>);
    const Head<T> h = head_of(a, t.head);
    Sums<T> sums = {};
    const int64_t end = a.causal ? min(h.keys, t.first + tile<T>) : h.keys;
    for (int64_t k0 = 0; k0 < end; k0 += tile<T>) {
      Sums<T> s = {}, dp = {};
      add_dots<T>(a_strip, b_strip, queries_of(a, h), t.first, keys_of(a, h), k0, s);
      add_dots<T>(a_strip, b_strip, gradients_of(g, h), t.first, values_of(a, h), k0, dp);
#pragma unroll
      for (int i = 0; i < each<T>; ++i)
#pragma unroll
        for (int j = 0; j < each<T>; ++j)
          score_gradient(g, h, t.first + down() * each<T> + i, k0 + across() * each<T> + j, s[i][j], dp[i][j]);
      store_turned<T>(dp, gradients);
      add_weighted<T>(b_strip, gradients, keys_of(a, h), k0, t.column, sums);
    }
    T* const dq = rows_of(g.dq.data, a.at_q, t.head, a.heads);
    for_sums<T>(sums, t.first, a.queries, t.column, a.size,
                [&](int64_t i, int64_t d, T sum) { dq[i * a.at_q.row + d] = a.scale * sum; });
  }
}

template <class T>
void check_lengths(const Attention<T>& a, Context& context) {
  if (a.lengths) launch_each(context, a.batch, CheckLengths{a.lengths.data, a.keys, context.status()});
}

template <class T, class A>
void launch_tasks(Context& context, void (*kernel)(A), const A& args, const Attention<T>& a, int64_t rows) {
  if (const int64_t tasks = tasks_of(a, rows); tasks > 0)
    launch_blocks(context, kernel, blocks_for(tasks, 1), threads, 0, args);
}

}  // namespace

template <class T>
void attention_forward(const AttentionForward<T>& f, Context& context) {
  check_lengths(f.of, context);
  launch_tasks(context, forward<T>, f, f.of, f.of.queries);
}

template <class T>
void attention_backward(const AttentionBackward<T>& g, Context& context) {
  check_lengths(g.of, context);
  launch_rows(context, g.delta.size, g.of.size, Delta<T>{g});
  if (g.dk || g.dv) launch_tasks(context, backward_keys<T>, g, g.of, g.of.keys);
  if (g.dq) launch_tasks(context, backward_queries<T>, g, g.of, g.of.queries);
}

#define WXB_FLOAT(T)                                                     \
  template void attention_forward(const AttentionForward<T>&, Context&); \
  template void attention_backward(const AttentionBackward<T>&, Context&);
WXB_FLOAT(float)
WXB_FLOAT(double)

}  // namespace wxb::cuda
