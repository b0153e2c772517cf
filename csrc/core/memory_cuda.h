#pragma once
#include <atomic>
#include <vector>

#include "core/check.h"
#include "core/usage.h"

namespace wxb {

// A plan's memory: a CuPy pool of its own, so that a block a launch no longer needs serves a later launch of the same
// plan and nobody else's. CuPy orders memory by stream: replay on the stream that was current while recording, or wait
// for that one first. All calls hold the GIL.
class Arena {
 public:
  Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  py::object take(size_t bytes);  // a cupy MemoryPointer, which gives the block back by itself
  bool owns(const void* address) const;
  void poison();                  // every byte 0xff: NaN in floats, -1 in integers
  Usage usage;                    // live and peak as of the latest take
  std::atomic<bool> busy{false};  // a plan is replaying in it

 private:
  // The pool would hand idle chunks back when memory runs short, although recorded launches point into them: so they
  // are held here too.
  struct Chunk {
    py::object memory;
    std::byte* begin;
    size_t bytes;
  };
  py::object grow(size_t bytes);

  std::vector<Chunk> chunks_;
  py::object pool_;
};

}  // namespace wxb
