#pragma once
#include "core/context.h"
#include "core/operands.h"

// Random numbers by Philox 4x32-10 (core/philox.h). state and saved are {seed, position}, uint64 (2). A random op first
// launches rng_advance; what it then draws depends on `saved` alone, so its backward draws the same again.
//
// Number i belongs to group i / (16 v), where a block of four words gives v numbers: 4, or 2 of 64 bits. Its block is
// position + 16 group + i % 16, and within the block it is the (i / 16 % v)-th. So sixteen blocks side by side make
// numbers that lie side by side, on every vector width, and thread splits do not matter.

namespace wxb {

// saved = state, then state moves on by blocks enough for n numbers.
struct RngAdvance {
  InOut<uint64_t> state;
  Out<uint64_t> saved;
  int64_t n;
  void operands(const Operands& f) const { f(state), f(saved); }
  double work() const { return 1; }
};

// y uniform in [low, high), from 24 bits (double: 53)
template <class T>
struct Uniform {
  In<uint64_t> saved;
  Out<T> y;
  T low, high;
  void operands(const Operands& f) const { f(saved), f(y); }
  double work() const { return 10.0 * double(y.size); }
};

// y normal with this mean and standard deviation, by Box and Muller 1958
template <class T>
struct Normal {
  In<uint64_t> saved;
  Out<T> y;
  T mean, std;
  void operands(const Operands& f) const { f(saved), f(y); }
  double work() const { return 20.0 * double(y.size); }
};

// y = 1 with probability threshold / 2^24, else 0
template <class T>
struct Bernoulli {
  In<uint64_t> saved;
  Out<T> y;
  int32_t threshold;
  void operands(const Operands& f) const { f(saved), f(y); }
  double work() const { return 10.0 * double(y.size); }
};

// y = scale x, but 0 with probability threshold / 2^24. The backward is the same map of dy, with the same `saved`.
// y may be x.
template <class T>
struct Dropout {
  In<T> x;
  In<uint64_t> saved;
  Out<T> y;
  int32_t threshold;
  T scale;
  void operands(const Operands& f) const { f(x), f(saved), f(y); }
  double work() const { return 10.0 * double(y.size); }
};

// y uniform in {low, ..., low + count - 1}
struct Randint {
  In<uint64_t> saved;
  Out<int64_t> y;
  int64_t low;
  uint64_t count;
  void operands(const Operands& f) const { f(saved), f(y); }
  double work() const { return 30.0 * double(y.size); }
};

// y = 0 ... n - 1 in random order
struct Permutation {
  In<uint64_t> saved;
  Out<int64_t> y;
  void operands(const Operands& f) const { f(saved), f(y); }
  double work() const { return 50.0 * double(y.size); }
};

namespace BACKEND {
void rng_advance(const RngAdvance&, Context&);
template <class T>
void uniform(const Uniform<T>&, Context&);
template <class T>
void normal(const Normal<T>&, Context&);
template <class T>
void bernoulli(const Bernoulli<T>&, Context&);
template <class T>
void dropout(const Dropout<T>&, Context&);
void randint(const Randint&, Context&);
void permutation(const Permutation&, Context&);
}  // namespace BACKEND

}  // namespace wxb
