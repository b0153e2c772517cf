#pragma once
#include "core/cuda.cuh"

// Sums of what goes to the same place, in an order that no race decides: the pairs (place, position) are sorted; each
// chunk of the sorted pairs is added up by itself, and places that span several chunks in a second pass over what the
// chunks left. A place that most positions go to is no slower than others.
namespace wxb::cuda {

constexpr int64_t nowhere = INT64_MAX;  // a place that is left out; sorted last

struct Pair {
  int64_t place, position;
  __device__ bool before(const Pair& b) const { return place < b.place || (place == b.place && position < b.position); }
};

constexpr int sorted_tile = 2 * block_threads;  // of a block's bitonic sort: a pair of pairs for each thread

// The pairs of each tile in order (Batcher 1968). No two are equal, so none can overtake another.
template <class Place>
__global__ void __launch_bounds__(block_threads) sort_tiles(Place place, int64_t count, Pair* sorted) {
  __shared__ Pair shared[sorted_tile];
  const int thread = int(threadIdx.x);
  for (int64_t first = int64_t{blockIdx.x} * sorted_tile; first < count; first += int64_t{gridDim.x} * sorted_tile) {
    for (int i = thread; i < sorted_tile; i += block_threads)
      shared[i] = {first + i < count ? place(first + i) : nowhere, first + i};
    for (int run = 2; run <= sorted_tile; run *= 2)
      for (int apart = run / 2; apart > 0; apart /= 2) {
        __syncthreads();
        const int i = thread / apart * 2 * apart + thread % apart, j = i + apart;
        const bool up = (i & run) == 0;
        const Pair a = shared[i], b = shared[j];
        if (b.before(a) == up) shared[i] = b, shared[j] = a;
      }
    __syncthreads();
    for (int i = thread; i < sorted_tile && first + i < count; i += block_threads) sorted[first + i] = shared[i];
    __syncthreads();
  }
}

// Two neighbouring runs of `run` sorted pairs become one: each pair finds its place in the other run.
struct MergeRuns {
  const Pair* from;
  Pair* to;
  int64_t count, run;
  __device__ void operator()(int64_t i) const {
    const Pair pair = from[i];
    const int64_t mine = i / run * run, other = (i / run ^ 1) * run;
    int64_t low = min(other, count), high = min(other + run, count);
    const int64_t begin = low;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (from[middle].before(pair))
        low = middle + 1;
      else
        high = middle;
    }
    to[min(mine, other) + (i - mine) + (low - begin)] = pair;
  }
};

constexpr int64_t chunk = 32;  // pairs that one thread adds up for a column

// A chunk leaves two sums of each column: of the place that began before it, and of the one that goes on behind it.
inline int64_t left_over(int64_t count, int64_t columns) { return 2 * ceil_div(count, chunk) * columns; }

// body.value(position, column) is added to (place, column), by body.add(place, column, sum).
template <class Body, class T>
struct ChunkSums {
  Body body;
  const Pair* sorted;
  T* left;  // (chunks, 2, columns)
  int64_t count, columns;

  __device__ bool goes_on(int64_t end) const { return end < count && sorted[end].place == sorted[end - 1].place; }

  __device__ void operator()(int64_t i) const {
    const int64_t number = i / columns, column = i - number * columns, begin = number * chunk;
    const int64_t end = min(begin + chunk, count);
    bool began_before = begin > 0 && goes_on(begin);
    T* const before = left + 2 * number * columns + column;
    Pair pair = sorted[begin];
    for (int64_t k = begin; pair.place != nowhere;) {
      T sum = 0;
      const int64_t place = pair.place;
      for (; pair.place == place; pair = sorted[k]) {
        sum += body.value(pair.position, column);
        if (++k == end) break;
      }
      if (began_before)
        *before = sum;
      else if (k == end && goes_on(end))
        before[columns] = sum;
      else
        body.add(place, column, sum);
      if (k == end) return;
      began_before = false;
    }
  }
};

// Where a place begins in a chunk and goes on behind it: what this chunk and the next ones left.
template <class Body, class T>
struct SpanningSums {
  ChunkSums<Body, T> of;

  __device__ void operator()(int64_t i) const {
    int64_t number = i / of.columns;
    const int64_t column = i - number * of.columns, begin = number * chunk, last = begin + chunk - 1;
    if (last + 1 >= of.count || !of.goes_on(last + 1)) return;
    const int64_t place = of.sorted[last].place;
    if (place == nowhere || (begin > 0 && of.sorted[begin - 1].place == place)) return;
    T sum = of.left[(2 * number + 1) * of.columns + column];
    int64_t end = last + 1;
    do {
      sum += of.left[2 * ++number * of.columns + column];
      end += chunk;
    } while (end < of.count && of.sorted[end].place == place);
    of.body.add(place, column, sum);
  }
};

// In units of int64_t: the pairs twice, and what the chunks leave.
inline int64_t ordered_sum_workspace(int64_t count, int64_t columns) {
  return count ? 4 * count + left_over(count, columns) : 0;
}

template <class T, class Place, class Body>
void ordered_sum(Context& context, const Place& place, const Body& body, int64_t count, int64_t columns,
                 int64_t* workspace) {
  if (count == 0 || columns == 0) return;
  Pair *sorted = reinterpret_cast<Pair*>(workspace), *other = sorted + count;
  T* const left = reinterpret_cast<T*>(other + count);
  launch_blocks(context, sort_tiles<Place>, blocks_for(count, sorted_tile), block_threads, 0, place, count, sorted);
  for (int64_t run = sorted_tile; run < count; run *= 2) {
    launch_each(context, count, MergeRuns{sorted, other, count, run});
    std::swap(sorted, other);
  }
  const ChunkSums<Body, T> sums{body, sorted, left, count, columns};
  const int64_t chunks = ceil_div(count, chunk);
  launch_each(context, chunks * columns, sums);
  if (chunks > 1) launch_each(context, chunks * columns, SpanningSums<Body, T>{sums});
}

}  // namespace wxb::cuda
