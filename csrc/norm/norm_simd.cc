#include "core/simd_sum.h"
#include "norm/norm_table.h"

namespace wxb::WXB_TARGET {

namespace {

// x less the mean of its row, in two exact or nearly exact steps: the first element, then the rest of the mean.
struct Deviation {
  const float* x;
  Vec first, centre;
  template <class Lanes>
  WXB_INLINE Vec operator()(Lanes lanes, int64_t j) const {
    return lanes.load(x + j) - first - centre;
  }
};

// weight_j or bias_j, and what stands for an absent one.
struct Parameter {
  const float* data;
  float absent;
  template <class Lanes>
  WXB_INLINE Vec operator()(Lanes lanes, int64_t j) const {
    return data ? lanes.load(data + j) : Vec(absent);
  }
};

struct Statistics {
  float centre, rstd;
};

float inverse_root(double mean_square, float eps) { return float(1.0 / __builtin_sqrt(mean_square + double(eps))); }

// Of a row whose float32 sums overflow.
Statistics statistics_in_double(const float* x, int64_t n, float first, bool centred, float eps) {
  double sum = 0, squares = 0;
  for (int64_t j = 0; centred && j < n; ++j) sum += double(x[j]) - double(first);
  const double centre = sum / double(n);
  for (int64_t j = 0; j < n; ++j) {
    const double d = double(x[j]) - double(first) - centre;
    squares += d * d;
  }
  return {float(centre), inverse_root(squares / double(n), eps)};
}

Statistics statistics(const float* x, int64_t n, float first, bool centred, float eps) {
  const Vec origin(first);
  const double sum = centred ? sum_of(n, [&](auto lanes, int64_t j) { return lanes.load(x + j) - origin; }) : 0.0;
  const float centre = float(sum / double(n));
  const Deviation deviation{x, origin, Vec(centre)};
  const double squares = sum_of(n, [&](auto lanes, int64_t j) {
    const Vec d = deviation(lanes, j);
    return d * d;
  });
  if (!(squares < double(__builtin_inff()))) return statistics_in_double(x, n, first, centred, eps);
  return {centre, inverse_root(squares / double(n), eps)};
}

void forward(const Norm<float>& a, int64_t begin, int64_t end) {
  const Parameter weight{a.weight.data, 1.f}, bias{a.bias.data, 0.f};
  for (int64_t i = begin; i < end; ++i) {
    const float* const x = a.x.data + i * a.features;
    float* const y = a.y.data + i * a.features;
    const float first = a.centre ? x[0] : 0.f;
    const Statistics s = statistics(x, a.features, first, bool(a.centre), a.eps);
    const Deviation deviation{x, Vec(first), Vec(s.centre)};
    const Vec rstd(s.rstd);
    for_lanes(0, a.features, [&](auto lanes, int64_t j) {
      lanes.store(fma(deviation(lanes, j) * rstd, weight(lanes, j), bias(lanes, j)), y + j);
    });
    if (a.centre) a.centre.data[i] = s.centre;
    a.rstd.data[i] = s.rstd;
  }
}

// sums_j += v
template <class Lanes>
WXB_INLINE void add_to(float* sums, Lanes lanes, int64_t j, Vec v) {
  if (sums) lanes.store(lanes.load(sums + j) + v, sums + j);
}

void backward(const NormBackward<float>& a, int64_t begin, int64_t end, float* dweight, float* dbias) {
  const int64_t n = a.features;
  for (float* sums : {dweight, dbias})
    if (sums) for_lanes(0, n, [&](auto lanes, int64_t j) { lanes.store(Vec(0.f), sums + j); });
  const Parameter weight{a.weight.data, 1.f};
  for (int64_t i = begin; i < end; ++i) {
    const float *const x = a.x.data + i * n, *const dy = a.dy.data + i * n;
    const Deviation deviation{x, Vec(a.centre ? x[0] : 0.f), Vec(a.centre ? a.centre.data[i] : 0.f)};
    const Vec rstd(a.rstd.data[i]);
    const auto g = [&](auto lanes, int64_t j) { return lanes.load(dy + j) * weight(lanes, j); };
    const double sum_gz = sum_of(n, [&](auto lanes, int64_t j) {
      const Vec z = deviation(lanes, j) * rstd, here = lanes.load(dy + j);
      add_to(dweight, lanes, j, here * z);
      add_to(dbias, lanes, j, here);
      return g(lanes, j) * z;
    });
    if (!a.dx) continue;
    const double sum_g = a.centre ? sum_of(n, g) : 0.0;
    const Vec mean_g(float(sum_g / double(n))), mean_gz(float(sum_gz / double(n)));
    float* const dx = a.dx.data + i * n;
    for_lanes(0, n, [&](auto lanes, int64_t j) {
      const Vec z = deviation(lanes, j) * rstd;
      lanes.store(rstd * fma(-z, mean_gz, g(lanes, j) - mean_g), dx + j);
    });
  }
}

}  // namespace

extern const NormTable<float> norm_float;
const NormTable<float> norm_float{forward, backward};

}  // namespace wxb::WXB_TARGET
