#pragma once
#include "core/simd_sum.h"

// The micro-kernel: a tile of C stays in registers while a panel of A and one of B pass by.
namespace wxb::WXB_TARGET {

// Six rows of sums in registers, with as many vectors of B as are left beside a broadcast of A: 6 x 4 + 4 + 1 of 32, or
// 6 x 2 + 2 + 1 of AVX2's 16. Wide tiles load least: ten loads for 24 multiply-adds, two of either a cycle.
constexpr int tile_rows = 6, tile_vectors = WXB_VECTOR_BYTES == 32 ? 2 : 4;
constexpr int64_t tile_columns = tile_vectors * Vec::lanes;

// Where a tile goes, and what its sums start from: zeros or a bias (row 0), or what c holds already.
struct Tile {
  float* c;
  int64_t row;      // elements between rows
  int64_t columns;  // that exist: the rest of the last vector is neither read nor stored
  const float* start;
  int64_t start_row;
};

// A block of A: element (i, k) lies at data[i * row + k * column]. Its elements are broadcast one by one, so any
// strides do; packing only brings pieces of columns together that lie far apart.
struct BlockA {
  const float* data;
  int64_t row, column;
};

// A panel of B, vectors * lanes wide: element (k, j) lies at data[k * row + j].
struct PanelB {
  const float* data;
  int64_t row;
};

// The sum over k: `pieces` stretches of `depth` steps each, that begin so many elements apart in A and in B.
struct Steps {
  int64_t depth, pieces = 1, next_a = 0, next_b = 0;
};

// c(i, j) = start(i, j) + sum over k of a(i, k) b(k, j), in order of k with one rounding per step, whatever the tile's
// shape. `Last` is All or First: the lanes of the last vector.
template <int rows, int vectors, class Last>
WXB_INLINE void multiply_tile(const Steps& steps, const BlockA& block, const PanelB& panel, const Tile& tile,
                              Last last) {
  constexpr int64_t lanes = Vec::lanes;
  Vec sums[rows][vectors];
#pragma GCC unroll 12
  for (int i = 0; i < rows; ++i) {
    const float* const from = tile.start + i * tile.start_row;
#pragma GCC unroll 4
    for (int v = 0; v + 1 < vectors; ++v) sums[i][v] = Vec::load(from + v * lanes);
    sums[i][vectors - 1] = last.load(from + (vectors - 1) * lanes);
  }
  // A pointer for every third row: an address is a register plus one or two times another, and there are sixteen.
  constexpr int threes = (rows + 2) / 3;
  const int64_t row = block.row, column = block.column, next = panel.row;
  const float *a[threes], *b = panel.data;
#pragma GCC unroll 12
  for (int t = 0; t < threes; ++t) a[t] = block.data + 3 * t * row;
  const int64_t depth = steps.depth, on_a = steps.next_a - depth * column, on_b = steps.next_b - depth * next;
  for (int64_t left = steps.pieces; left > 0; --left) {
    for (int64_t k = 0; k < depth; ++k) {
      Vec of_b[vectors];
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) of_b[v] = Vec::load(b + v * lanes);
#pragma GCC unroll 12
      for (int i = 0; i < rows; ++i) {
        const Vec of_a(a[i / 3][i % 3 * row]);
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) sums[i][v] = fma(of_a, of_b[v], sums[i][v]);
      }
#pragma GCC unroll 12
      for (int t = 0; t < threes; ++t) a[t] += column;
      b += next;
    }
#pragma GCC unroll 12
    for (int t = 0; t < threes; ++t) a[t] += on_a;
    b += on_b;
  }
#pragma GCC unroll 12
  for (int i = 0; i < rows; ++i) {
    float* const to = tile.c + i * tile.row;
#pragma GCC unroll 4
    for (int v = 0; v + 1 < vectors; ++v) sums[i][v].store(to + v * lanes);
    last.store(sums[i][vectors - 1], to + (vectors - 1) * lanes);
  }
}

template <int rows, int vectors>
void microkernel(const Steps& steps, const BlockA& block, const PanelB& panel, const Tile& where) {
  const Tile tile = where;  // a local copy: stores to c could change what a reference refers to
  const int64_t last = tile.columns - (vectors - 1) * Vec::lanes;
  // What is first met when it is stored comes meanwhile, where the sum is long enough: 2 to 4 % of 6272 x 512 x 256 and
  // of 1024^3; of 32 steps it would cost as much.
  if (tile.start != tile.c && steps.depth * steps.pieces >= 128)
    for (int i = 0; i < rows; ++i)
      for (int v = 0; v < vectors; ++v) __builtin_prefetch(tile.c + i * tile.row + v * Vec::lanes, 1);
  last == Vec::lanes ? multiply_tile<rows, vectors>(steps, block, panel, tile, All{})
                     : multiply_tile<rows, vectors>(steps, block, panel, tile, First{last});
}

using Microkernel = void (*)(const Steps&, const BlockA&, const PanelB&, const Tile&);

// The micro-kernel for a tile of so many rows and vectors: edges cost no more than what they hold.
template <int rows = tile_rows, int vectors = tile_vectors>
Microkernel microkernel_for(int64_t wanted_rows, int64_t wanted_vectors) {
  if constexpr (rows > 1)
    if (wanted_rows < rows) return microkernel_for<rows - 1, vectors>(wanted_rows, wanted_vectors);
  if constexpr (vectors > 1)
    if (wanted_vectors < vectors) return microkernel_for<rows, vectors - 1>(wanted_rows, wanted_vectors);
  return microkernel<rows, vectors>;
}

// Where a tile is one vector wide, six sums would wait for each other: it has twelve rows.
constexpr int rows_of_narrow = 2 * tile_rows;
inline int64_t rows_of_tile(int64_t vectors) { return vectors == 1 ? rows_of_narrow : tile_rows; }
inline Microkernel kernel_for(int64_t rows, int64_t vectors) {
  return vectors == 1 ? microkernel_for<rows_of_narrow, 1>(rows, 1) : microkernel_for(rows, vectors);
}

}  // namespace wxb::WXB_TARGET
