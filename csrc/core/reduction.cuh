#pragma once
#include "core/cuda.cuh"

// Reductions along the middle axis of (outer, count, inner), whatever they add up. A block has a tile of threads: some
// outputs side by side, several threads along the axis for each. Where outputs are few the axis is cut into segments,
// whose parts wait in a workspace for a second launch. Sizes alone decide, so the order of a sum depends on them only.
namespace wxb::cuda {

struct AxisCut {
  int64_t outputs, count, inner;
  int wide, deep;  // outputs of a block, threads along the axis; powers of two, wide * deep == block_threads
  int64_t segments, length;
};

inline int power_of_two(int64_t least, int most) {
  int n = 1;
  while (n < least && n < most) n *= 2;
  return n;
}

// Neighbouring threads read neighbouring elements: outputs where there is an inner axis, else along the axis.
inline AxisCut cut_axis(int64_t outer, int64_t count, int64_t inner) {
  constexpr int64_t least = 16, blocks_wanted = 1024;  // elements of a thread; blocks, that fill the largest GPUs
  AxisCut c{outer * inner, count, inner, 1, 1, 1, std::max<int64_t>(count, 1)};
  if (inner == 1)
    c.deep = power_of_two(ceil_div(count, 4), count >= 8192 || outer <= 64 ? block_threads : warp_threads),
    c.wide = block_threads / c.deep;
  else
    c.wide = power_of_two(inner, 32), c.deep = block_threads / c.wide;
  const int64_t blocks = ceil_div(c.outputs, c.wide);
  if (blocks == 0 || blocks >= blocks_wanted) return c;
  const int64_t segments = std::clamp<int64_t>(count / (c.deep * least), 1, ceil_div(blocks_wanted, blocks));
  c.length = std::max<int64_t>(ceil_div(count, segments), 1);
  c.segments = std::max<int64_t>(ceil_div(count, c.length), 1);
  return c;
}

// How many parts wait between the two launches; none if there is one.
inline int64_t parts_of(const AxisCut& c) { return c.segments > 1 ? c.segments * c.outputs : 0; }

// Body::part(output, k, to, step) reduces the elements k, k + step, ... below `to`; Body::merge(a, b) puts a part of
// later elements into another; Body::finish(output, part) writes a result.
template <class Body>
__global__ void WXB_BOUNDS(2) reduce_axis(Body body, AxisCut cut, typename Body::Part* __restrict__ parts) {
  using Part = typename Body::Part;
  __shared__ Part shared[block_threads];
  const int thread = int(threadIdx.x), across = cut.inner == 1 ? thread / cut.deep : thread % cut.wide;
  const int along = cut.inner == 1 ? thread % cut.deep : thread / cut.wide;
  const int64_t blocks = ceil_div(cut.outputs, cut.wide);
  for (int64_t tile = blockIdx.x; tile < blocks * cut.segments; tile += gridDim.x) {
    const int64_t segment = tile / blocks, output = tile % blocks * cut.wide + across;
    const int64_t from = segment * cut.length, end = from + cut.length, to = min(end, cut.count);
    Part mine{};
    if (output < cut.outputs) mine = body.part(output, from + along, to, int64_t{cut.deep});
    shared[across * cut.deep + along] = mine;
    __syncthreads();
    for (int half = cut.deep / 2; half > 0; half /= 2) {
      if (along < half) Body::merge(shared[across * cut.deep + along], shared[across * cut.deep + along + half]);
      __syncthreads();
    }
    if (along == 0 && output < cut.outputs) {
      const Part& total = shared[across * cut.deep];
      if (cut.segments == 1)
        body.finish(output, total);
      else
        parts[segment * cut.outputs + output] = total;
    }
    __syncthreads();
  }
}

// The second launch: the segments' parts, in order.
template <class Body>
struct OfParts {
  using Part = typename Body::Part;
  Body body;
  const Part* parts;
  int64_t outputs;
  __device__ Part part(int64_t output, int64_t k, int64_t to, int64_t step) const {
    Part mine{};
    for (; k < to; k += step) Body::merge(mine, parts[k * outputs + output]);
    return mine;
  }
  __device__ static void merge(Part& a, const Part& b) { Body::merge(a, b); }
  __device__ void finish(int64_t output, const Part& part) const { body.finish(output, part); }
};

template <class Body>
void launch_tiles(Context& context, const Body& body, const AxisCut& cut, typename Body::Part* parts) {
  const int64_t blocks = ceil_div(cut.outputs, cut.wide) * cut.segments;
  if (blocks) launch_blocks(context, reduce_axis<Body>, blocks_for(blocks, 1), block_threads, 0, body, cut, parts);
}

// `workspace` has room for parts_of(cut) parts.
template <class Body>
void launch_reduction(Context& context, const Body& body, const AxisCut& cut, void* workspace) {
  using Part = typename Body::Part;
  auto* const parts = static_cast<Part*>(workspace);
  launch_tiles(context, body, cut, parts);
  if (cut.segments == 1) return;
  AxisCut second{cut.outputs, cut.segments, cut.outputs, 1, 1, 1, cut.segments};
  second.wide = power_of_two(cut.outputs, 32), second.deep = block_threads / second.wide;
  if (cut.outputs == 1) second.inner = 1;
  launch_tiles(context, OfParts<Body>{body, parts, cut.outputs}, second, static_cast<Part*>(nullptr));
}

}  // namespace wxb::cuda
