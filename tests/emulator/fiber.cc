#include "fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace emulator {

namespace {

// Big enough for a kernel's local arrays; a page that no one may touch lies below it.
constexpr size_t stack_bytes = 128 << 10, page = 4096;

std::byte* new_stack() {
  void* memory = mmap(nullptr, stack_bytes + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, page, PROT_NONE) != 0) std::perror("emulator: mmap"), std::abort();
  return static_cast<std::byte*>(memory) + page + stack_bytes;
}

}  // namespace

// wxb_emulator_switch(void** from, void* to): pushes what a function must keep, stores the stack pointer, loads the
// other one and pops. A new fiber's stack begins with such a frame, whose return address is wxb_emulator_start: it
// calls a function that was put in one kept register with the argument in another.
extern "C" void wxb_emulator_switch(void** from, void* to);
extern "C" void wxb_emulator_start();

#if defined(__x86_64__)
asm(R"(
.text
.globl wxb_emulator_switch
.hidden wxb_emulator_switch
wxb_emulator_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.globl wxb_emulator_start
.hidden wxb_emulator_start
wxb_emulator_start:
  movq %r13, %rdi
  callq *%r12
  ud2
)");

void make_fiber(Fiber& fiber, void (*run)(Fiber*)) {
  auto* top = reinterpret_cast<void**>(new_stack()) - 2;
  *--top = reinterpret_cast<void*>(&wxb_emulator_start);
  *--top = nullptr;                       // rbp
  *--top = nullptr;                       // rbx
  *--top = reinterpret_cast<void*>(run);  // r12
  *--top = &fiber;                        // r13
  *--top = nullptr;                       // r14
  *--top = nullptr;                       // r15
  fiber.stack_pointer = top;
}
#elif defined(__aarch64__)
asm(R"(
.text
.globl wxb_emulator_switch
.hidden wxb_emulator_switch
wxb_emulator_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x2, sp
  str x2, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.globl wxb_emulator_start
.hidden wxb_emulator_start
wxb_emulator_start:
  mov x0, x20
  blr x19
  brk #1
)");

void make_fiber(Fiber& fiber, void (*run)(Fiber*)) {
  auto* top = reinterpret_cast<void**>(new_stack()) - 20;
  for (int i = 0; i < 20; ++i) top[i] = nullptr;
  top[0] = reinterpret_cast<void*>(run);                   // x19
  top[1] = &fiber;                                         // x20
  top[11] = reinterpret_cast<void*>(&wxb_emulator_start);  // x30
  fiber.stack_pointer = top;
}
#else
#error "the emulator switches stacks on x86-64 and aarch64 only"
#endif

void switch_fiber(Fiber& from, Fiber& to) { wxb_emulator_switch(&from.stack_pointer, to.stack_pointer); }

}  // namespace emulator
