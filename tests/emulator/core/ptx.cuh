#pragma once
#include <bit>
#include <cstdint>
#include <cstring>
#include <deque>
#include <vector>

#include "cuda_runtime.h"

// Stands in for csrc/core/ptx.cuh. A copy lands when a wait retires its group and not before, so that a wait that is
// missing or too weak reads what was there.
namespace wxb::cuda {

namespace emulated {

struct Copy {
  void* to;
  const void* from;
  int bytes;
  bool wanted;
  void land() const {
    if (wanted)
      std::memcpy(to, from, size_t(bytes));
    else
      std::memset(to, 0, size_t(bytes));
  }
};
struct Copies {
  std::vector<Copy> open;
  std::deque<std::vector<Copy>> groups;
};
inline Copies& copies() {
  static std::vector<Copies> of_thread(emulator::most_threads);
  return of_thread[threadIdx.x];
}

// What a warp's lanes bring to a product.
struct Fragments {
  uint32_t a[4], b[2];
};

inline float tf32(uint32_t word) { return std::bit_cast<float>(word & 0xffffe000u); }
inline float bf16(uint32_t word, int half) { return std::bit_cast<float>(half ? word & 0xffff0000u : word << 16); }

// d += a b over words: `term` is the sum of products of two words.
template <class Term>
void multiply(const char* what, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], Term term) {
  const auto all = emulator::meet_warp(~0u, what, Fragments{{a[0], a[1], a[2], a[3]}, {b[0], b[1]}});
  const int lane = int(emulator::lane());
  for (int i = 0; i < 4; ++i) {
    const int row = lane / 4, high = i / 2, column = lane % 4 * 2 + i % 2;
    for (int k = 0; k < 8; ++k)
      d[i] += term(all[size_t(row * 4 + k % 4)].a[high + 2 * (k / 4)], all[size_t(column * 4 + k % 4)].b[k / 4]);
  }
}

}  // namespace emulated

template <int bytes>
void copy_async(void* to, const void* from, bool wanted) {
  static_assert(bytes == 4 || bytes == 8 || bytes == 16);
  if (reinterpret_cast<uintptr_t>(to) % bytes || (wanted && reinterpret_cast<uintptr_t>(from) % bytes))
    emulator::fail("cp.async: an address is not aligned");
  emulated::copies().open.push_back({to, from, bytes, wanted});
}
inline void commit_async() {
  auto& mine = emulated::copies();
  mine.groups.push_back(std::move(mine.open));
  mine.open.clear();
}
template <int pending>
void wait_async() {
  for (auto& groups = emulated::copies().groups; groups.size() > pending; groups.pop_front())
    for (const auto& copy : groups.front()) copy.land();
}

inline void load_matrices(uint32_t (&words)[4], const void* row) {
  if (reinterpret_cast<uintptr_t>(row) % 16) emulator::fail("ldmatrix: an address is not aligned");
  const auto rows = emulator::meet_warp(~0u, "ldmatrix", row);
  const size_t lane = emulator::lane();
  for (size_t i = 0; i < 4; ++i)
    std::memcpy(&words[i], static_cast<const char*>(rows[8 * i + lane / 4]) + lane % 4 * 4, 4);
}

inline uint32_t to_tf32(float x) {
  return x - x == 0 ? (std::bit_cast<uint32_t>(x) + 0x1000u) & 0xffffe000u : std::bit_cast<uint32_t>(x);
}

inline uint32_t to_bf16(float x) {
  const uint32_t word = std::bit_cast<uint32_t>(x);
  return x == x ? (word + 0x7fffu + (word >> 16 & 1)) >> 16 : 0x7fffu;
}
inline uint32_t to_bf16x2(float low, float high) { return to_bf16(low) | to_bf16(high) << 16; }

inline void multiply_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  emulated::multiply("mma tf32", d, a, b, [](uint32_t x, uint32_t y) { return emulated::tf32(x) * emulated::tf32(y); });
}
inline void multiply_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  emulated::multiply("mma bf16", d, a, b, [](uint32_t x, uint32_t y) {
    return emulated::bf16(x, 0) * emulated::bf16(y, 0) + emulated::bf16(x, 1) * emulated::bf16(y, 1);
  });
}

}  // namespace wxb::cuda
