#pragma once
#include "gemm/microkernel_simd.h"
#include "gemm/pack_simd.h"

// Blocks of A and B as the micro-kernel reads them: where they lie in their matrices, or packed.
namespace wxb::WXB_TARGET {

// Steps of a chunk of k. A panel of B, kc x tile_columns, takes half the L1 cache where a tile is 16 columns wide;
// where it is 64 wide, a step is 24 multiply-adds for four lines of B, which L2 delivers as well: then what counts is
// how often C is read and written again (512 against 128 steps: 4 to 8 % on one thread of Zen 4, at 1024^3 and 6272 x
// 512 x 256).
constexpr int64_t kc = WXB_VECTOR_BYTES == 64 ? 512 : 256;

WXB_INLINE int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Is a block best used where it lies, if `rows` pieces of it lie `stride` apart and it is read for `uses` rows or
// columns of the other side? Packing costs as much as it saves at about 3.5e7, 130 uses of a megabyte; what stays in
// L2, a quarter of a megabyte, may be used more often (measured on Zen 5 from 32 x 512 x 512 to 1024^3: at 1.3e7, which
// a Zen 4 preferred, products of 64 rows lose 15 %; at 7e7 those of 128 x 1024 x 1024).
WXB_INLINE bool is_direct(int64_t rows, int64_t stride, int64_t uses) {
  const double span = double(rows) * double(stride);
  return span * double(uses) <= 3.5e7 || (span <= 65536 && uses <= 256);
}

// Columns [j0, j0 + n) and rows [k0, k0 + depth) of B, in panels of tile_columns and chunks of kc. A `direct` block is
// used where it lies, but for a last panel that is narrower: the micro-kernel loads whole vectors.
struct BlockB {
  static constexpr int64_t lanes = Vec::lanes;
  const float* from;
  int64_t row, column;
  int64_t n, depth;
  bool direct;
  float* packed;
  int64_t panels() const { return divide_up(n, tile_columns); }
  int64_t columns(int64_t panel) const { return min(tile_columns, n - panel * tile_columns); }
  int64_t vectors(int64_t panel) const { return divide_up(columns(panel), lanes); }
  int64_t first_packed() const { return !direct ? 0 : n % lanes ? panels() - 1 : panels(); }
  int64_t packed_width() const { return (panels() - first_packed()) * tile_columns; }
  const float* source(int64_t k, int64_t panel) const { return from + k * row + panel * tile_columns * column; }
  float* at(int64_t k, int64_t panel) const {
    return packed + k * packed_width() + (panel - first_packed()) * tile_columns * min(kc, depth - k);
  }
  PanelB operator()(int64_t k, int64_t panel) const {
    return panel < first_packed() ? PanelB{source(k, panel), row} : PanelB{at(k, panel), vectors(panel) * lanes};
  }
  void pack(int64_t first, int64_t last) const {
    for (int64_t k = 0; k < depth; k += kc) {
      const int64_t rows = min(kc, depth - k);
      if (column == 1)
        copy_panels<tile_columns>(source(k, first), row, min(n, last * tile_columns) - first * tile_columns, rows,
                                  at(k, first));
      else
        for (int64_t q = first; q < last; ++q)
          turn(source(k, q), column, columns(q), rows, vectors(q) * lanes, at(k, q), vectors(q) * lanes);
    }
  }
};

// Rows [i0, i0 + rows) and columns [k0, k0 + depth) of A, in panels as alike as can be: 32 rows are 5 + 5 + 6 + 5 + 5 +
// 6, not five times 6 and 2, for two rows use a line of B only twice. Where A lies by rows, each is a stream of its
// own, which the micro-kernel reads as well as one that is packed (2 to 8 % better from 1024^3 on, with AVX2 the same).
// Where it lies by columns, packing copies their pieces next to each other.
struct PanelsA {
  BlockA block;
  int64_t rows, depth, count;
  int64_t start(int64_t panel) const { return panel * rows / count; }
  BlockA operator()(int64_t panel) const { return {block.data + start(panel) * block.row, block.row, block.column}; }
  void pack_columns(float* to) {
    for (int64_t k = 0; k < depth; ++k)
      __builtin_memcpy(to + k * rows, block.data + k * block.column, size_t(rows) * sizeof(float));
    block = {to, 1, rows};
  }
};

}  // namespace wxb::WXB_TARGET
