#include <algorithm>
#include <chrono>
#include <cstring>
#include <vector>

#include "core/isa.h"
#include "core/parallel.h"
#include "limits/limits.h"
#include "limits/limits_table.h"

namespace wxb {

WXB_ROOM(LimitsTable, limits_table)

namespace cpu {

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// The most `amount * repeats / time` of blocks run(repeats) that each thread runs, for so many seconds. A block takes a
// millisecond or more, so that waking a thread does not count. The most, not the middle: it is a limit that is asked
// for.
template <class Run>
double best_rate(double amount, double seconds, Run run) {
  const int64_t threads = num_threads();
  const double until = now() + seconds;
  int64_t repeats = 1;
  double best = 0;
  do {
    const double start = now();
    parallel(threads, [&](int64_t thread) { run(thread, repeats); });
    const double took = now() - start;
    if (took < 1e-3)
      repeats *= 2;
    else
      best = std::max(best, amount * double(repeats) / took);
  } while (now() < until || best == 0);
  return best / 1e9;
}

}  // namespace

double fma_peak(double seconds) {
  const LimitsTable& table = limits_table();
  return best_rate(table.operations * num_threads(), seconds, [&](int64_t, int64_t repeats) {
    volatile float kept = table.multiply_add(repeats);
    (void)kept;
  });
}

double copy_bandwidth(int64_t bytes, double seconds) {
  std::vector<std::byte> from(static_cast<size_t>(bytes)), to(static_cast<size_t>(bytes));
  const int64_t threads = num_threads();
  return best_rate(2.0 * double(bytes), seconds, [&](int64_t thread, int64_t repeats) {
    const int64_t begin = bytes * thread / threads, size = bytes * (thread + 1) / threads - begin;
    std::byte* const target = to.data() + begin;
    for (int64_t i = 0; i < repeats; ++i) {
      std::memcpy(target, from.data() + begin, size_t(size));
      asm volatile("" : : "r"(target) : "memory");  // each copy counts, also where the next one overwrites it
    }
  });
}

double fork_join(double seconds) {
  constexpr int regions = 1000;
  const double until = now() + seconds;
  double best = 1;
  do {
    const double start = now();
    for (int i = 0; i < regions; ++i) parallel(num_threads(), [](int64_t) {});
    best = std::min(best, (now() - start) / regions);
  } while (now() < until);
  return best * 1e9;
}

}  // namespace cpu
}  // namespace wxb
