#include "core/reduction.cuh"
#include "core/rows.cuh"
#include "gemm/tile_product.cuh"
#include "tree/turns.cuh"

namespace wxb::cuda {

namespace {

template <class T>
struct One {
  __device__ T load(const T* p) const { return *p; }
  __device__ void store(T v, T* p) const { *p = v; }
};

// The threads of a block share the columns; column j is always the same thread's.
template <class T, class F>
__device__ void for_columns(int64_t n, F f) {
#pragma unroll 1
  for (int64_t j = threadIdx.x; j < n; j += blockDim.x) f(One<T>{}, j);
}

template <class V>
__device__ V number(V s) {
  return s;
}

}  // namespace

}  // namespace wxb::cuda

#include "tree/cells.h"

// Levels are found by every block for itself, and worked off by all of them, in one launch: how many there are is
// known on the GPU alone.
namespace wxb::cuda {

namespace {

// ---- the structure ----

// order: the counters of Turns, then of each node its latest child, -1 for a leaf.
struct Begin {
  int64_t *parent, *order;
  __device__ void operator()(int64_t n) const {
    if (parent) parent[n] = -1;
    if (n == 0) order[0] = order[1] = 0;
  }
};

// Where two claim one child, the earlier place in `children` has it.
struct Claim {
  const int64_t* children;
  int64_t* parent;
  int64_t arity;
  __device__ void operator()(int64_t at) const {
    const int64_t child = children[at];
    if (child < 0 || child >= at / arity) return;
    atomicMin(reinterpret_cast<unsigned long long*>(parent + child), static_cast<unsigned long long>(at));
  }
};

struct FindLatest {
  Family family;
  int64_t* order;
  Status status;
  bool reports;
  __device__ void operator()(int64_t n) const {
    int64_t latest = -1;
    for (int64_t k = 0; k < family.arity; ++k) {
      const int64_t child = family.child(n, k), at = n * family.arity + k;
      latest = max(latest, child);
      if (reports && child < 0 && family.children[at] != -1) report(status, Code::bad_index, uint64_t(at));
    }
    order[Turns::counters + n] = latest;
  }
};

// The end of the level that begins at `begin`: the first node that has a child in it.
__device__ int64_t level_end(const int64_t* order, int64_t begin, int64_t nodes) {
  for (int64_t first = begin + 1; first < nodes; first += blockDim.x) {
    const int64_t n = first + threadIdx.x;
    const bool is_end = n < nodes && order[Turns::counters + n] >= begin;
    if (__syncthreads_or(is_end)) return reduce_block(is_end ? n : nodes, Smallest());
  }
  return nodes;
}

// The begin of the level that ends at `end`, from the roots down: behind the last node whose parent is in it.
__device__ int64_t level_begin(const Family& family, int64_t end) {
  for (int64_t last = end - 2; last >= 0; last -= blockDim.x) {
    const int64_t n = last - threadIdx.x, place = n >= 0 ? family.place(n) : -1;
    const bool is_before = place >= 0 && place / family.arity < end;
    if (__syncthreads_or(is_before)) return reduce_block(is_before ? n + 1 : int64_t{0}, Largest());
  }
  return 0;
}

// ---- products of a level ----

constexpr int parts = 4;  // of a thread: 64 columns in a tile

// A matrix: element (i, j) at data[i row + j column].
template <class T>
struct Matrix {
  T* data;
  int64_t row, column;
  __device__ T& at(int64_t i, int64_t j) const { return data[i * row + j * column]; }
};

HD int64_t tiles_of(int64_t rows, int64_t columns) {
  return ceil_div(rows, tile_side) * ceil_div(columns, tile_columns<parts>);
}

// One tile of c (rows, columns) = a b, of depth k.
template <bool deep_b, class T>
__device__ void multiply(Tile<T, parts>& tile, int64_t item, int64_t rows, int64_t columns, int64_t depth,
                         Matrix<const T> a, Matrix<const T> b, Matrix<T> c) {
  const int64_t across = ceil_div(columns, tile_columns<parts>), row = item / across * tile_side,
                column = item % across * tile_columns<parts>;
  T sums[parts] = {};
  tile_product<true, deep_b>(
      tile, depth, [&](int i, int64_t k) { return row + i < rows ? a.at(row + i, k) : T(0); },
      [&](int64_t k, int j) { return column + j < columns ? b.at(k, column + j) : T(0); }, sums);
#pragma unroll
  for (int p = 0; p < parts; ++p) {
    const int64_t i = row + tile_row(), j = column + tile_column() + p * tile_side;
    if (i < rows && j < columns) c.at(i, j) = sums[p];
  }
}

// ---- forward ----

template <class T>
__global__ void __launch_bounds__(tile_threads, 2) forward_levels(TreeForward<T> a) {
  __shared__ Tile<T, parts> tile;
  const Trees& t = a.trees;
  const int64_t width = t.width(), features = t.features(), hidden = t.hidden, product = t.product();
  T* const z = t.has_memory() ? a.gates.data : a.h.data;
  Turns turns(a.order.data);
  for (int64_t begin = 0, end; begin < t.nodes; begin = end) {
    end = level_end(a.order.data, begin, t.nodes);
    const int64_t rows = end - begin;
    if (begin > 0) {
      turns.run(rows, [&](int64_t i) { gather(a, begin + i, begin + i + 1); });
      turns.run(tiles_of(rows, product), [&](int64_t item) {
        multiply<true, T>(tile, item, rows, product, features, {a.features.data + begin * features, features, 1},
                          {a.weight.data, 1, features}, {z + begin * width, width, 1});
      });
    }
    turns.run(rows, [&](int64_t i) {  // a leaf's product is 0, and a NaN in the weights none of its business
      const bool is_inner = a.order.data[Turns::counters + begin + i] >= 0;
      forward(a, begin + i, begin + i + 1, is_inner);
    });
    if (t.cell == TreeCell::child_sum)  // W_f h, beside the gates of its node until its parent makes f of it
      turns.run(tiles_of(rows, hidden), [&](int64_t item) {
        multiply<true, T>(tile, item, rows, hidden, hidden, {a.h.data + begin * hidden, hidden, 1},
                          {a.weight.data + 3 * hidden * hidden, 1, hidden},
                          {a.gates.data + begin * width + 3 * hidden, width, 1});
      });
  }
}

// ---- backward ----

// ds_i = d(i, end) + sum_j (d(i, j) + d(j, i)) s_j of node n, where d is dfeatures
template <class T>
__device__ void contract(const TreeBackward<T>& a, int64_t n) {
  const int64_t states = a.trees.states(), row = states + 1;
  const T *const d = a.dfeatures.data + n * a.trees.features(), *const s = a.features.data + n * a.trees.features();
  for_columns<T>(states, [&](auto, int64_t i) {
    T sum = d[i * row + states];
    for (int64_t j = 0; j < states; ++j) sum = fma(d[i * row + j] + d[j * row + i], s[j * row + states], sum);
    a.ds.data[n * states + i] = sum;
  });
}

// Three blocks on a processor: left to itself, ptxas spills on sm_80 for one more.
template <class T>
__global__ void __launch_bounds__(tile_threads, 3) backward_levels(TreeBackward<T> a) {
  __shared__ Tile<T, parts> tile;
  const Trees& t = a.trees;
  const int64_t width = t.width(), features = t.features(), hidden = t.hidden, product = t.product();
  T* const to = t.cell == TreeCell::tensor ? a.dfeatures.data : a.ds.data;
  Turns turns(a.order.data);
  for (int64_t end = t.nodes, begin; end > 0; end = begin) {
    begin = level_begin(family(a), end);
    const int64_t rows = end - begin;
    if (t.cell == TreeCell::child_sum) {
      turns.run(rows, [&](int64_t i) { edges(a, begin + i, begin + i + 1); });
      turns.run(tiles_of(rows, hidden), [&](int64_t item) {
        multiply<false, T>(tile, item, rows, hidden, hidden, {a.edge.data + begin * hidden, hidden, 1},
                           {a.weight.data + 3 * hidden * hidden, hidden, 1},
                           {a.dedge.data + begin * hidden, hidden, 1});
      });
    }
    turns.run(rows, [&](int64_t i) { backward(a, begin + i, begin + i + 1); });
    if (begin == 0) break;  // leaves
    turns.run(tiles_of(rows, features), [&](int64_t item) {
      multiply<false, T>(tile, item, rows, features, product, {a.dz.data + begin * width, width, 1},
                         {a.weight.data, features, 1}, {to + begin * features, features, 1});
    });
    if (t.cell == TreeCell::tensor) turns.run(rows, [&](int64_t i) { contract(a, begin + i); });
  }
}

// c (rows, columns) = aᵀ b over the nodes, in their order; those that are no parent do not count where `inner` is
// given.
template <class T>
__global__ void __launch_bounds__(tile_threads)
    sum_outer(Matrix<const T> a, Matrix<const T> b, Matrix<T> c, int64_t rows, int64_t columns, int64_t nodes,
              const int64_t* inner) {
  __shared__ Tile<T, parts> tile;
  const int64_t across = ceil_div(columns, tile_columns<parts>);
  for (int64_t item = blockIdx.x; item < tiles_of(rows, columns); item += gridDim.x) {
    const int64_t row = item / across * tile_side, column = item % across * tile_columns<parts>;
    T sums[parts] = {};
    tile_product<false, false>(
        tile, nodes,
        [&](int i, int64_t n) { return row + i < rows && (!inner || inner[n] >= 0) ? a.at(n, row + i) : T(0); },
        [&](int64_t n, int j) {
          return column + j < columns && (!inner || inner[n] >= 0) ? b.at(n, column + j) : T(0);
        },
        sums);
#pragma unroll
    for (int p = 0; p < parts; ++p) {
      const int64_t i = row + tile_row(), j = column + tile_column() + p * tile_side;
      if (i < rows && j < columns) c.at(i, j) = sums[p];
    }
  }
}

// A column of dz.
template <class T>
struct BiasGradient {
  using Part = double;
  TreeBackward<T> a;
  __device__ double part(int64_t column, int64_t n, int64_t to, int64_t step) const {
    double sum = 0;
    for (; n < to; n += step) sum += double(a.dz.data[n * a.trees.width() + column]);
    return sum;
  }
  __device__ static void merge(double& a, double b) { a += b; }
  __device__ void finish(int64_t column, double sum) const { a.dbias.data[column] = T(sum); }
};

// One launch: so few columns and nodes need no workspace.
AxisCut columns_of(const Trees& t) {
  AxisCut cut = cut_axis(1, t.nodes, t.width());
  cut.segments = 1, cut.length = std::max<int64_t>(t.nodes, 1);
  return cut;
}

template <class T>
void weight_gradients(const TreeBackward<T>& a, Context& context) {
  const Trees& t = a.trees;
  const int64_t width = t.width(), features = t.features(), hidden = t.hidden, product = t.product();
  const auto outer_product = [&](const T* x, int64_t x_row, const T* y, int64_t columns, T* to, int64_t rows,
                                 const int64_t* inner) {
    launch_blocks(context, sum_outer<T>, blocks_for(tiles_of(rows, columns), 1), tile_threads, 0,
                  Matrix<const T>{x, x_row, 1}, Matrix<const T>{y, columns, 1}, Matrix<T>{to, columns, 1}, rows,
                  columns, t.nodes, inner);
  };
  const int64_t* const latest = a.order.data + Turns::counters;
  if (a.dweight) outer_product(a.dz.data, width, a.features.data, features, a.dweight.data, product, latest);
  if (a.dweight && t.cell == TreeCell::child_sum)
    outer_product(a.edge.data, hidden, a.h.data, hidden, a.dweight.data + 3 * hidden * hidden, hidden, nullptr);
  if (a.dbias) launch_reduction(context, BiasGradient<T>{a}, columns_of(t), nullptr);
}

// Blocks that all find something to do in the widest phase there may be, if so many are resident.
template <auto kernel>
unsigned blocks_of(const Trees& t) {
  const int64_t wanted = std::max(t.nodes, tiles_of(t.nodes, std::max(t.width(), t.features())));
  return unsigned(std::min(wanted, resident_blocks<kernel>(tile_threads)));
}

}  // namespace

int64_t tree_turned(const Trees&) { return 0; }
int64_t tree_order(const Trees& t) { return Turns::counters + t.nodes; }

template <class T>
void tree_forward(const TreeForward<T>& a, Context& context) {
  const Trees& t = a.trees;
  if (t.nodes == 0) return;
  launch_each(context, t.nodes, Begin{a.parent.data, a.order.data});
  launch_each(context, a.children.size, Claim{a.children.data, a.parent.data, t.arity});
  launch_each(context, t.nodes, FindLatest{family(a), a.order.data, context.status(), true});
  launch_blocks(context, forward_levels<T>, blocks_of<forward_levels<T>>(t), tile_threads, 0, a);
}

template <class T>
void tree_backward(const TreeBackward<T>& a, Context& context) {
  const Trees& t = a.trees;
  if (t.nodes > 0) {
    launch_each(context, t.nodes, Begin{nullptr, a.order.data});
    launch_each(context, t.nodes, FindLatest{family(a), a.order.data, Status{}, false});
    launch_blocks(context, backward_levels<T>, blocks_of<backward_levels<T>>(t), tile_threads, 0, a);
  }
  weight_gradients(a, context);
}

template void tree_forward(const TreeForward<float>&, Context&);
template void tree_forward(const TreeForward<double>&, Context&);
template void tree_backward(const TreeBackward<float>&, Context&);
template void tree_backward(const TreeBackward<double>&, Context&);

}  // namespace wxb::cuda
