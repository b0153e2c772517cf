#include "core/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <new>
#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace wxb {

namespace {

constexpr int most_threads = 1024;

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// One turn of a waiting loop. With more threads than CPUs, the one waited for must get to run.
void pause(int spins) { spins < 4096 ? relax() : void(sched_yield()); }

int available_cpus() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, int(std::thread::hardware_concurrency()));
}

int default_threads() {
  if (const char* text = std::getenv("OMP_NUM_THREADS")) {
    const long n = std::strtol(text, nullptr, 10);
    if (n >= 1) return int(std::min<long>(n, most_threads));
  }
  return available_cpus();
}

class Pool {
 public:
  void run(int64_t tasks, void (*body)(void*, int64_t), void* state, int threads) {
    start(threads - 1);
    // Workers that slept through the last region may still be on their way to see that it is over: each of them enters
    // and leaves under `inside_`, so the fields are written only when none is in.
    for (int spins = 0; inside_.load(std::memory_order_acquire); ++spins) pause(spins);
    body_ = body;
    state_ = state;
    helpers_ = int(std::min<int64_t>(threads - 1, tasks - 1));
    for (int i = 0; i <= helpers_; ++i) shares_[i].set(tasks * i / (helpers_ + 1), tasks * (i + 1) / (helpers_ + 1));
    left_.store(tasks, std::memory_order_release);  // a worker that sees it above 0 sees the fields too
    generation_.fetch_add(1, std::memory_order_seq_cst);
    if (sleeping_.load(std::memory_order_seq_cst)) generation_.notify_all();
    work(0);
    for (int spins = 0; left_.load(std::memory_order_acquire) > 0; ++spins) pause(spins);
  }

 private:
  // The tasks of one thread, neighbours: the same ones whenever a region has as many tasks, so that what it left in its
  // cache is there when it comes back.
  struct alignas(64) Share {
    std::atomic<int64_t> next{0};
    int64_t end = 0;
    void set(int64_t first, int64_t last) { next.store(first, std::memory_order_relaxed), end = last; }
  };

  void start(int workers) {
    for (; started_ < workers; ++started_) std::thread([this, index = started_] { serve(index); }).detach();
  }

  // A thread's own share, then what the others have not begun.
  void work(int own) {
    for (int i = 0; i <= helpers_; ++i) {
      Share& share = shares_[(own + i) % (helpers_ + 1)];
      for (int64_t task; (task = share.next.fetch_add(1, std::memory_order_relaxed)) < share.end;) {
        body_(state_, task);
        left_.fetch_sub(1, std::memory_order_acq_rel);
      }
    }
  }

  [[noreturn]] void serve(int index) {
    uint32_t seen = 0;
    for (;;) {
      seen = wait(seen);
      inside_.fetch_add(1, std::memory_order_seq_cst);
      // Only the newest region is open; an older one is over, and its fields may be changing.
      if (generation_.load(std::memory_order_seq_cst) == seen && left_.load(std::memory_order_acquire) > 0 &&
          index < helpers_)
        work(index + 1);
      inside_.fetch_sub(1, std::memory_order_release);
    }
  }

  // Spin for 50 us, then sleep until the generation moves on.
  uint32_t wait(uint32_t seen) {
    using Clock = std::chrono::steady_clock;
    const auto until = Clock::now() + std::chrono::microseconds(50);
    do {
      for (int i = 0; i < 64; ++i) {
        const uint32_t now = generation_.load(std::memory_order_acquire);
        if (now != seen) return now;
        relax();
      }
    } while (Clock::now() < until);
    sleeping_.fetch_add(1, std::memory_order_seq_cst);
    generation_.wait(seen, std::memory_order_seq_cst);
    sleeping_.fetch_sub(1, std::memory_order_seq_cst);
    return generation_.load(std::memory_order_acquire);
  }

  int started_ = 0;
  void (*body_)(void*, int64_t) = nullptr;
  void* state_ = nullptr;
  int helpers_ = 0;
  alignas(64) std::atomic<uint32_t> generation_{0};
  std::atomic<int> sleeping_{0};
  Share shares_[most_threads];
  alignas(64) std::atomic<int64_t> left_{0};
  alignas(64) std::atomic<int> inside_{0};
};

std::atomic<int> threads_wanted{0};  // 0: not asked yet
std::atomic<Pool*> pool{nullptr};
std::atomic<bool> busy{false};
thread_local bool in_region = false;

// A child of fork has none of its parent's workers: it forgets the old pool (its memory is lost, on purpose: the
// threads that would have used it do not exist) and starts its own when it needs one.
void forget_pool() {
  pool = nullptr;
  busy = false;
  in_region = false;
}

Pool& the_pool() {
  Pool* p = pool.load(std::memory_order_acquire);
  if (!p) {
    static std::once_flag once;
    std::call_once(once, [] { pthread_atfork(nullptr, nullptr, forget_pool); });
    p = new Pool;  // workers are detached and outlive main
    pool.store(p, std::memory_order_release);
  }
  return *p;
}

}  // namespace

int num_threads() {
  int n = threads_wanted.load(std::memory_order_relaxed);
  if (n == 0) threads_wanted = n = default_threads();
  return n;
}

void set_num_threads(int threads) { threads_wanted = std::clamp(threads, 1, most_threads); }

void run_tasks(int64_t tasks, void (*body)(void*, int64_t), void* state) {
  const int threads = num_threads();
  if (tasks > 1 && threads > 1 && !in_region && !busy.exchange(true, std::memory_order_acquire)) {
    in_region = true;
    the_pool().run(tasks, body, state, threads);
    in_region = false;
    busy.store(false, std::memory_order_release);
    return;
  }
  for (int64_t task = 0; task < tasks; ++task) body(state, task);
}

constexpr size_t huge_page = size_t{2} << 20;

void* thread_buffer(Slot slot, size_t bytes) {
  struct Buffers {
    void* data[int(Slot::count)] = {};
    size_t bytes[int(Slot::count)] = {};
    ~Buffers() {
      for (void* p : data) std::free(p);
    }
  };
  thread_local Buffers buffers;
  const int i = int(slot);
  if (buffers.bytes[i] < bytes) {
    std::free(buffers.data[i]);
    const size_t unit = bytes < huge_page / 2 ? 4096 : huge_page;  // packed panels are read all over: spare the TLB
    buffers.bytes[i] = (bytes + unit - 1) / unit * unit;
    buffers.data[i] = std::aligned_alloc(unit, buffers.bytes[i]);
    if (unit == huge_page && buffers.data[i]) madvise(buffers.data[i], buffers.bytes[i], MADV_HUGEPAGE);
    if (!buffers.data[i]) throw std::bad_alloc();
  }
  return buffers.data[i];
}

}  // namespace wxb
