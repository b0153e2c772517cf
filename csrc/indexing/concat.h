#pragma once
#include "core/context.h"
#include "core/operands.h"

// Joining arrays along an axis and taking them apart: each part is one launch.

namespace wxb {

// y[r y_step + y_at + j] = x[r x_step + x_at + j] for r < rows, j < width, where (rows, width) is the part and the
// other array is wider.
template <class W>
struct CopyBlock {
  In<W> x;
  Out<W> y;
  int64_t rows, width, x_step, y_step, x_at, y_at;
  void operands(const Operands& f) const { f(x), f(y); }
  double work() const { return double(rows) * double(width); }
};

namespace BACKEND {
template <class W>
void copy_block(const CopyBlock<W>&, Context&);
}  // namespace BACKEND

}  // namespace wxb
