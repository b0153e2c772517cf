#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace wxb {

// The pool: OMP_NUM_THREADS or the number of CPUs this process may use; the calling thread is one of them. Workers
// start with the first parallel region, spin for at most 50 us after one and then sleep, and are started anew after a
// fork.
int num_threads();
void set_num_threads(int threads);  // from 1 on

// Runs body(state, task) for every task in [0, tasks), on any thread in any order, and returns when all are done.
// One region at a time: a second caller, and a nested one, runs its tasks on its own thread.
void run_tasks(int64_t tasks, void (*body)(void* state, int64_t task), void* state);

template <class Body>
void parallel(int64_t tasks, Body&& body) {
  if (tasks == 1) return body(int64_t{0});
  using Plain = std::remove_reference_t<Body>;
  run_tasks(
      tasks, [](void* state, int64_t task) { (*static_cast<Plain*>(state))(task); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

// A buffer of this thread, 64-byte aligned, that keeps its address until a larger one is asked for under the same slot.
// For packing panels: kernels have no other memory of their own.
enum class Slot { a, b, c, count };
void* thread_buffer(Slot slot, size_t bytes);

}  // namespace wxb
