#pragma once
#include <cstddef>

// A stack of its own, and the switch from one to another.
namespace emulator {

struct Fiber {
  void* stack_pointer = nullptr;
};

void make_fiber(Fiber& fiber, void (*run)(Fiber*));  // run never returns
void switch_fiber(Fiber& from, Fiber& to);

}  // namespace emulator
