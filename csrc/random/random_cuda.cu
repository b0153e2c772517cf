#include "core/cuda.cuh"
#include "random/draws.h"
#include "random/random.h"

// A thread makes all numbers of a block of words; sixteen threads side by side write numbers side by side.
namespace wxb::cuda {

namespace {

// Body::draw(words, values) makes Body::count values, which body.put(i, value) takes.
template <class Body>
struct Generated {
  Body body;
  const uint64_t* saved;
  int64_t size;
  __device__ void operator()(int64_t block) const {
    typename Body::Value value[Body::count];
    Body::draw(philox(saved[0], saved[1] + uint64_t(block)), value);
    const int64_t first = block / 16 * 16 * Body::count + block % 16;
#pragma unroll
    for (int k = 0; k < Body::count; ++k)
      if (first + 16 * k < size) body.put(first + 16 * k, value[k]);
  }
};

template <class Body>
void generate(Context& context, const In<uint64_t>& saved, int64_t size, const Body& body) {
  launch_each(context, ceil_div(size, 16 * Body::count) * 16, Generated<Body>{body, saved.data, size});
}

template <class T>
struct UniformBody {
  using Value = T;
  static constexpr int count = 16 / int(sizeof(T));
  Uniform<T> a;
  __device__ static void draw(Words w, T* value) { draw_fractions(w, value); }
  __device__ void put(int64_t i, T u) const { a.y.data[i] = between(u, a.low, a.high); }
};

template <class T>
struct NormalBody {
  using Value = T;
  static constexpr int count = 16 / int(sizeof(T));
  Normal<T> a;
  __device__ static void draw(Words w, T* value) { draw_normals(w, value); }
  __device__ void put(int64_t i, T z) const { a.y.data[i] = fma(a.std, z, a.mean); }
};

struct Thresholded {
  using Value = int32_t;
  static constexpr int count = 4;
  __device__ static void draw(Words w, int32_t* value) { draw_words(w, value); }
};

template <class T>
struct BernoulliBody : Thresholded {
  Bernoulli<T> a;
  explicit BernoulliBody(const Bernoulli<T>& a) : a(a) {}
  __device__ void put(int64_t i, int32_t word) const { a.y.data[i] = T(word < a.threshold); }
};

template <class T>
struct DropoutBody : Thresholded {
  Dropout<T> a;
  explicit DropoutBody(const Dropout<T>& a) : a(a) {}
  __device__ void put(int64_t i, int32_t word) const {
    a.y.data[i] = word < a.threshold ? T(0) : a.x.data[i] * a.scale;
  }
};

__global__ void advance(RngAdvance a, uint64_t blocks, Status status) {
  a.saved.data[0] = a.state.data[0];
  a.saved.data[1] = a.state.data[1];
  if (!bad(status)) a.state.data[1] += blocks;
}

// One warp: its lanes draw the partners of 32 numbers at a time, the first swaps one pair after the other.
__global__ void __launch_bounds__(warp_threads) permute(Permutation a) {
  int64_t* const y = a.y.data;
  const int lane = int(threadIdx.x);
  for (int64_t i = lane; i < a.y.size; i += warp_threads) y[i] = i;
  __syncwarp();
  for (int64_t start = (a.y.size - 1) / 32 * 32; start >= 0; start -= 32) {
    const int64_t i = start + lane;
    const uint64_t mine = below(uint64_t(i) + 1, long_word_of(a.saved.data, i));
    for (int k = int(min(a.y.size - start, int64_t{32})) - 1; k >= 0; --k) {
      const auto partner = int64_t(__shfl_sync(whole_warp, mine, k));
      if (lane != 0) continue;
      const int64_t other = y[partner];
      y[partner] = y[start + k], y[start + k] = other;
    }
  }
}

}  // namespace

void rng_advance(const RngAdvance& a, Context& context) {
  const auto blocks = uint64_t((a.n / 32 + (a.n % 32 != 0)) * 16);  // as if each took 64 bits
  launch_blocks(context, advance, 1, 1, 0, a, blocks, context.status());
}

template <class T>
void uniform(const Uniform<T>& a, Context& context) {
  generate(context, a.saved, a.y.size, UniformBody<T>{a});
}

template <class T>
void normal(const Normal<T>& a, Context& context) {
  generate(context, a.saved, a.y.size, NormalBody<T>{a});
}

template <class T>
void bernoulli(const Bernoulli<T>& a, Context& context) {
  generate(context, a.saved, a.y.size, BernoulliBody<T>(a));
}

template <class T>
void dropout(const Dropout<T>& a, Context& context) {
  generate(context, a.saved, a.y.size, DropoutBody<T>(a));
}

void randint(const Randint& a, Context& context) {
  launch_each(context, a.y.size, [a] __device__(int64_t i) {
    a.y.data[i] = int64_t(uint64_t(a.low) + below(a.count, long_word_of(a.saved.data, i)));
  });
}

void permutation(const Permutation& a, Context& context) {
  if (a.y.size) launch_blocks(context, permute, 1, warp_threads, 0, a);
}

#define WXB_FLOAT(T)                                      \
  template void uniform(const Uniform<T>&, Context&);     \
  template void normal(const Normal<T>&, Context&);       \
  template void bernoulli(const Bernoulli<T>&, Context&); \
  template void dropout(const Dropout<T>&, Context&);
WXB_FLOAT(float)
WXB_FLOAT(double)

}  // namespace wxb::cuda
