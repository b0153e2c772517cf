#pragma once
#include "core/array.h"
#include "core/broadcast.h"

namespace wxb {

// The iteration space of y = f(operands...); raises unless the operands' shapes broadcast (as numpy's) to y's.
template <int operands>
Broadcast<operands> broadcast(const Call& call, const Array& y, const Array* const (&inputs)[operands]) {
  Broadcast<operands> b;
  const int ndim = int(y.ndim());
  for (int k = 0; k < operands; ++k)
    if (inputs[k]->ndim() > ndim)
      value_error(call.name, ": shapes ", shape_text(*inputs[k]), " and ", shape_text(y), " do not broadcast");
  for (int axis = 0; axis < ndim; ++axis) {
    const int64_t size = y.shape(axis);
    int64_t stride[operands];
    for (int k = 0; k < operands; ++k) {
      const int own = axis - (ndim - int(inputs[k]->ndim()));
      const int64_t given = own < 0 ? 1 : inputs[k]->shape(own);
      if (given != size && given != 1)
        value_error(call.name, ": shapes ", shape_text(*inputs[k]), " and ", shape_text(y), " do not broadcast");
      stride[k] = given == 1 ? 0 : 1;  // for now: does it walk along this axis?
    }
    if (size == 1) continue;
    bool merges = b.ndim > 0;
    for (int k = 0; k < operands; ++k) merges = merges && (b.stride[k][b.ndim - 1] != 0) == (stride[k] != 0);
    if (merges) {
      b.size[b.ndim - 1] *= size;
      continue;
    }
    if (b.ndim == b.most) value_error(call.name, ": more than ", b.most, " axes broadcast differently; reshape first");
    b.size[b.ndim] = size;
    for (int k = 0; k < operands; ++k) b.stride[k][b.ndim] = stride[k];
    ++b.ndim;
  }
  for (int k = 0; k < operands; ++k) {
    int64_t step = 1;
    for (int i = b.ndim - 1; i >= 0; --i)
      if (b.stride[k][i]) b.stride[k][i] = step, step *= b.size[i];
  }
  return b;
}

}  // namespace wxb
