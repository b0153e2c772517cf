#include "core/parallel.h"
#include "elementwise/activation_simd.h"
#include "gemm/gemm_table.h"
#include "gemm/microkernel_simd.h"
#include "gemm/pack_simd.h"

// The blocked product (Goto, van de Geijn 2008): a kc x nc block of B is packed once and shared by all threads, each
// thread packs mc x kc blocks of A for itself, and the micro-kernel runs over their panels. The sum over k is cut into
// chunks of kc, added to C in order; so no result depends on the number of threads or on how C is cut up.
namespace wxb::WXB_TARGET {

namespace {

constexpr int64_t lanes = Vec::lanes;
constexpr int64_t kc = 256;             // a panel of B, kc x 2 vectors, takes a half to two thirds of the L1 cache
constexpr int64_t mc = 12 * tile_rows;  // a block of A takes at most 172 KB: it stays in L2 beside a panel of B
constexpr int64_t nc = 2048;            // a block of B takes 2 MB: a share of L3
constexpr double parallel_from = 5e5;   // multiply-adds; ten times what a fork and join costs

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Columns [j0, j0 + n) of B and rows [k0, k0 + depth), packed in panels of tile_columns, the last one narrower if it
// can.
struct PackedB {
  float* data;
  int64_t n, depth;
  int64_t panels() const { return divide_up(n, tile_columns); }
  int64_t columns(int64_t panel) const { return min(tile_columns, n - panel * tile_columns); }
  int64_t vectors(int64_t panel) const { return columns(panel) > lanes ? 2 : 1; }
  float* at(int64_t panel) const { return data + panel * tile_columns * depth; }
};

void pack_b(const Gemm<float>& g, int64_t j0, int64_t k0, const PackedB& to, int64_t panel) {
  const float* from = g.b + k0 * g.b_row + (j0 + panel * tile_columns) * g.b_col;
  const int64_t columns = to.columns(panel), width = to.vectors(panel) * lanes;
  if (g.b_col == 1)
    pack_columns(from, g.b_row, columns, to.depth, width, to.at(panel));
  else
    pack_rows(from, g.b_col, columns, to.depth, width, to.at(panel));
}

void pack_a(const Gemm<float>& g, int64_t i0, int64_t k0, int64_t rows, int64_t depth, float* to) {
  const float* from = g.a + i0 * g.a_row + k0 * g.a_col;
  if (g.a_row == 1 && g.a_col != 1)
    pack_columns(from, g.a_col, rows, depth, rows, to);
  else
    pack_rows(from, g.a_row, rows, depth, rows, to);
}

// A tile whose sums are complete: keep what the derivative needs, apply the activation. It is still in L1.
void finish(const Gemm<float>& g, int64_t i0, int64_t j0, int64_t rows, int64_t columns) {
  for (int64_t i = i0; i < i0 + rows; ++i) {
    float* c = g.c + i * g.c_row + j0;
    if (g.saved) __builtin_memcpy(g.saved + i * g.c_row + j0, c, size_t(columns) * sizeof(float));
    if (g.activation != Unary::none) activate(g.activation, g.alpha, 0, c, c, columns);
  }
}

struct Blocks {          // how a block column of C is cut into tasks
  int64_t height;        // rows of a panel of A
  int64_t panels;        // of A in all
  int64_t across, down;  // tasks
};

Blocks cut(int64_t m, int64_t panels_b, int threads) {
  Blocks blocks;
  blocks.panels = divide_up(m, tile_rows);
  blocks.height = divide_up(m, blocks.panels);  // 32 rows as 11 + 11 + 10, not 14 + 14 + 4
  blocks.panels = divide_up(m, blocks.height);
  blocks.down = divide_up(blocks.panels * blocks.height, mc);
  const int64_t wanted = threads > 1 ? divide_up(4 * threads, blocks.down) : 1;
  blocks.across = max<int64_t>(1, min(wanted, panels_b / 2));
  return blocks;
}

void multiply_block(const Gemm<float>& g, const PackedB& b, const Blocks& blocks, int64_t j0, int64_t k0,
                    int64_t task) {
  const int64_t down = task / blocks.across, across = task % blocks.across;
  const int64_t first_a = down * blocks.panels / blocks.down, last_a = (down + 1) * blocks.panels / blocks.down;
  const int64_t first_b = across * b.panels() / blocks.across, last_b = (across + 1) * b.panels() / blocks.across;
  float* const a =
      static_cast<float*>(thread_buffer(Slot::a, size_t((mc + 2 * tile_rows) * kc + lanes) * sizeof(float)));
  const int64_t height = blocks.height;
  for (int64_t p = first_a; p < last_a; ++p)
    pack_a(g, p * height, k0, min(height, g.m - p * height), b.depth, a + (p - first_a) * height * b.depth);
  const bool complete = k0 + b.depth == g.k;
  const bool finishes = complete && (g.saved || g.activation != Unary::none);
  for (int64_t q = first_b; q < last_b; ++q) {
    const int64_t j = j0 + q * tile_columns, columns = b.columns(q), vectors = b.vectors(q);
    const Microkernel whole = microkernel_for<tile_rows>(height, vectors);
    for (int64_t p = first_a; p < last_a; ++p) {
      const int64_t i = p * height, rows = min(height, g.m - i);
      const Microkernel kernel = rows == height ? whole : microkernel_for<tile_rows>(rows, vectors);
      kernel(b.depth, a + (p - first_a) * height * b.depth, b.at(q),
             Tile{g.c + i * g.c_row + j, g.c_row, columns, k0 == 0, complete && g.bias ? g.bias + j : nullptr});
      if (finishes) finish(g, i, j, rows, columns);
    }
  }
}

void gemm(const Gemm<float>& g) {
  if (g.m == 0 || g.n == 0) return;
  const bool many = double(g.m) * double(g.n) * double(g.k) >= parallel_from;
  const int threads = many ? num_threads() : 1;
  const int64_t widest = divide_up(min(g.n, nc), tile_columns) * tile_columns;
  float* const buffer = static_cast<float*>(
      thread_buffer(Slot::b, size_t(widest * min(max<int64_t>(g.k, 1), kc) + lanes) * sizeof(float)));
  for (int64_t j0 = 0; j0 < g.n; j0 += nc)
    for (int64_t k0 = 0; k0 == 0 || k0 < g.k; k0 += kc) {
      const PackedB b{buffer, min(nc, g.n - j0), min(kc, g.k - k0)};
      const int64_t groups = threads > 1 ? min<int64_t>(4 * threads, b.panels()) : 1;
      parallel(groups, [&](int64_t task) {
        for (int64_t q = task * b.panels() / groups; q < (task + 1) * b.panels() / groups; ++q) pack_b(g, j0, k0, b, q);
      });
      const Blocks blocks = cut(g.m, b.panels(), threads);
      parallel(blocks.down * blocks.across, [&](int64_t task) { multiply_block(g, b, blocks, j0, k0, task); });
    }
}

void column_sums(const float* x, int64_t rows, int64_t columns, float* sums, int64_t begin, int64_t end) {
  const auto add = [&](int64_t j, auto load, auto store) {
    Vec even(0.f), odd(0.f);  // two chains hide the latency of the addition
    int64_t i = 0;
    for (; i + 2 <= rows; i += 2) {
      even += load(x + i * columns + j);
      odd += load(x + (i + 1) * columns + j);
    }
    if (i < rows) even += load(x + i * columns + j);
    store(sums + j, even + odd);
  };
  for_vectors(
      end - begin,
      [&](int64_t j) {
        add(begin + j, [](const float* p) { return Vec::load(p); }, [](float* p, Vec v) { v.store(p); });
      },
      [&](int64_t j, int64_t n) {
        add(begin + j, [n](const float* p) { return Vec::load(p, n); }, [n](float* p, Vec v) { v.store(p, n); });
      });
}

}  // namespace

extern const GemmTable<float> gemm_float;
const GemmTable<float> gemm_float{gemm, column_sums};

}  // namespace wxb::WXB_TARGET
