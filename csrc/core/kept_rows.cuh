#pragma once
#include <limits>

#include "core/elements.cuh"
#include "core/rows.cuh"

// Rows of an array (rows, columns) that are read once: a team keeps its row in registers, reduces it, writes. Which
// thread has which element depends on the number of columns alone, and so does the order of a sum.
namespace wxb::cuda {

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();

// An element of a row, as its thread sees it: of which of its packs, where in it, in which column.
struct At {
  int turn, place;
  int64_t column;
};

// How a team shares a row: packs of `pack` neighbours in turn, at most `turns` a thread, which are kept in registers.
// Where turns is 0 there is no such bound, and what is needed again is read again, from a cache.
template <class Team, int pack, int turns>
struct RowCut {
  int64_t columns;
  bool aligned;  // every operand, to packs

  // Within a pack elements are asked for in order, from place 0 on.
  template <class T>
  class Row {
   public:
    __device__ Row(const RowCut& cut, const T* row) : cut_(cut), row_(row) {
      if constexpr (turns > 0) cut.each_pack([&](int turn, int64_t column) { kept_[turn] = cut.load(row + column); });
    }
    __device__ T operator[](At at) const {
      if constexpr (turns == 0)
        if (at.place == 0) kept_[0] = cut_.load(row_ + at.column);
      return kept_[turns == 0 ? 0 : at.turn].v[at.place];
    }

   private:
    const RowCut& cut_;
    const T* row_;
    mutable Pack<T, pack> kept_[turns == 0 ? 1 : turns];
  };

  // What all rows have in common, such as a weight of each column: from a cache, for registers are short.
  template <class T>
  class Shared {
   public:
    __device__ Shared(const RowCut& cut, const T* p, T absent) : cut_(cut), p_(p), absent_(absent) {}
    __device__ T operator[](At at) const {
      if (!p_) return absent_;
      if (at.place == 0) now_ = cut_.load(p_ + at.column);
      return now_.v[at.place];
    }

   private:
    const RowCut& cut_;
    const T* p_;
    T absent_;
    mutable Pack<T, pack> now_;
  };

  template <class T>
  __device__ Row<T> row(const T* p) const {
    return {*this, p};
  }
  template <class T>
  __device__ Shared<T> shared(const In<T>& a, T absent) const {
    return {*this, a.data, absent};
  }

  template <class T>
  __device__ Pack<T, pack> load(const T* p) const {
    if (aligned) return cuda::load<pack>(p);
    Pack<T, pack> v;
#pragma unroll
    for (int k = 0; k < pack; ++k) v.v[k] = p[k];
    return v;
  }

  template <class F>
  __device__ void each_pack(F f) const {
    const int64_t first = int64_t{Team::rank()} * pack;
    constexpr int step = Team::size * pack;
    if constexpr (turns > 0) {
#pragma unroll
      for (int turn = 0; turn < turns; ++turn)
        if (first + turn * step < columns) f(turn, first + turn * step);
    } else {
      for (int64_t column = first; column < columns; column += step) f(0, column);
    }
  }

  template <class F>
  __device__ void each(F f) const {
    each_pack([&](int turn, int64_t column) {
#pragma unroll
      for (int k = 0; k < pack; ++k) f(At{turn, k, column + k});
    });
  }

  template <class T, class F>
  __device__ T sum(F f) const {
    T mine = 0;
    each([&](At at) { mine += f(at); });
    return Team::sum(mine);
  }

  // A NaN may be lost.
  template <class T>
  __device__ T largest(const Row<T>& x) const {
    const auto larger = [](T a, T b) { return a < b ? b : a; };
    T mine = -infinity<T>;
    each([&](At at) { mine = larger(mine, x[at]); });
    return Team::reduce(mine, larger);
  }

  template <class T, class F>
  __device__ void write(T* p, F f) const {
    each_pack([&](int turn, int64_t column) {
      Pack<T, pack> v;
#pragma unroll
      for (int k = 0; k < pack; ++k) v.v[k] = f(At{turn, k, column + k});
      if (aligned) return store(p + column, v);
#pragma unroll
      for (int k = 0; k < pack; ++k) p[column + k] = v.v[k];
    });
  }

  __device__ static bool leads() { return Team::rank() == 0; }  // who writes what a row has one of
};

template <class Cut, class Body>
struct KeptRow {
  Body body;
  Cut cut;
  template <class Team>
  __device__ void run(Team, int64_t row) const {
    body.run(cut, row);
  }
};

// A block keeps a row of up to 8192 columns, 32 in each thread as in a warp. float64 is read again: it is there to be
// right.
constexpr int64_t most_columns_of_block = 8192;

// Calls body.run(cut, row) for every row: `template <class Cut> __device__ void run(const Cut& cut, int64_t row)
// const`.
template <class T, class Body, class... Operands>
void launch_kept_rows(Context& context, int64_t rows, int64_t columns, const Body& body, const Operands&... operands) {
  if (rows <= 0 || columns <= 0) return;
  const bool packs = columns % 4 == 0, aligned = (is_aligned<4>(operands) && ...);
  const auto by_warp = [&]<int pack, int turns>() {
    using Cut = RowCut<WarpTeam, pack, turns>;
    launch_blocks(context, run_rows_by_warp<KeptRow<Cut, Body>>, blocks_for(rows, block_threads / warp_threads),
                  block_threads, 0, KeptRow<Cut, Body>{body, {columns, aligned || pack == 1}}, rows);
  };
  const auto by_block = [&]<int pack, int turns>() {
    using Cut = RowCut<BlockTeam<block_threads>, pack, turns>;
    launch_blocks(context, run_rows_by_block<KeptRow<Cut, Body>>, blocks_for(rows, 1), block_threads, 0,
                  KeptRow<Cut, Body>{body, {columns, aligned || pack == 1}}, rows);
  };
  if constexpr (sizeof(T) == 4) {
    if (columns <= most_columns_of_warp)
      return packs ? by_warp.template operator()<4, 8>() : by_warp.template operator()<1, 32>();
    if (columns <= most_columns_of_block)
      return packs ? by_block.template operator()<4, 8>() : by_block.template operator()<1, 32>();
  } else if (columns <= most_columns_of_warp) {
    return by_warp.template operator()<1, 0>();
  }
  by_block.template operator()<1, 0>();
}

}  // namespace wxb::cuda
