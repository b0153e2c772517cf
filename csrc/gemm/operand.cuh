#pragma once
#include <cstdint>

#include "core/cuda.cuh"

// What a product reads: a matrix X(line, k) of which a block wants tiles. An operand's Cursor knows a thread's share of
// them, and gives the address of each element, or says that there is none and a zero stands for it.
namespace wxb::cuda {

// The elements, or packs of them along k, that a thread copies of a tile. Neighbouring threads go along what is
// contiguous in memory: k or the lines.
template <int lines, int depth, int pack>
constexpr int share_count = lines * depth / pack / block_threads;

template <int lines, int depth, int pack>
struct Share {
  static constexpr int across = depth / pack, count = share_count<lines, depth, pack>;
  static_assert(count * block_threads == lines * across && block_threads % lines == 0 && block_threads % across == 0);
  int line, k, line_step, k_step;
  __device__ explicit Share(bool along_k) {
    const int thread = int(threadIdx.x);
    line = along_k ? thread / across : thread % lines;
    k = pack * (along_k ? thread % across : thread / lines);
    line_step = along_k ? block_threads / across : 0;
    k_step = along_k ? 0 : pack * (block_threads / lines);
  }
};

// X(line, k) = data[copy copy_stride + line line_stride + k k_stride]. Packs need a k_stride of 1, aligned lines and a
// depth that is a multiple of them.
template <class T, int pack_ = 1>
struct Strided {
  using Element = T;
  static constexpr int pack = pack_;
  const T* data;
  int64_t lines, depth, line_stride, k_stride, copy_stride;

  __device__ int64_t depth_of(int64_t) const { return depth; }

  template <int tile_lines, int tile_depth>
  class Cursor {
   public:
    __device__ Cursor(const Strided& x, int64_t copy, int64_t line)
        : share_(x.k_stride == 1),
          left_(int(min(x.lines - line, int64_t{tile_lines}))),
          base_(x.data),
          k_stride_(x.k_stride),
          step_(share_.line_step * x.line_stride + share_.k_step * x.k_stride),
          first_(copy * x.copy_stride + (line + share_.line) * x.line_stride + share_.k * x.k_stride) {}

    // f(line, k, from, inside) for each element, or pack, in the tile from k on; from `end` on nothing is inside.
    template <class F>
    __device__ void each(int64_t k, int64_t end, F f) const {
      const T* const from = base_ + first_ + k * k_stride_;
      const int room = int(min(end - k, int64_t{tile_depth}));
#pragma unroll
      for (int e = 0; e < share_.count; ++e) {
        const int line = share_.line + e * share_.line_step, step = share_.k + e * share_.k_step;
        const bool inside = line < left_ && step < room;
        f(line, step, inside ? from + e * step_ : base_, inside);
      }
    }

   private:
    Share<tile_lines, tile_depth, pack> share_;
    int left_;
    const T* base_;
    int64_t k_stride_, step_, first_;
  };
};

}  // namespace wxb::cuda
