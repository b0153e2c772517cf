#include "random/draws.h"
#include "random/random_table.h"

namespace wxb::ref {

namespace {

// Calls put(i, value) for every i in [begin, end); draw(words, out) makes `count` values of a block.
template <class T, int count, class Draw, class Put>
void generate(const uint64_t* saved, int64_t begin, int64_t end, Draw draw, Put put) {
  for (int64_t group = begin; group < end; group += 16 * count)
    for (int64_t lane = 0; lane < 16; ++lane) {
      T value[count];
      draw(philox(saved[0], saved[1] + uint64_t(group / count + lane)), value);
      for (int64_t k = 0, i = group + lane; k < count && i < end; ++k, i += 16) put(i, value[k]);
    }
}

template <class T>
void uniform(const Uniform<T>& a, int64_t begin, int64_t end) {
  generate<T, 16 / sizeof(T)>(
      a.saved.data, begin, end, [](Words w, T* y) { draw_fractions(w, y); },
      [&](int64_t i, T u) { a.y.data[i] = between(u, a.low, a.high); });
}

template <class T>
void normal(const Normal<T>& a, int64_t begin, int64_t end) {
  generate<T, 16 / sizeof(T)>(
      a.saved.data, begin, end, [](Words w, T* y) { draw_normals(w, y); },
      [&](int64_t i, T z) { a.y.data[i] = fma(a.std, z, a.mean); });
}

template <class T>
void bernoulli(const Bernoulli<T>& a, int64_t begin, int64_t end) {
  generate<int32_t, 4>(a.saved.data, begin, end, draw_words,
                       [&](int64_t i, int32_t word) { a.y.data[i] = T(word < a.threshold); });
}

template <class T>
void dropout(const Dropout<T>& a, int64_t begin, int64_t end) {
  generate<int32_t, 4>(a.saved.data, begin, end, draw_words, [&](int64_t i, int32_t word) {
    a.y.data[i] = word < a.threshold ? T(0) : a.x.data[i] * a.scale;
  });
}

}  // namespace

extern const RandomTable<float> random_float;
extern const RandomTable<double> random_double;
const RandomTable<float> random_float{uniform, normal, bernoulli, dropout};
const RandomTable<double> random_double{uniform, normal, bernoulli, dropout};

}  // namespace wxb::ref
