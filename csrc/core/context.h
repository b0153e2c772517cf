#pragma once
#include <atomic>
#include <cstdint>

#include "core/hd.h"

namespace wxb {

// launch_failed: the backend refused the launch; the position is its error number.
enum class Code : uint8_t { bad_index = 1, non_finite = 2, launch_failed = 3 };

// A Context as kernels on a GPU see it; core/cuda.cuh reports to it and asks it. Where the GPU has no memory for it,
// word is null.
struct Status {
  unsigned long long* word;    // the smallest report, in the GPU's memory
  unsigned long long* mirror;  // the same where the host sees it without waiting for the GPU; null where word is there
  uint32_t launch;
};

// What a kernel is told besides its arguments: where to report an error, whether one is already reported, and the GPU
// stream.
//
// The report is one word, launch (24 bits) | position (32) | code (8). The smallest wins, so it does not depend on
// which thread came first. A plan has its own Context, a thread's eager launches share another: a bad step cannot
// silence the optimizer of some other step that runs at the same time.
class Context {
 public:
  static constexpr uint64_t none = ~uint64_t{0};

  const char* name = "";   // of the running launch
  uint32_t launch = 0;     // its index within its plan, or among the launches of a thread
  void* stream = nullptr;  // cudaStream_t; unused on the CPU

  bool bad() const { return word_.load(std::memory_order_relaxed) != none; }

  HD static uint64_t word(uint32_t launch, Code code, uint64_t position) {
    return uint64_t{launch & 0xffffff} << 40 | (position & 0xffffffff) << 8 | static_cast<uint8_t>(code);
  }

  void report(Code code, uint64_t position) {
    const uint64_t mine = word(launch, code, position);
    uint64_t seen = word_.load(std::memory_order_relaxed);
    while (mine < seen && !word_.compare_exchange_weak(seen, mine)) {}
  }

  // On a GPU: what has been reported by the launches that have run so far.
  uint64_t take() {
    if (device_) fetch();
    return bad() ? word_.exchange(none) : none;
  }

  const char* name_of(uint64_t report) const;  // of the launch that made it
  Status status();                             // of a backend: status_cuda.cc, backend_cpu.cc for an emulated GPU

  Context() = default;
  Context(const Context&) = delete;
  ~Context() {
    if (device_) release();
  }

 private:
  void fetch();
  void release();

  std::atomic<uint64_t> word_{none};
  void* device_ = nullptr;  // the words on the GPU, once a kernel has asked for them
};

struct Report {
  uint32_t launch;
  uint32_t position;
  Code code;
  explicit Report(uint64_t word)
      : launch(uint32_t(word >> 40)), position(uint32_t(word >> 8)), code(static_cast<Code>(word & 0xff)) {}
};

}  // namespace wxb
