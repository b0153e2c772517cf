#pragma once
#include "core/context.h"
#include "core/operands.h"
#include "indexing/view.h"

// Copies between a contiguous array and elements of another in steps: transposition, slices, flips, broadcasting.

namespace wxb {

// y (contiguous) = the elements of x in the view. W is a word of the element's size.
template <class W>
struct Pick {
  In<W> x;
  Out<W> y;
  View view;  // of x
  void operands(const Operands& f) const { f(x), f(y); }
  double work() const { return double(y.size); }
};

// dx = 0, then its elements in the view = dy (contiguous). No two elements of the view are the same.
template <class W>
struct Put {
  In<W> dy;
  Out<W> dx;
  View view;  // of dx
  void operands(const Operands& f) const { f(dy), f(dx); }
  double work() const { return double(dx.size); }
};

namespace BACKEND {
template <class W>
void pick(const Pick<W>&, Context&);
template <class W>
void put(const Put<W>&, Context&);
}  // namespace BACKEND

}  // namespace wxb
