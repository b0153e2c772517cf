#pragma once
#include <cstdint>
#include <cstring>
#include <deque>
#include <vector>

#include "cuda_runtime.h"
#include "core/precision.h"
#include "core/ptx.cuh"

// Stands in for csrc/core/ptx_sm90.cuh. A tile lands when someone waits for its barrier, a product is computed when its
// thread waits for it: as late as may be, so that who does not wait reads what was there. Fences do nothing here.
namespace wxb::cuda {

struct TensorMap {
  const char* data;
  int64_t lines, pitch;
  int item, box_lines;
};

inline bool describe(TensorMap& map, Precision precision, const void* data, int64_t lines, int64_t pitch,
                     int box_lines) {
  map = {static_cast<const char*>(data), lines, pitch, precision == Precision::bf16 ? 2 : 4, box_lines};
  return reinterpret_cast<uintptr_t>(data) % 16 == 0 && pitch * map.item % 16 == 0 && box_lines <= 256;
}

// In the 64 bits of the real one.
struct Barrier {
  int16_t wanted, missing;
  int32_t bytes : 31;
  uint32_t parity : 1;
};
static_assert(sizeof(Barrier) == 8);

namespace emulated {

inline void settle(Barrier* b) {
  if (b->missing == 0 && b->bytes == 0) b->missing = b->wanted, b->parity ^= 1;
}

// Where a byte of a line lies in a tile.
inline char* swizzled(const void* tile, int line, int byte) {
  if (reinterpret_cast<uintptr_t>(tile) % 1024) emulator::fail("a tile is not aligned to 1024 bytes");
  return const_cast<char*>(static_cast<const char*>(tile)) + line * 128 + ((byte / 16 ^ line % 8) * 16 + byte % 16);
}

struct TileCopy {
  void* to;
  TensorMap map;
  Barrier* barrier;
  int k, line;

  void land() const {
    for (int row = 0; row < map.box_lines; ++row)
      for (int byte = 0; byte < 128; byte += map.item) {
        const int64_t at_line = line + row, at = k + byte / map.item;
        char* const place = swizzled(to, row, byte);
        if (at_line < map.lines && at < map.pitch)
          std::memcpy(place, map.data + (at_line * map.pitch + at) * map.item, size_t(map.item));
        else
          std::memset(place, 0, size_t(map.item));
      }
    barrier->bytes = barrier->bytes - map.box_lines * 128;
    settle(barrier);
  }
};
inline std::deque<TileCopy> under_way;

template <Precision precision>
float element(uint64_t tile, int line, int k) {
  constexpr int item = precision == Precision::bf16 ? 2 : 4;
  uint32_t word = 0;
  std::memcpy(&word, swizzled(reinterpret_cast<const void*>(tile & ~uint64_t{127}), line, int(tile & 127) + k * item),
              item);
  return precision == Precision::bf16 ? bf16(word, 0) : tf32(word);
}

// A thread's share of the product of two tiles.
struct TileProduct {
  float* d;
  uint64_t a, b;
  Precision precision;

  template <Precision p>
  void compute() const {
    const int thread = int(threadIdx.x) % 128, row = thread / 32 * 16 + thread % 32 / 4;
    for (int i = 0; i < 64; ++i)
      for (int k = 0; k < (p == Precision::bf16 ? 16 : 8); ++k)
        d[i] += element<p>(a, row + i / 2 % 2 * 8, k) * element<p>(b, i / 4 * 8 + thread % 4 * 2 + i % 2, k);
  }
};
struct Products {
  std::vector<TileProduct> open;
  std::deque<std::vector<TileProduct>> groups;
};
inline Products& products() {
  static std::vector<Products> of_thread(emulator::most_threads);
  return of_thread[threadIdx.x];
}

}  // namespace emulated

inline void init_barrier(Barrier* b, int arrivals) { *b = {int16_t(arrivals), int16_t(arrivals), 0, 0}; }
inline void publish_barriers() {}
inline void arrive(Barrier* b) { --b->missing, emulated::settle(b); }
inline void arrive_expecting(Barrier* b, int bytes) { b->bytes = b->bytes + bytes, arrive(b); }
inline void wait(Barrier* b, int parity) {
  for (int turn = 0; int(b->parity) == parity; ++turn) {
    auto& all = emulated::under_way;
    for (size_t i = 0; i < all.size();) {
      if (all[i].barrier != b) {
        ++i;
        continue;
      }
      const auto copy = all[i];
      all.erase(all.begin() + std::ptrdiff_t(i));
      copy.land();
    }
    if (turn > 100000) emulator::fail("mbarrier.try_wait: the phase does not end");
    if (int(b->parity) == parity) emulator::give_way("mbarrier.try_wait");
  }
}

inline void sync_warpgroup(int) { emulator::meet_warpgroup("bar.sync"); }
template <int>
void give_registers() {}
template <int>
void take_registers() {}

inline void copy_tile(void* to, const TensorMap* map, Barrier* b, int k, int line) {
  emulated::under_way.push_back({to, *map, b, k, line});
}

// An address, and below it how many bytes into the lines.
inline uint64_t descriptor(const void* tile, int bytes) { return reinterpret_cast<uint64_t>(tile) | uint64_t(bytes); }

inline void begin_products() {}
template <Precision precision>
void multiply_tiles(float (&d)[64], uint64_t a, uint64_t b) {
  emulated::products().open.push_back({d, a, b, precision});
}
inline void commit_products() {
  auto& mine = emulated::products();
  mine.groups.push_back(std::move(mine.open));
  mine.open.clear();
}
template <int pending>
void wait_products() {
  for (auto& groups = emulated::products().groups; groups.size() > pending; groups.pop_front())
    for (const auto& product : groups.front())
      product.precision == Precision::bf16 ? product.compute<Precision::bf16>() : product.compute<Precision::tf32>();
  emulator::meet_warpgroup("wgmma.wait_group");
}

}  // namespace wxb::cuda
