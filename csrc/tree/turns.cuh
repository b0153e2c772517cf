#pragma once
#include "core/cuda.cuh"

namespace wxb::cuda {

// Phases of one launch, each of which reads what those before it have written: blocks draw numbers, and the items of
// all phases are numbered one behind the other. Whoever has drawn an item waits until all before its phase are done.
// They have been drawn by blocks that run, so nobody waits for a block that cannot begin: blocks need not be resident
// at once, and one alone does all.
class Turns {
 public:
  static constexpr int64_t counters = 2;  // of a launch, 0 at its begin

  __device__ explicit Turns(int64_t* at) : next_(reinterpret_cast<unsigned long long*>(at)), done_(next_ + 1) {
    draw();
  }

  // f(item) for the items [0, count) of a phase. All threads of a block come here, with the same count.
  template <class F>
  __device__ void run(int64_t count, F f) {
    const unsigned long long first = first_;
    first_ += static_cast<unsigned long long>(count);
    while (mine_ < first_) {
      if (threadIdx.x == 0) {
        while (*static_cast<volatile unsigned long long*>(done_) < first) {}
        __threadfence();
      }
      __syncthreads();
      f(int64_t(mine_ - first));
      __syncthreads();
      if (threadIdx.x == 0) {
        __threadfence();
        atomicAdd(done_, 1ull);
      }
      draw();
    }
  }

 private:
  __device__ void draw() {
    __shared__ unsigned long long drawn;
    if (threadIdx.x == 0) drawn = atomicAdd(next_, 1ull);
    __syncthreads();
    mine_ = drawn;
    __syncthreads();
  }

  unsigned long long *next_, *done_, first_ = 0, mine_ = 0;
};

}  // namespace wxb::cuda
