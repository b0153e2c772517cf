#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "core/usage.h"

namespace wxb {

// Eager memory: a freed block waits in the list of its size class and is the first to be handed out again, because
// touching fresh pages costs more than most kernels. Blocks are 64-byte aligned; those of 4 MiB and more lie on huge
// pages. A class is a size with three significant bits below the leading one: at most 1/8 is wasted.
class Cache {
 public:
  void* take(size_t bytes);  // throws std::bad_alloc, after giving the free blocks back and trying once more
  void give(void* block, size_t bytes);
  void empty();  // give the free blocks back to the system
  Usage usage;
  int64_t fail_after = -1;  // tests: the n-th take from now fails; -1 never

 private:
  std::vector<std::vector<void*>> free_;
};

Cache& cache();

// A plan's memory: one range of addresses, handed out best fit, split and merged. It only serves while recording, so
// speed does not matter and packing does: size classes took up to 1.5 times the peak, one range takes 1.0 to 1.3 times.
// The range is reserved once and backed by pages as it grows, so that it can grow without moving.
class Arena {
 public:
  Arena();
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  void* take(size_t bytes);
  void give(void* block, size_t bytes);
  bool owns(const void* address) const { return address >= base_ && address < base_ + usage.reserved; }
  void poison();  // every byte 0xff: NaN in floats, -1 in integers
  Usage usage;
  std::atomic<bool> busy{false};  // a plan is replaying in it

 private:
  std::byte* base_;
  std::map<size_t, size_t> free_;  // offset -> bytes
};

}  // namespace wxb
