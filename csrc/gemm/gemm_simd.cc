#include "core/parallel.h"
#include "elementwise/activation_simd.h"
#include "gemm/block_simd.h"
#include "gemm/gemm_table.h"
#include "gemm/skinny_simd.h"

// The blocked product (Goto, van de Geijn 2008): a block of B is packed once and shared by all threads, a thread packs
// blocks of A for itself where A lies by columns, and the micro-kernel runs over their panels. What is near enough is
// not packed at all.
// The sum over k is cut into chunks of kc; each starts from what C holds, so that an element is one chain over k and no
// result depends on the number of threads, on how C is cut up, or on what was packed. The path taken depends on the
// sizes alone.
namespace wxb::WXB_TARGET {

namespace {

// Rows of A a task takes, at most 150 KB, so that they stay in L2 while the panels of B pass by.
constexpr int64_t mc = (WXB_VECTOR_BYTES == 64 ? 12 : 18) * tile_rows;
constexpr int64_t kb = 1024;           // of B are packed at once: a task's part of C stays in L2 for so many steps
constexpr int64_t nc = 1024;           // a block of B takes 4 MB: a share of L3
constexpr int64_t few = 12;            // rows or columns: above, lanes along n waste less than sums across lanes cost
constexpr int64_t vector_from = 1e5;   // elements of a matrix that meets a vector: reading them takes 10 us
constexpr int64_t scratch = 1 << 20;   // elements a thread keeps for operands or results laid out anew: 4 MB
constexpr double parallel_from = 5e5;  // multiply-adds; ten times what a fork and join costs

// A tile whose sums are complete: keep what the derivative needs, apply the activation. It is still in L1. Rows that
// are whole follow each other: one call for all.
void finish(const Gemm<float>& g, int64_t i0, int64_t j0, int64_t rows, int64_t columns) {
  if (columns == g.c_row) columns *= rows, rows = 1;
  for (int64_t i = i0; i < i0 + rows; ++i) {
    float* c = g.c + i * g.c_row + j0;
    if (g.saved) __builtin_memcpy(g.saved + i * g.c_row + j0, c, size_t(columns) * sizeof(float));
    if (g.activation != Unary::none) activate(g.activation, g.alpha, 0, c, c, columns);
  }
}

struct Tasks {           // how a block column of C is cut up
  int64_t panels;        // of A in all
  int64_t across, down;  // tasks
  bool direct;           // A is used where it lies
  bool own;              // each task packs B for itself
};

// What one core has packed another reads from far away, on some machines at a tenth of the speed (128 x 128 x 784 on
// two threads: 235 us, as on one, or 123). So a thread multiplies the panels of B that it packed, in pack()'s order,
// where A need not be packed twice for it or meets four panels when it is (512^3 tn on two threads: 565 us in every
// process, not 566 in one and 650 in the next); and a single panel that few rows meet is packed by every thread.
Tasks cut(const Gemm<float>& g, const BlockB& b, int threads) {
  Tasks t;
  t.panels = divide_up(g.m, rows_of_tile(b.n <= Vec::lanes ? 1 : tile_vectors));
  t.direct = g.a_col == 1 || is_direct(min(g.k, kc), g.a_col, g.n);
  const bool packs = threads > 1 && b.first_packed() == 0 && (t.direct || b.panels() >= 4 * threads);
  t.own = packs && b.panels() == 1 && g.m <= 512;
  t.down = t.own ? 1 : divide_up(g.m, mc);
  const int64_t wanted = threads > 1 ? divide_up(4 * threads, t.down) : 1;
  t.across = max<int64_t>(1, min(wanted, b.panels() / 2));
  if (packs && b.panels() >= threads) t.across = max<int64_t>(t.across, threads);
  if (threads > 1) {
    if (!t.own) t.down = max<int64_t>(t.down, 2 * threads / t.across);              // B is too narrow for all threads
    t.down = max<int64_t>(1, min(t.panels, divide_up(t.down, threads) * threads));  // 15 tasks of two are 8 and 7
  }
  return t;
}

alignas(64) constexpr float zeros[tile_columns] = {};

// Tiles of panels [first, last) of B by those of A, k steps into the block of B; `c` is the tiles' own part of g.
void multiply_chunk(const Gemm<float>& c, const PanelsA& a, const BlockB& b, int64_t k, int64_t first, int64_t last,
                    bool begins, bool ends) {
  const bool finishes = ends && (c.saved || c.activation != Unary::none);
  const auto tile = [&](int64_t p, int64_t q) {
    const int64_t i = a.start(p), j = q * tile_columns, rows = a.start(p + 1) - i, columns = b.columns(q);
    float* const at = c.c + i * c.c_row + j;
    const Tile held{at, c.c_row, columns, at, c.c_row}, fresh{at, c.c_row, columns, c.bias ? c.bias + j : zeros, 0};
    kernel_for(rows, b.vectors(q))({a.depth}, a(p), b(k, q), begins ? fresh : held);
    if (finishes) finish(c, i, j, rows, columns);
  };
  // A panel of B stays near while those of A pass by. But where few steps make much of C, over half a megabyte from at
  // most a quarter of B, C's own way to memory counts: it is written row by row, which can be foreseen.
  const int64_t of_b = a.depth * (last - first) * tile_columns;
  if (begins && ends && c.m * c.c_row > 1 << 17 && of_b <= 1 << 16)
    for (int64_t p = 0; p < a.count; ++p)
      for (int64_t q = first; q < last; ++q) tile(p, q);
  else
    for (int64_t q = first; q < last; ++q)
      for (int64_t p = 0; p < a.count; ++p) tile(p, q);
}

// The part of C that starts at (i, j).
Gemm<float> part(Gemm<float> g, int64_t i, int64_t j) {
  g.c += i * g.c_row + j;
  if (g.saved) g.saved += i * g.c_row + j;
  if (g.bias) g.bias += j;
  return g;
}

void multiply(const Gemm<float>& g, const BlockB& b, const Tasks& t, int64_t j0, int64_t k0, int64_t task) {
  const int64_t across = task / t.down, down = task % t.down;
  const int64_t top = down * t.panels / t.down, end = (down + 1) * t.panels / t.down;  // panels of A
  const int64_t i0 = top * g.m / t.panels, i1 = end * g.m / t.panels;
  const int64_t first = across * b.panels() / t.across, last = (across + 1) * b.panels() / t.across;
  float* packed = nullptr;
  if (!t.direct) packed = static_cast<float*>(thread_buffer(Slot::a, (mc + rows_of_narrow) * kc * sizeof(float)));
  int64_t k = 0;
  do {  // once, even if there is nothing to sum: C = act(bias)
    const BlockA from{g.a + i0 * g.a_row + (k0 + k) * g.a_col, g.a_row, g.a_col};
    PanelsA a{from, i1 - i0, min(kc, b.depth - k), end - top};
    if (packed) a.pack_columns(packed);
    multiply_chunk(part(g, i0, j0), a, b, k, first, last, k0 + k == 0, k0 + k + a.depth == g.k);
    k += kc;
  } while (k < b.depth);
}

// Packs what the micro-kernel does not take from where it lies.
void pack(BlockB& b, int threads) {
  const int64_t first = b.first_packed(), panels = b.panels() - first;
  if (panels == 0) return;
  b.packed = static_cast<float*>(thread_buffer(Slot::b, size_t(b.packed_width() * b.depth) * sizeof(float)));
  const int64_t groups = threads > 1 ? min<int64_t>(4 * threads, panels) : 1;
  parallel(groups, [&](int64_t i) { b.pack(first + i * panels / groups, first + (i + 1) * panels / groups); });
}

void blocked(const Gemm<float>& g) {
  const int threads = double(g.m) * double(g.n) * double(g.k) >= parallel_from ? num_threads() : 1;
  const bool direct = g.b_col == 1 && (g.m <= tile_rows || is_direct(min(g.k, kc), g.b_row, g.m));
  for (int64_t j0 = 0; j0 < g.n; j0 += nc)
    for (int64_t k0 = 0; k0 == 0 || k0 < g.k; k0 += kb) {
      BlockB b{
          g.b + k0 * g.b_row + j0 * g.b_col, g.b_row, g.b_col, min(nc, g.n - j0), min(kb, g.k - k0), direct, nullptr};
      const Tasks t = cut(g, b, threads);
      if (!t.own) pack(b, threads);
      parallel(t.down * t.across, [&](int64_t task) {
        if (!t.own) return multiply(g, b, t, j0, k0, task);
        BlockB mine = b;
        pack(mine, 1);
        multiply(g, mine, t, j0, k0, task);
      });
    }
}

// Cᵀ = Bᵀ Aᵀ
Gemm<float> transposed(const Gemm<float>& g, float* c) {
  return {g.n, g.m, g.k, g.b, g.b_col, g.b_row, g.a, g.a_col, g.a_row, c, g.m};
}

// Where B lies transposed, as in x Wᵀ, packing it means turning it: k n elements. Cᵀ = Bᵀ Aᵀ reads B as rows, and turns
// Aᵀ and Cᵀ, which for a batch of few rows are much smaller.
void turned(const Gemm<float>& g) {
  float* const c = static_cast<float*>(thread_buffer(Slot::c, size_t(g.m * g.n) * sizeof(float)));
  blocked(transposed(g, c));
  constexpr int64_t rows = 16;  // of C a task
  const int64_t together = g.m * g.n < 65536 ? g.m : rows;
  parallel(divide_up(g.m, together), [&](int64_t task) {
    const int64_t i0 = task * together, count = min(together, g.m - i0);
    turn(c + i0, g.m, g.n, count, g.n, g.c + i0 * g.c_row, g.c_row);
    if (g.bias)
      for (int64_t i = i0; i < i0 + count; ++i) add_to(g.c + i * g.c_row, g.n, g.bias, 1);
    finish(g, i0, 0, count, g.n);
  });
}

// Dot products for a task's rows of d, then done(first, count).
template <class Done>
void by_rows(const Dots& d, Done done) {
  const int64_t share = max<int64_t>(1, 32768 / d.depth / dot_rows) * dot_rows;  // 128 KB of the long side
  const int64_t together = d.rows * d.depth * (d.columns + 4) < 4 * vector_from ? d.rows : share;
  parallel(divide_up(d.rows, together), [&](int64_t task) {
    const int64_t i = task * together, count = min(together, d.rows - i);
    dots(d, i, i + count);
    done(i, count);
  });
}

// m = 1 and B's rows lie whole. bias_step is 0 where C is a column that was transposed, with one bias for all.
void one_row(const Gemm<float>& g, int64_t bias_step) {
  const int threads = g.n * g.k < vector_from ? 1 : num_threads();
  const int64_t columns = min<int64_t>(4096, divide_up(divide_up(g.n, threads), 64) * 64);  // of C: they stay in L1
  parallel(divide_up(g.n, columns), [&](int64_t task) {
    const int64_t j = task * columns, n = min(columns, g.n - j);
    __builtin_memset(g.c + j, 0, size_t(n) * sizeof(float));
    // Eight rows together load and store y least; four and the next four fit L1.
    const auto add = g.n * g.k > beyond_l2 ? add_scaled_rows<4, true> : add_scaled_rows<8, false>;
    add(g.k, g.a, g.a_col, g.b + j, g.b_row, g.c + j, n);
    if (g.bias) add_to(g.c + j, n, g.bias + j * bias_step, bias_step);
    finish(g, 0, j, 1, n);
  });
}

// C from rows of A and few rows of Bᵀ, which are gathered if they do not lie whole.
void few_columns(const Gemm<float>& g) {
  const float* b = g.b;
  if (g.b_row != 1) {
    float* const rows = static_cast<float*>(thread_buffer(Slot::b, size_t(g.n * g.k) * sizeof(float)));
    turn(g.b, g.b_row, g.k, g.n, g.k, rows, g.k);
    b = rows;
  }
  const Dots d{g.m, g.n, g.k, g.a, g.a_row, b, b == g.b ? g.b_col : g.k, g.c, g.c_row, 1};
  by_rows(d, [&](int64_t i, int64_t rows) {
    if (g.bias)
      for (int64_t r = i; r < i + rows; ++r) add_to(g.c + r * g.c_row, g.n, g.bias, 1);
    finish(g, i, 0, rows, g.n);
  });
}

// C from few rows of A and rows of Bᵀ.
void few_rows(const Gemm<float>& g) {
  const Dots d{g.n, g.m, g.k, g.b, g.b_col, g.a, g.a_row, g.c, 1, g.c_row};
  by_rows(d, [&](int64_t j, int64_t columns) {
    if (g.bias)
      for (int64_t i = 0; i < g.m; ++i) add_to(g.c + i * g.c_row + j, columns, g.bias + j, 1);
    finish(g, 0, j, g.m, columns);
  });
}

void gemm(const Gemm<float>& g) {
  if (g.m == 0 || g.n == 0) return;
  const bool rows_of_a = g.a_col == 1, rows_of_b = g.b_row == 1, long_sums = g.k >= 4 * Vec::lanes;
  if (long_sums && rows_of_a && rows_of_b && g.m <= few && g.m < g.n) return few_rows(g);
  if (long_sums && rows_of_a && g.n <= few && (rows_of_b || g.n * g.k <= scratch)) return few_columns(g);
  if (g.k > 0 && g.m == 1 && g.b_col == 1) return one_row(g, 1);
  if (g.k > 0 && g.n == 1 && g.a_row == 1 && g.c_row == 1) {
    Gemm<float> t = transposed(g, g.c);
    t.bias = g.bias, t.saved = g.saved, t.activation = g.activation, t.alpha = g.alpha;
    return one_row(t, 0);
  }
  const bool turns_less = g.b_col != 1 && g.n * g.k > g.m * (g.k + g.n);
  const bool thin = g.a_row == 1 && g.n <= few && g.m >= 2 * tile_columns;
  if ((turns_less || thin) && g.m * g.n <= scratch) return turned(g);
  blocked(g);
}

// Column sums of rows of n numbers that lie whole and follow each other. Rows that are narrower than a vector are read
// `lanes` at a time, as n vectors: `apart` holds their sums, of which every n-th belongs to the same column.
struct ColumnSums {
  static constexpr int64_t lanes = Vec::lanes;
  float sums[derivative_strip] = {}, apart[lanes * lanes] = {};
  void add(const float* from, int64_t rows, int64_t n) {
    const int64_t together = n < lanes ? rows / lanes : 0;
    add_rows(apart, from, together, lanes * n);
    add_rows(sums, from + together * lanes * n, rows - together * lanes, n);
  }
  static void add_rows(float* to, const float* from, int64_t rows, int64_t n) {
    if (rows == 0) return;
    for_lanes(0, n, [&](auto l, int64_t j) {
      Vec sum = l.load(to + j);
      for (int64_t i = 0; i < rows; ++i) sum += l.load(from + i * n + j);
      l.store(sum, to + j);
    });
  }
  void store(float* to, int64_t n) {
    if (n < lanes)
      for (int64_t j = 0; j < lanes * n; ++j) sums[j % n] += apart[j];
    __builtin_memcpy(to, sums, size_t(n) * sizeof(float));
  }
};

// A strip of columns: dz is summed while it is in L1, some rows at a time where they are whole.
void derivative(const LinearBackward<float>& a, int64_t begin, int64_t end) {
  ColumnSums sums;
  const int64_t columns = end - begin, together = columns == a.out ? max<int64_t>(1, 2048 / columns) : 1;
  for (int64_t i = 0; i < a.n; i += together) {
    const int64_t at = i * a.out + begin, rows = min(together, a.n - i);
    const float* dz = a.dy.data + at;
    if (a.workspace) {
      activation_gradient(a.activation, a.alpha, 0, a.saved.data + at, dz, a.workspace.data + at, rows * columns);
      dz = a.workspace.data + at;
    }
    if (a.dbias) sums.add(dz, rows, columns);
  }
  if (a.dbias) sums.store(a.dbias.data + begin, columns);
}

}  // namespace

extern const GemmTable<float> gemm_float;
const GemmTable<float> gemm_float{gemm, derivative};

}  // namespace wxb::WXB_TARGET
