#pragma once
#include "core/simd.h"

// The micro-kernel: a tile of C stays in registers while a panel of A and one of B pass by.
namespace wxb::WXB_TARGET {

// Two vectors wide; as high as registers allow: 32 of 64 bytes hold 14 x 2 sums, two of B and a broadcast of A; 16 of
// 32 bytes hold 6 x 2; 32 of 16 bytes 12 x 2.
constexpr int tile_vectors = 2;
constexpr int tile_rows = WXB_VECTOR_BYTES == 64 ? 14 : WXB_VECTOR_BYTES == 32 ? 6 : 12;
constexpr int64_t tile_columns = tile_vectors * Vec::lanes;

// Where a tile goes.
struct Tile {
  float* c;
  int64_t row;        // elements between rows
  int64_t columns;    // that exist: the rest of the last vector is not stored
  bool first;         // the sums replace what c holds, instead of being added to it
  const float* bias;  // of the first column, or null
};

// A block of A: element (i, k) lies at data[i * row + k * column]. Its elements are broadcast one by one, so any
// strides do; packing only brings rows together that lie far apart.
struct BlockA {
  const float* data;
  int64_t row, column;
};

// A panel of B, vectors * lanes wide: element (k, j) lies at data[k * row + j].
struct PanelB {
  const float* data;
  int64_t row;
};

// c(i, j) (+)= sum over k of a(i, k) b(k, j) (+ bias(j)).
// Each sum runs over k in order with one rounding per step, whatever the tile's shape.
template <int rows, int vectors>
void microkernel(int64_t depth, const BlockA& block, const PanelB& panel, const Tile& where) {
  constexpr int64_t lanes = Vec::lanes;
  // A pointer for every third row: an address is a register plus one or two times another, and there are sixteen.
  constexpr int threes = (rows + 2) / 3;
  const int64_t row = block.row, column = block.column, next = panel.row;
  const float* a[threes];
#pragma GCC unroll 16
  for (int t = 0; t < threes; ++t) a[t] = block.data + 3 * t * row;
  const float* b = panel.data;
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)  // C comes nearer while the sums are made: its rows lie too far apart to be foreseen
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) __builtin_prefetch(where.c + i * where.row + v * lanes, 1);
  Vec sums[rows][vectors];
#pragma GCC unroll 16
  for (int i = 0; i < rows; ++i)
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) sums[i][v] = Vec(0.f);
  for (int64_t k = 0; k < depth; ++k) {
    Vec of_b[vectors];
#pragma GCC unroll 2
    for (int v = 0; v < vectors; ++v) of_b[v] = Vec::load(b + v * lanes);
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      const Vec of_a(a[i / 3][i % 3 * row]);
#pragma GCC unroll 2
      for (int v = 0; v < vectors; ++v) sums[i][v] = fma(of_a, of_b[v], sums[i][v]);
    }
#pragma GCC unroll 16
    for (int t = 0; t < threes; ++t) a[t] += column;
    b += next;
  }
  const Tile tile = where;  // a local copy: stores to c could change what a reference refers to
  const int64_t last = tile.columns - (vectors - 1) * lanes;  // columns in the last vector
#pragma GCC unroll 2
  for (int v = 0; v < vectors; ++v) {
    const bool whole = v + 1 < vectors || last == lanes;
    const float* bias = tile.bias ? tile.bias + v * lanes : nullptr;
    const Vec shift = !bias ? Vec(0.f) : whole ? Vec::load(bias) : Vec::load(bias, last);
#pragma GCC unroll 16
    for (int i = 0; i < rows; ++i) {
      float* c = tile.c + i * tile.row + v * lanes;
      Vec sum = sums[i][v];
      if (!tile.first) sum = (whole ? Vec::load(c) : Vec::load(c, last)) + sum;
      if (bias) sum = sum + shift;
      whole ? sum.store(c) : sum.store(c, last);
    }
  }
}

using Microkernel = void (*)(int64_t depth, const BlockA&, const PanelB&, const Tile&);

// The micro-kernel for a tile of so many rows and vectors: edges cost no more than what they hold.
template <int rows>
Microkernel microkernel_for(int64_t wanted_rows, int64_t vectors) {
  if constexpr (rows > 1)
    if (wanted_rows < rows) return microkernel_for<rows - 1>(wanted_rows, vectors);
  return vectors == 1 ? microkernel<rows, 1> : microkernel<rows, 2>;
}

}  // namespace wxb::WXB_TARGET
