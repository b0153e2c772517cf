#pragma once
#include "core/plan.h"

namespace wxb {

// Scratch memory of a launch, as many elements as its backend states; absent where that is 0, as mostly on the CPU.
template <class T>
class Workspace {
 public:
  explicit Workspace(int64_t size) : size_(size) {
    if (size) array_ = Array(empty(py::make_tuple(size), py::dtype::of<T>(), false));
  }
  Out<T> out(const Call& call) const { return call.out<T>("workspace", array_, size_); }

 private:
  int64_t size_;
  Optional array_;
};

}  // namespace wxb
