#pragma once
#include "core/context.h"
#include "core/hd.h"
#include "core/operands.h"
#include "indexing/view.h"

// Elements by index: rows of a table (take, embedding) or single elements along an axis (gather), and the sums that are
// their gradients. A negative index counts from the end where the struct says so; one that is out of range is reported
// with its position in `index`, gives zeros and adds nothing. Each element is summed in the order of `index`. The sums
// have a workspace (scatter_workspace), absent where that is 0.

namespace wxb {

// The index i of an axis of `size` elements as one from 0 to size - 1, or -1: out of range.
struct Range {
  int64_t size;
  bool from_end;
  HD int64_t operator()(int64_t i) const {
    const int64_t j = from_end && i < 0 ? i + size : i;
    return j >= 0 && j < size ? j : -1;
  }
};

// y[o, k, :] = x[o, index[k], :];  x (outer, range.size, inner), index (count) -> y (outer, count, inner)
template <class W>
struct Take {
  In<W> x;
  In<int64_t> index;
  Out<W> y;
  int64_t outer, inner;
  Range range;
  void operands(const Operands& f) const { f(x), f(index), f(y); }
  double work() const { return double(y.size + index.size); }
};

// dx = 0, then dx[o, index[k], :] += dy[o, k, :]
template <class T>
struct TakeBackward {
  In<int64_t> index;
  In<T> dy;
  Out<T> dx;
  Out<int64_t> workspace;
  int64_t outer, inner;
  Range range;
  void operands(const Operands& f) const { f(index), f(dy), f(dx), f(workspace); }
  double work() const { return double(dx.size + dy.size); }
};

// dweight[index[k], :] += dy[k, :], after all of dweight was made 0 unless it `adds`; rows of index `padding` are left
// out.  dweight (range.size, width). used (range.size), if given, is 0 only for rows of dweight that are 0: other rows
// are not touched, and it is kept so.
template <class T>
struct EmbeddingBackward {
  In<int64_t> index;
  In<T> dy;
  InOut<T> dweight;
  InOut<uint8_t> used;
  Out<int64_t> workspace;
  int64_t width, padding;
  Range range;
  bool adds;
  void operands(const Operands& f) const { f(index), f(dy), f(dweight), f(used), f(workspace); }
  double work() const { return double(dy.size + (used ? range.size : dweight.size)); }
};

// How an index array (outer, count, inner) lies in an array of which it picks elements along one axis: element
// (o, k, i) goes with that at outer(o) + inner(i) + index stride. The other axes may be shorter in the index.
struct Columns {
  View outer, inner;
  int64_t count, stride;
  Range range;
};

// y[o, k, i] = x at outer(o) + inner(i) + index[o, k, i] stride
template <class W>
struct Gather {
  In<W> x;
  In<int64_t> index;
  Out<W> y;
  Columns columns;
  void operands(const Operands& f) const { f(x), f(index), f(y); }
  double work() const { return 2.0 * double(y.size); }
};

// y at outer(o) + inner(i) + index[o, k, i] stride += src[o, k, i]
template <class T>
struct ScatterAdd {
  In<int64_t> index;
  In<T> src;
  InOut<T> y;
  Out<int64_t> workspace;
  Columns columns;
  void operands(const Operands& f) const { f(index), f(src), f(y), f(workspace); }
  double work() const { return 2.0 * double(src.size); }
};

// y[n, c] = (c == index[n]);  index (N), y (N, classes)
template <class T>
struct OneHot {
  In<int64_t> index;
  Out<T> y;
  int64_t classes;
  void operands(const Operands& f) const { f(index), f(y); }
  double work() const { return double(y.size); }
};

namespace BACKEND {
template <class W>
void take(const Take<W>&, Context&);
template <class T>
void take_backward(const TakeBackward<T>&, Context&);
template <class T>
void embedding_backward(const EmbeddingBackward<T>&, Context&);
template <class W>
void gather(const Gather<W>&, Context&);
template <class T>
void scatter_add(const ScatterAdd<T>&, Context&);
template <class T>
void one_hot(const OneHot<T>&, Context&);
int64_t scatter_workspace(int64_t indices, int64_t width);  // of sums of `width` elements for each index
}  // namespace BACKEND

}  // namespace wxb
