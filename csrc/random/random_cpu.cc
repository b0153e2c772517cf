#include <algorithm>

#include "core/isa.h"
#include "core/ranges.h"
#include "random/draws.h"
#include "random/random_table.h"

namespace wxb {

WXB_ROOM(RandomTable<float>, random_float)

namespace ref {
extern const RandomTable<double> random_double;
}

namespace cpu {

namespace {

template <class T>
const RandomTable<T>& table() {
  if constexpr (std::is_same_v<T, float>)
    return random_float();
  else
    return ref::random_double;
}

// Numbers 32 group to 32 group + 31, of 64 bits each, in the order of random.h.
struct Group {
  uint64_t word[32];
  Group(const uint64_t* saved, int64_t group) {
    for (int lane = 0; lane < 16; ++lane) {
      const Words w = philox(saved[0], saved[1] + uint64_t(group * 16 + lane));
      word[lane] = uint64_t{w.word[0]} << 32 | w.word[1];
      word[16 + lane] = uint64_t{w.word[2]} << 32 | w.word[3];
    }
  }
};

}  // namespace

void rng_advance(const RngAdvance& a, Context& context) {
  a.saved.data[0] = a.state.data[0];
  a.saved.data[1] = a.state.data[1];
  if (!context.bad()) a.state.data[1] += uint64_t((a.n / 32 + (a.n % 32 != 0)) * 16);  // as if each took 64 bits
}

template <class T>
void uniform(const Uniform<T>& a, Context&) {
  by_range(a.y.size, [&](int64_t begin, int64_t end) { table<T>().uniform(a, begin, end); });
}

template <class T>
void normal(const Normal<T>& a, Context&) {
  by_range(a.y.size, [&](int64_t begin, int64_t end) { table<T>().normal(a, begin, end); });
}

template <class T>
void bernoulli(const Bernoulli<T>& a, Context&) {
  by_range(a.y.size, [&](int64_t begin, int64_t end) { table<T>().bernoulli(a, begin, end); });
}

template <class T>
void dropout(const Dropout<T>& a, Context&) {
  by_range(a.y.size, [&](int64_t begin, int64_t end) { table<T>().dropout(a, begin, end); });
}

void randint(const Randint& a, Context&) {
  by_range(a.y.size, [&](int64_t begin, int64_t end) {
    for (int64_t start = begin; start < end; start += 32) {
      const Group numbers(a.saved.data, start / 32);
      for (int64_t i = start; i < std::min(start + 32, end); ++i)
        a.y.data[i] = int64_t(uint64_t(a.low) + ref::below(a.count, numbers.word[i - start]));
    }
  });
}

// Fisher, Yates 1938: i from the end swaps with one of 0 ... i. The partners of a group are fetched before it begins: a
// random access to a large array takes longer than a draw.
void permutation(const Permutation& a, Context&) {
  int64_t* const y = a.y.data;
  for (int64_t i = 0; i < a.y.size; ++i) y[i] = i;
  for (int64_t group = (a.y.size - 1) / 32; group >= 0; --group) {
    Group partner(a.saved.data, group);
    const int64_t start = group * 32, end = std::min(start + 32, a.y.size);
    for (int64_t i = start; i < end; ++i) {
      partner.word[i - start] = ref::below(uint64_t(i) + 1, partner.word[i - start]);
      __builtin_prefetch(y + partner.word[i - start], 1);
    }
    for (int64_t i = end - 1; i >= start; --i) std::swap(y[i], y[partner.word[i - start]]);
  }
}

#define WXB_FLOAT(T)                                      \
  template void uniform(const Uniform<T>&, Context&);     \
  template void normal(const Normal<T>&, Context&);       \
  template void bernoulli(const Bernoulli<T>&, Context&); \
  template void dropout(const Dropout<T>&, Context&);
WXB_FLOAT(float)
WXB_FLOAT(double)

}  // namespace cpu
}  // namespace wxb
