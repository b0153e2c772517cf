#include "core/parallel.h"
#include "core/simd_math.h"
#include "core/simd_sum.h"
#include "softmax/softmax_formulas.h"
#include "softmax/softmax_table.h"

namespace wxb::WXB_TARGET {

namespace {

// A NaN may be lost here: it comes back in exp(x - largest).
float largest_of(const float* x, int64_t n) {
  const auto larger = [](Vec a, Vec b) { return select(a < b, b, a); };
  const auto step = [&](Vec a, auto lanes, int64_t i) { return larger(a, lanes.load(x + i)); };
  return across(fold(0, n, Vec(-__builtin_inff()), step, larger), larger);
}

// Exponentials take a while: meanwhile the next row comes from memory.
template <class Keep>
double sum_of_exp(const float* x, int64_t n, float largest, Keep keep) {
  return sum_of(n, [&](auto lanes, int64_t i) {
    __builtin_prefetch(x + n + i);
    const Vec e = exp(lanes.load(x + i) - Vec(largest));
    keep(e, lanes, i);
    return e;
  });
}

float sum_of_exp(const float* x, int64_t n, float largest) {
  return float(sum_of_exp(x, n, largest, [](Vec, auto, int64_t) {}));
}

// A row's terms are divided by their sum while those of the next row are made, so that memory is read and written all
// the time. Until then they wait where the result goes, or, as that is best written once where it goes past the caches,
// in a buffer, if two rows of it fit L2.
void softmax(const Softmax<float>& a, int64_t begin, int64_t end) {
  const int64_t n = a.classes;
  const Writer write(a.y.data, n <= 1 << 15 ? a.y.size : 0, n);
  float* const buffer =
      write.streams ? static_cast<float*>(thread_buffer(Slot::a, size_t(2 * n) * sizeof(float))) : nullptr;
  float* y = a.y.data + begin * n;
  const float* last = nullptr;  // terms of the row before
  Vec scale(0.f);
  const auto finish = [&](auto lanes, int64_t i) { write(lanes.load(last + i) * scale, lanes, y - n + i); };
  for (int64_t r = begin; r < end; ++r, y += n) {
    const float* const x = a.x.data + r * n;
    float* const terms = buffer ? buffer + r % 2 * n : y;
    const double sum = sum_of_exp(x, n, largest_of(x, n), [&](Vec e, auto lanes, int64_t i) {
      lanes.store(e, terms + i);
      if (last) finish(lanes, i);
    });
    last = terms, scale = Vec(float(1.0 / sum));
  }
  for_lanes(0, n, finish);
}

void log_softmax(const Softmax<float>& a, int64_t begin, int64_t end) {
  const int64_t n = a.classes;
  const Writer write(a.y.data, a.y.size, n);
  float* y = a.y.data + begin * n;
  const float* last = nullptr;  // the row before
  Vec largest(0.f), log_sum(0.f);
  const auto finish = [&](auto lanes, int64_t i) { write(lanes.load(last + i) - largest - log_sum, lanes, y - n + i); };
  for (int64_t r = begin; r < end; ++r, y += n) {
    const float* const x = a.x.data + r * n;
    const float own = largest_of(x, n);
    const double sum = sum_of_exp(x, n, own, [&](Vec, auto lanes, int64_t i) {
      if (last) finish(lanes, i);
    });
    last = x, largest = Vec(own), log_sum = log(Vec(float(sum)));
  }
  for_lanes(0, n, finish);
}

void softmax_backward(const SoftmaxBackward<float>& a, int64_t begin, int64_t end) {
  const Writer write(a.dx.data, a.dx.size, a.classes);
  for (int64_t r = begin; r < end; ++r) {
    const float *y = a.y.data + r * a.classes, *dy = a.dy.data + r * a.classes;
    float* dx = a.dx.data + r * a.classes;
    const Vec dot =
        Vec(float(sum_of(a.classes, [&](auto lanes, int64_t i) { return lanes.load(y + i) * lanes.load(dy + i); })));
    for_lanes(0, a.classes,
              [&](auto lanes, int64_t i) { write(lanes.load(y + i) * (lanes.load(dy + i) - dot), lanes, dx + i); });
  }
}

void log_softmax_backward(const SoftmaxBackward<float>& a, int64_t begin, int64_t end) {
  const Writer write(a.dx.data, a.dx.size, a.classes);
  for (int64_t r = begin; r < end; ++r) {
    const float *y = a.y.data + r * a.classes, *dy = a.dy.data + r * a.classes;
    float* dx = a.dx.data + r * a.classes;
    const Vec sum = Vec(float(sum_of(a.classes, [&](auto lanes, int64_t i) { return lanes.load(dy + i); })));
    for_lanes(0, a.classes, [&](auto lanes, int64_t i) {
      write(fma(-exp(lanes.load(y + i)), sum, lanes.load(dy + i)), lanes, dx + i);
    });
  }
}

void log_sum_exp(const float* x, int64_t rows, int64_t classes, float* largest, float* sum, float* log_sum) {
  for (int64_t r = 0; r < rows; ++r) {
    largest[r] = largest_of(x + r * classes, classes);
    sum[r] = sum_of_exp(x + r * classes, classes, largest[r]);
  }
  for_lanes(0, rows, [&](auto lanes, int64_t i) { lanes.store(log(lanes.load(sum + i)), log_sum + i); });
}

template <class Lanes>
WXB_INLINE Vec weighted_target(const TargetRow<float>& r, Lanes lanes, int64_t i) {
  const Smoothing<Vec> smoothing{Vec(r.keep), Vec(r.floor)};
  const Vec q = r.target ? smoothing(lanes.load(r.target + i)) : smoothing.floor;
  return r.weight ? lanes.load(r.weight + i) * q : q;
}

TargetSums target_sums(const TargetRow<float>& r, float log_sum) {
  const Vec largest(r.largest), log_all(log_sum), zero(0.f);
  return {sum_of(r.classes, [&](auto lanes, int64_t i) { return weighted_target(r, lanes, i); }),
          sum_of(r.classes, [&](auto lanes, int64_t i) {
            const Vec wq = weighted_target(r, lanes, i);
            return select(wq == zero, zero, wq * (log_all - (lanes.load(r.x + i) - largest)));  // 0 log 0 is 0
          })};
}

void gradient(const TargetRow<float>& r, float factor, float scale, float* dx) {
  const Vec largest(r.largest), all(factor), own(-scale);
  for_lanes(0, r.classes, [&](auto lanes, int64_t i) {
    const Vec e = exp(lanes.load(r.x + i) - largest);
    lanes.store(fma(e, all, own * weighted_target(r, lanes, i)), dx + i);
  });
}

}  // namespace

extern const SoftmaxTable<float> softmax_float;
const SoftmaxTable<float> softmax_float{softmax,     softmax_backward, log_softmax, log_softmax_backward,
                                        log_sum_exp, target_sums,      gradient};

}  // namespace wxb::WXB_TARGET
