#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "core/hd.h"

namespace wxb {

// Typed operands of a kernel: a pointer, its element count, and what the kernel does with it.
// An optional operand that is absent has data == nullptr.
template <class T>
struct In {
  const T* data = nullptr;
  int64_t size = 0;
  HD explicit operator bool() const { return data; }
};

template <class T>
struct Out {
  T* data = nullptr;
  int64_t size = 0;
  HD explicit operator bool() const { return data; }
};

template <class T>
struct InOut {
  T* data = nullptr;
  int64_t size = 0;
  HD explicit operator bool() const { return data; }
};

// What an args struct's operands(f) hands each of its operands to. Subclass-free: one function pointer and its state.
class Operands {
 public:
  using Visit = void (*)(void* state, void* data, size_t bytes, bool written);
  Operands(Visit visit, void* state) : visit_(visit), state_(state) {}
  template <class T>
  void operator()(const In<T>& o) const {
    visit(const_cast<T*>(o.data), o.size, sizeof(T), false);
  }
  template <class T>
  void operator()(const Out<T>& o) const {
    visit(o.data, o.size, sizeof(T), true);
  }
  template <class T>
  void operator()(const InOut<T>& o) const {
    visit(o.data, o.size, sizeof(T), true);
  }

 private:
  void visit(void* data, int64_t size, size_t item, bool written) const {
    if (data && size) visit_(state_, data, size_t(size) * item, written);
  }
  Visit visit_;
  void* state_;
};

// A kernel's arguments: a plain struct. operands(f) calls f with every operand; work() is roughly how many arithmetic
// operations a launch costs, which decides whether it is worth releasing the GIL.
template <class A>
concept Arguments = std::is_trivially_copyable_v<A> && requires(const A& a, const Operands& f) {
  a.operands(f);
  { a.work() } -> std::convertible_to<double>;
};

}  // namespace wxb
