#pragma once
#include <cstddef>

// Shared memory: the static variables of the kernels, between the markers of shared_begin.cc and shared_end.cc, and the
// dynamic part.
namespace emulator {

extern constinit thread_local char shared_begin[64], shared_end[64];

void poison_shared();                           // all of it, 0xFF: NaN in floats, -1 in integers
std::byte* place_dynamic_shared(size_t bytes);  // ends where a page begins that no one may touch

}  // namespace emulator
