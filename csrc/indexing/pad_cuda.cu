#include "core/elements.cuh"
#include "indexing/pad.h"

namespace wxb::cuda {

namespace {

template <class T>
struct ForwardBody {
  static constexpr int pack = 16 / int(sizeof(T));
  PadForward<T> a;
  template <int n>
  __device__ void run(int64_t i) const {
    const int64_t from = source(i);
    Pack<T, n> y;
#pragma unroll
    for (int j = 0; j < n; ++j) y.v[j] = a.value;
    if (from >= 0) y = load<n>(a.x.data + from);
    store(a.y.data + i, y);
  }

  // Of element i of y, or -1.
  __device__ int64_t source(int64_t i) const {
    const PadDims& d = a.dims;
    int64_t rest = i / d.unit, at = i - rest * d.unit, stride = d.unit;
#pragma unroll 1
    for (int axis = d.ndim - 1; axis >= 0; --axis) {
      const int64_t row = rest / d.padded[axis], s = d.source(axis, rest - row * d.padded[axis]);
      if (s < 0) return -1;
      at += s * stride, stride *= d.size[axis], rest = row;
    }
    return at;
  }
};

template <class T>
struct BackwardBody {
  static constexpr int pack = 16 / int(sizeof(T));
  PadBackward<T> a;
  template <int n>
  __device__ void run(int64_t i) const {
    const int64_t count = targets(i);
    Pack<T, n> dx = load<n>(a.dy.data + target(i, 0));
#pragma unroll 1
    for (int64_t k = 1; k < count; ++k) {
      const auto dy = load<n>(a.dy.data + target(i, k));
#pragma unroll
      for (int j = 0; j < n; ++j) dx.v[j] += dy.v[j];
    }
    store(a.dx.data + i, dx);
  }

  // How many elements of dy came from element i of x, and which is the k-th.
  __device__ int64_t targets(int64_t i) const {
    const PadDims& d = a.dims;
    int64_t rest = i / d.unit, count = 1;
#pragma unroll 1
    for (int axis = d.ndim - 1; axis >= 0; --axis) {
      const int64_t row = rest / d.size[axis];
      count *= d.targets(axis, rest - row * d.size[axis]), rest = row;
    }
    return count;
  }
  __device__ int64_t target(int64_t i, int64_t k) const {
    const PadDims& d = a.dims;
    int64_t rest = i / d.unit, at = i - rest * d.unit, stride = d.unit;
#pragma unroll 1
    for (int axis = d.ndim - 1; axis >= 0; --axis) {
      const int64_t row = rest / d.size[axis], s = rest - row * d.size[axis], choices = d.targets(axis, s);
      at += d.target(axis, s, k % choices) * stride, stride *= d.padded[axis], k /= choices, rest = row;
    }
    return at;
  }
};

}  // namespace

// Packs lie within a unit.
template <class T>
void pad_forward(const PadForward<T>& a, Context& context) {
  launch_elements(context, ForwardBody<T>{a}, a.y.size, a.dims.unit, a.x, a.y);
}

template <class T>
void pad_backward(const PadBackward<T>& a, Context& context) {
  launch_elements(context, BackwardBody<T>{a}, a.dx.size, a.dims.unit, a.dy, a.dx);
}

#define WXB_ANY(T) template void pad_forward(const PadForward<T>&, Context&);
WXB_ANY(float)
WXB_ANY(double)
WXB_ANY(int64_t)
WXB_ANY(uint8_t)
WXB_ANY(bool)
template void pad_backward(const PadBackward<float>&, Context&);
template void pad_backward(const PadBackward<double>&, Context&);

}  // namespace wxb::cuda
