#pragma once
#include "core/context.h"
#include "core/hd.h"
#include "core/operands.h"

// Pooling over windows of (batch, height, width, channels).

namespace wxb {

// The windows along one axis: output o covers the inputs [begin(o), end(o)), which lie in [0, in).
struct Windows {
  int64_t in, out, kernel, stride, padding;  // kernel 0: adaptive, `out` windows that cut the axis evenly

  HD int64_t start(int64_t o) const { return kernel ? o * stride - padding : o * in / out; }  // perhaps in the padding
  HD int64_t begin(int64_t o) const {
    const int64_t s = start(o);
    return s < 0 ? 0 : s;
  }
  HD int64_t end(int64_t o) const {
    const int64_t e = kernel ? start(o) + kernel : ((o + 1) * in + out - 1) / out;
    return e < in ? e : in;
  }
  HD int64_t divisor(int64_t o) const { return kernel ? kernel : end(o) - begin(o); }  // padding counts

  // The outputs that cover input i are [first(i), last(i)).
  HD int64_t first(int64_t i) const {
    if (!kernel) return i * out / in;
    const int64_t before = i + padding - kernel;  // the start of the last window that ends at i
    return before < 0 ? 0 : before / stride + 1;
  }
  HD int64_t last(int64_t i) const {
    const int64_t l = kernel ? (i + padding) / stride + 1 : ((i + 1) * out + in - 1) / in;
    return l < out ? l : out;
  }
};

struct Windows2d {
  int64_t batch, channels;
  Windows h, w;
  HD int64_t inputs() const { return batch * h.in * w.in; }     // pixels
  HD int64_t outputs() const { return batch * h.out * w.out; }  // pixels
  HD double elements() const { return double(channels) * double(inputs() + outputs()); }
};

// y = the largest x of each window, the first of equal ones, NaN where there is one. index, which may be absent, is
// where in its window (row by row, padding included) it lies: uint8 where a window has at most 256 places.
template <class T>
struct MaxPool {
  In<T> x;
  Out<T> y;
  Out<uint8_t> index;
  Out<int32_t> wide_index;
  Windows2d windows;
  void operands(const Operands& f) const { f(x), f(y), f(index), f(wide_index); }
  double work() const { return 2 * windows.elements(); }
};

// dx_i = the sum of dy_o over the windows o in which i is the largest.
template <class T>
struct MaxPoolBackward {
  In<T> dy;
  In<uint8_t> index;
  In<int32_t> wide_index;
  Out<T> dx;
  Windows2d windows;
  void operands(const Operands& f) const { f(dy), f(index), f(wide_index), f(dx); }
  double work() const { return 2 * windows.elements(); }
};

// y = the sum of x over each window / its divisor.
template <class T>
struct AveragePool {
  In<T> x;
  Out<T> y;
  Windows2d windows;
  void operands(const Operands& f) const { f(x), f(y); }
  double work() const { return windows.elements(); }
};

// dx_i = the sum of dy_o / divisor_o over the windows o that cover i.
template <class T>
struct AveragePoolBackward {
  In<T> dy;
  Out<T> dx;
  Windows2d windows;
  void operands(const Operands& f) const { f(dy), f(dx); }
  double work() const { return windows.elements(); }
};

namespace BACKEND {
template <class T>
void max_pool_forward(const MaxPool<T>&, Context&);
template <class T>
void max_pool_backward(const MaxPoolBackward<T>&, Context&);
template <class T>
void average_pool_forward(const AveragePool<T>&, Context&);
template <class T>
void average_pool_backward(const AveragePoolBackward<T>&, Context&);
}  // namespace BACKEND

}  // namespace wxb
