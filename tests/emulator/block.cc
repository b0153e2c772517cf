#include "block.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <numeric>
#include <random>
#include <unordered_map>
#include <vector>

#include "cuda_runtime.h"
#include "fiber.h"
#include "shared.h"

namespace emulator {

namespace {

// Where threads wait for each other. One that comes back for the next round finds what the round before brought still
// there: no one can be two rounds ahead.
struct Meeting {
  uint32_t mask = 0;  // of a warp's lanes
  unsigned wanted = 0, arrived = 0;
  bool odd = false;
  const char* what = nullptr;
  std::vector<unsigned> waiting;
  std::vector<std::byte> brought[2];
};

struct Warp {
  std::vector<std::unique_ptr<Meeting>> meetings;  // one per mask
};

struct Launch {
  const char* name = "";
  void (*body)(const void*) = nullptr;
  const void* argument = nullptr;
};

struct Thread {
  Fiber* fiber = nullptr;
  const char* waits = nullptr;
};

// The block that runs.
struct Block {
  Launch launch;
  unsigned threads = 0, started = 0, finished = 0, current = 0;
  std::vector<unsigned> order, ready;
  size_t next_ready = 0;
  std::vector<Thread> thread;
  std::vector<Fiber*> idle;
  Meeting meeting;
  std::vector<Warp> warps;
  Meeting warpgroups[most_threads / 128];
  std::byte* shared = nullptr;
  bool random = false;
  std::mt19937 rng;
  Fiber scheduler;
};
Block block;
std::mutex one_launch;

void enter(unsigned thread) {
  block.current = thread;
  threadIdx.x = thread % blockDim.x;
  threadIdx.y = thread / blockDim.x % blockDim.y;
  threadIdx.z = thread / (blockDim.x * blockDim.y);
}

// What a fiber does: threads that have not begun yet, one after the other, as long as they do not wait.
void run_threads(Fiber* self) {
  for (;;) {
    while (block.started < block.threads) {
      const unsigned thread = block.order[block.started++];
      block.thread[thread] = {self, nullptr};
      enter(thread);
      block.launch.body(block.launch.argument);
      ++block.finished;
      if (block.random) break;  // who comes next is a matter of chance
    }
    block.idle.push_back(self);
    switch_fiber(*self, block.scheduler);
  }
}

void resume(Fiber* fiber) { switch_fiber(block.scheduler, *fiber); }

void start_threads() {
  static std::vector<std::unique_ptr<Fiber>> fibers;  // as many as ever waited at once
  if (block.idle.empty()) {
    fibers.push_back(std::make_unique<Fiber>());
    make_fiber(*fibers.back(), run_threads);
    block.idle.push_back(fibers.back().get());
  }
  Fiber* fiber = block.idle.back();
  block.idle.pop_back();
  resume(fiber);
}

unsigned take_ready() {
  if (block.random) {
    const size_t i = block.next_ready + block.rng() % (block.ready.size() - block.next_ready);
    std::swap(block.ready[i], block.ready[block.next_ready]);
  }
  const unsigned thread = block.ready[block.next_ready++];
  if (block.next_ready == block.ready.size()) block.ready.clear(), block.next_ready = 0;
  return thread;
}

[[noreturn]] void report_deadlock() {
  std::fprintf(stderr, "emulator: deadlock in block (%u, %u, %u) of %s\n", blockIdx.x, blockIdx.y, blockIdx.z,
               block.launch.name);
  unsigned shown = 0;
  for (unsigned t = 0; t < block.threads && shown < 8; ++t)
    if (block.thread[t].waits) ++shown, std::fprintf(stderr, "  thread %u waits in %s\n", t, block.thread[t].waits);
  std::fprintf(stderr, "  %u of %u threads have ended\n", block.finished, block.threads);
  std::abort();
}

void run_block() {
  poison_shared();
  block.started = block.finished = 0;
  if (block.random) std::shuffle(block.order.begin(), block.order.end(), block.rng);
  while (block.finished < block.threads) {
    const bool some_ready = !block.ready.empty(), some_left = block.started < block.threads;
    if (some_left && (!some_ready || (block.random && block.rng() % 2)))
      start_threads();
    else if (some_ready)
      enter(take_ready()), resume(block.thread[block.current].fiber);
    else
      report_deadlock();
  }
}

const std::byte* meet(Meeting& meeting, const char* what, unsigned place, const void* mine, size_t bytes) {
  if (meeting.arrived == 0)
    meeting.what = what;
  else if (std::strcmp(meeting.what, what) != 0)
    fail("it comes to a barrier while others wait at another one");
  std::vector<std::byte>& brought = meeting.brought[meeting.odd];
  if (bytes) {
    brought.resize(std::max(brought.size(), (place + 1) * most_brought));
    std::memcpy(brought.data() + place * most_brought, mine, bytes);
  }
  if (++meeting.arrived == meeting.wanted) {
    block.ready.insert(block.ready.end(), meeting.waiting.begin(), meeting.waiting.end());
    meeting.waiting.clear(), meeting.arrived = 0, meeting.odd = !meeting.odd;
  } else {
    Thread& thread = block.thread[block.current];
    meeting.waiting.push_back(block.current);
    thread.waits = what;
    switch_fiber(*thread.fiber, block.scheduler);
    thread.waits = nullptr;
  }
  return brought.data();
}

}  // namespace

void fail(const char* text) {
  std::fprintf(stderr, "emulator: %s: thread %u of block (%u, %u, %u) of %s\n", text, block.current, blockIdx.x,
               blockIdx.y, blockIdx.z, block.launch.name);
  std::abort();
}

unsigned lane() { return block.current % 32; }

unsigned warp_mask() {
  const unsigned left = block.threads - block.current / 32 * 32;
  return left >= 32 ? 0xffffffffu : (1u << left) - 1;
}

const std::byte* meet_block(const char* what, const void* mine, size_t bytes) {
  block.meeting.wanted = block.threads;
  return meet(block.meeting, what, block.current, mine, bytes);
}

const std::byte* meet_warp(unsigned mask, const char* what, const void* mine, size_t bytes) {
  if (!(mask >> lane() & 1)) fail("a lane is not in the mask it passes");
  if (mask & ~warp_mask()) fail("a mask has lanes that this block has no threads for; launch whole warps");
  auto& meetings = block.warps[block.current / 32].meetings;
  auto found = std::find_if(meetings.begin(), meetings.end(), [=](const auto& m) { return m->mask == mask; });
  if (found == meetings.end()) {
    meetings.push_back(std::make_unique<Meeting>());
    meetings.back()->mask = mask, meetings.back()->wanted = unsigned(__popc(mask));
    found = meetings.end() - 1;
  }
  return meet(**found, what, lane(), mine, bytes);
}

void meet_warpgroup(const char* what) {
  Meeting& meeting = block.warpgroups[block.current / 128];
  meeting.wanted = 128;
  meet(meeting, what, block.current % 128, nullptr, 0);
}

void give_way(const char* what) {
  Thread& thread = block.thread[block.current];
  block.ready.push_back(block.current);
  thread.waits = what;
  switch_fiber(*thread.fiber, block.scheduler);
  thread.waits = nullptr;
}

void* dynamic_shared() { return block.shared; }

size_t& shared_limit(const void* kernel) {
  static std::unordered_map<const void*, size_t> limits;
  return limits.try_emplace(kernel, unasked_shared).first->second;
}

void run_grid(const dim3& grid, const dim3& shape, size_t shared_bytes, const char* name, void (*body)(const void*),
              const void* argument) {
  const std::lock_guard lock(one_launch);
  gridDim = grid, blockDim = shape;
  block.launch = {name, body, argument};
  block.threads = shape.x * shape.y * shape.z;
  block.order.resize(block.threads);
  std::iota(block.order.begin(), block.order.end(), 0u);
  block.thread.resize(block.threads);
  block.warps.resize((block.threads + 31) / 32);
  block.shared = place_dynamic_shared(shared_bytes);
  if (const char* seed = std::getenv("WXB_EMULATOR_SEED")) {
    if (!block.random) block.rng.seed(unsigned(std::atoi(seed)));
    block.random = true;
  }
  const uint64_t blocks = uint64_t{grid.x} * grid.y * grid.z, first = block.random ? block.rng() % blocks : 0;
  for (uint64_t i = 0; i < blocks; ++i) {
    const uint64_t at = (first + i) % blocks;
    blockIdx.x = unsigned(at % grid.x), blockIdx.y = unsigned(at / grid.x % grid.y);
    blockIdx.z = unsigned(at / grid.x / grid.y);
    run_block();
  }
}

}  // namespace emulator
