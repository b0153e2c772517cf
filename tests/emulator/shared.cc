#include "shared.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "block.h"

namespace emulator {

namespace {
constexpr size_t page = 4096, room = (most_shared + page - 1) / page * page;
constexpr size_t alignment = 128;  // what TMA asks for; more would hide what runs over
std::byte* dynamic = nullptr;
size_t dynamic_bytes = 0;
}  // namespace

std::byte* place_dynamic_shared(size_t bytes) {
  static std::byte* const memory = [] {
    void* p = mmap(nullptr, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || mprotect(static_cast<std::byte*>(p) + room, page, PROT_NONE) != 0)
      std::perror("emulator: mmap"), std::abort();
    return static_cast<std::byte*>(p);
  }();
  dynamic_bytes = (bytes + alignment - 1) / alignment * alignment;
  return dynamic = memory + room - dynamic_bytes;
}

void poison_shared() {
  char *const begin = shared_begin, *const end = shared_end;
  if (end < begin) std::fputs("emulator: the linker moved the markers of shared memory\n", stderr), std::abort();
  std::memset(begin, 0xff, size_t(end - begin));
  std::memset(dynamic, 0xff, dynamic_bytes);
}

}  // namespace emulator
