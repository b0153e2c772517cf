#pragma once
#include <cstdint>

namespace wxb {

// The iteration space of a broadcasting kernel over contiguous operands: adjacent axes that every operand walks alike
// are merged, so same-shape operands have one axis. A stride is in elements, 0 where the operand is broadcast; the
// innermost stride of each operand is 0 or 1.
template <int operands>
struct Broadcast {
  static constexpr int most = 8;
  int ndim = 0;
  int64_t size[most];
  int64_t stride[operands][most];
};

}  // namespace wxb
