#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "core/usage.h"

namespace wxb {

// One range of addresses, handed out best fit, split and merged: for a plan's memory and for large blocks, where
// packing counts for more than the time that it takes. Size classes took up to 1.6 times the peak, one range takes 1.0
// to 1.3 times. The range is reserved once and backed by pages as it grows, so that it can grow without moving.
class Arena {
 public:
  Arena();  // throws std::bad_alloc where a process may have no such range
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  void* take(size_t bytes);
  void give(void* block, size_t bytes);
  void empty();  // give the free pages back to the system
  bool owns(const void* address) const { return address >= base_ && address < base_ + end_; }
  void poison();  // every byte 0xff: NaN in floats, -1 in integers
  Usage usage;
  std::atomic<bool> busy{false};  // a plan is replaying in it

 private:
  void count();
  std::byte* base_;
  size_t end_ = 0;                 // of what has been handed out so far
  size_t unbacked_ = 0;            // of the free bytes, so many are the system's
  std::map<size_t, size_t> free_;  // offset -> bytes
};

// Eager memory: what was freed is the first to be handed out again, because touching fresh pages costs more than most
// kernels. A small block waits in the list of its size class, a size with three significant bits below the leading one:
// at most 1/8 is wasted. Large blocks share an arena. Blocks are 64-byte aligned.
class Cache {
 public:
  void* take(size_t bytes);  // throws std::bad_alloc, after giving the free blocks back and trying once more
  void give(void* block, size_t bytes);
  void empty();  // give the free blocks back to the system
  Usage usage;
  int64_t fail_after = -1;  // tests: the n-th take from now fails; -1 never

 private:
  void* take_large(size_t bytes);  // null where there is no arena, or no memory
  std::vector<std::vector<void*>> free_;
  std::unique_ptr<Arena> large_;
};

Cache& cache();

}  // namespace wxb
