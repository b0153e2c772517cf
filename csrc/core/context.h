#pragma once
#include <atomic>
#include <cstdint>

namespace wxb {

// launch_failed: the backend refused the launch; the position is its error number.
enum class Code : uint8_t { bad_index = 1, non_finite = 2, launch_failed = 3 };

// What a kernel is told besides its arguments: where to report an error, whether one is already reported, and the GPU
// stream.
//
// The report is one word, launch (24 bits) | position (32) | code (8). The smallest wins, so it does not depend on
// which thread came first. A plan has its own Context, a thread's eager launches share another: a bad step cannot
// silence the optimizer of some other step that runs at the same time.
class Context {
 public:
  static constexpr uint64_t none = ~uint64_t{0};

  uint32_t launch = 0;     // index of the running launch within its plan
  void* stream = nullptr;  // cudaStream_t; unused on the CPU

  bool bad() const { return word_.load(std::memory_order_relaxed) != none; }

  void report(Code code, uint64_t position) {
    const uint64_t mine = uint64_t{launch} << 40 | (position & 0xffffffff) << 8 | static_cast<uint8_t>(code);
    uint64_t seen = word_.load(std::memory_order_relaxed);
    while (mine < seen && !word_.compare_exchange_weak(seen, mine)) {}
  }

  uint64_t take() { return bad() ? word_.exchange(none) : none; }

 private:
  std::atomic<uint64_t> word_{none};
};

struct Report {
  uint32_t launch;
  uint32_t position;
  Code code;
  explicit Report(uint64_t word)
      : launch(uint32_t(word >> 40)), position(uint32_t(word >> 8)), code(static_cast<Code>(word & 0xff)) {}
};

}  // namespace wxb
