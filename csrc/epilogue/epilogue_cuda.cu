#include "core/divisor.cuh"
#include "core/reduction.cuh"
#include "elementwise/activation.cuh"
#include "epilogue/epilogue.h"
#include "random/draws.h"

namespace wxb::cuda {

namespace {

// x + bias, of either struct.
template <class Args>
__device__ auto sum_at(const Args& a, int64_t i, int64_t column) {
  return a.bias ? a.x.data[i] + a.bias.data[column] : a.x.data[i];
}

// A thread has the four numbers of a block of random words, sixteen apart. Body::at(i, column, word) makes one; the
// word is that of its dropout.
template <class Body>
struct FourApart {
  Body body;
  const uint64_t* saved;  // null where nothing is dropped
  int64_t size, features;
  Divisor by_features;
  __device__ void operator()(int64_t block) const {
    const Words w = saved ? philox(saved[0], saved[1] + uint64_t(block)) : Words{};
    const int64_t first = block / 16 * 64 + block % 16;
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      const int64_t i = first + 16 * k;
      if (i < size) body.at(i, i - by_features.quotient(i) * features, int32_t(w.word[k] >> 8));
    }
  }
};

template <class Body, class Args>
void launch_four_apart(Context& context, const Body& body, const Args& a, int64_t size) {
  launch_each(context, ceil_div(size, 64) * 16,
              FourApart<Body>{body, a.saved.data, size, a.features, Divisor(a.features)});
}

template <class T>
struct ForwardBody {
  Epilogue<T> a;
  __device__ void at(int64_t i, int64_t column, int32_t word) const {
    T y = activated(a.activation, a.alpha, sum_at(a, i, column));
    if (a.saved) y = word < a.threshold ? T(0) : y * a.scale;
    a.y.data[i] = a.residual ? a.residual.data[i] + y : y;
  }
};

template <class T>
__device__ T gradient(const EpilogueBackward<T>& a, int64_t i, int64_t column, int32_t word) {
  T dy = a.dy.data[i];
  if (a.saved) dy = word < a.threshold ? T(0) : dy * a.scale;
  return dy * slope_at(a.activation, a.alpha, sum_at(a, i, column));
}

template <class T>
struct BackwardBody {
  EpilogueBackward<T> a;
  __device__ void at(int64_t i, int64_t column, int32_t word) const { a.dx.data[i] = gradient(a, i, column, word); }
};

// dbias: the sums of columns of dx.
template <class T>
struct BiasBody {
  using Part = T;
  EpilogueBackward<T> a;
  __device__ T part(int64_t column, int64_t row, int64_t to, int64_t step) const {
    T sum = 0;
    for (; row < to; row += step) {
      const int64_t i = row * a.features + column;
      sum += gradient(a, i, column, a.saved ? word_of(a.saved.data, i) : 0);
    }
    return sum;
  }
  __device__ static void merge(T& a, const T& b) { a += b; }
  __device__ void finish(int64_t column, const T& sum) const { a.dbias.data[column] = sum; }
};

}  // namespace

int64_t epilogue_tasks(int64_t rows, int64_t features) { return cut_axis(1, rows, features).segments; }

template <class T>
void epilogue_forward(const Epilogue<T>& a, Context& context) {
  launch_four_apart(context, ForwardBody<T>{a}, a, a.y.size);
}

// The sums first: dx may be dy.
template <class T>
void epilogue_backward(const EpilogueBackward<T>& a, Context& context) {
  if (a.dbias) launch_reduction(context, BiasBody<T>{a}, cut_axis(1, a.rows, a.features), a.workspace.data);
  if (a.dx) launch_four_apart(context, BackwardBody<T>{a}, a, a.dx.size);
}

template void epilogue_forward(const Epilogue<float>&, Context&);
template void epilogue_forward(const Epilogue<double>&, Context&);
template void epilogue_backward(const EpilogueBackward<float>&, Context&);
template void epilogue_backward(const EpilogueBackward<double>&, Context&);

}  // namespace wxb::cuda
