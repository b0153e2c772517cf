#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

struct dim3;

// How the threads of a block run: each on a stack of its own, one after the other; a thread that waits hands over.
namespace emulator {

constexpr size_t most_threads = 1024, most_shared = 227 << 10, unasked_shared = 48 << 10;

size_t& shared_limit(const void* kernel);  // of a launch's dynamic shared memory

// Runs body(argument) for every thread of the grid, block after block. `name` is for messages.
void run_grid(const dim3& grid, const dim3& block, size_t shared_bytes, const char* name, void (*body)(const void*),
              const void* argument);

// The block's dynamic shared memory. A page that no one may touch follows it.
void* dynamic_shared();

// Waits until every thread of the block has come here with the same `what`; returns what all of them brought, by their
// number in the block. Threads that bring nothing pass null.
constexpr size_t most_brought = 64;
const std::byte* meet_block(const char* what, const void* mine, size_t bytes);

// The same for the lanes of a warp that are in `mask`, by lane: entries are most_brought bytes apart.
const std::byte* meet_warp(unsigned mask, const char* what, const void* mine, size_t bytes);

// Waits until all 128 threads of this warpgroup have come here.
void meet_warpgroup(const char* what);

// Lets others run before this thread looks again at what it waits for.
void give_way(const char* what);

unsigned lane();       // of the running thread
unsigned warp_mask();  // the lanes this warp has: the last one of a block may be short

[[noreturn]] void fail(const char* text);  // ends the process, and says where

// What the lanes of `mask` brought, by lane; valid until the next meeting of the same lanes.
template <class T>
struct Brought {
  const std::byte* at;
  T operator[](size_t i) const {
    T value;
    std::memcpy(&value, at + i * most_brought, sizeof(T));
    return value;
  }
};
template <class T>
Brought<T> meet_warp(unsigned mask, const char* what, const T& mine) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= most_brought);
  return {meet_warp(mask, what, &mine, sizeof(T))};
}
template <class T>
Brought<T> meet_block(const char* what, const T& mine) {
  static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= most_brought);
  return {meet_block(what, &mine, sizeof(T))};
}

}  // namespace emulator
