#include "core/simd_sum.h"
#include "norm/norm_table.h"

namespace wxb::WXB_TARGET {

namespace {

// Memory is what takes the time: while rows that are in the cache are read again, the next ones are fetched, and the
// first 4 KB of those after them.
WXB_INLINE void fetch(const float* p) { __builtin_prefetch(p); }
constexpr int64_t ahead = 1024;

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

// The sums of d = x - first and of d^2 over a row, in one pass.
struct Moments {
  double sum, squares;
};

Moments moments(const float* x, int64_t n, float first) {
  const Vec origin(first);
  const auto add = [](Vec a, Vec b) { return a + b; };
  Moments m{0, 0};
  for (int64_t begin = 0; begin < n; begin += sum_chunk) {
    constexpr int64_t block = 4 * Vec::lanes;
    const int64_t end = min(n, begin + sum_chunk);
    Vec sum[4], squares[4];
    for (int u = 0; u < 4; ++u) sum[u] = squares[u] = Vec(0.f);
    const auto take = [&](int u, auto lanes, int64_t j) {
      fetch(x + n + j);
      const Vec d = lanes.keep(lanes.load(x + j) - origin, Vec(0.f));
      sum[u] += d, squares[u] = fma(d, d, squares[u]);
    };
    int64_t j = begin;
    for (; j + block <= end; j += block)
#pragma GCC unroll 4
      for (int u = 0; u < 4; ++u) take(u, All{}, j + u * Vec::lanes);
    for_lanes(j, end, [&](auto lanes, int64_t i) { take(0, lanes, i); });
    m.sum += double(across(sum[0] + sum[1] + (sum[2] + sum[3]), add));
    m.squares += double(across(squares[0] + squares[1] + (squares[2] + squares[3]), add));
  }
  return m;
}

Statistics statistics(const float* x, int64_t n, float first, bool centred, float eps) {
  const Moments m = moments(x, n, first);
  const double mean = centred ? m.sum / double(n) : 0.0, off = mean * mean, spread = m.squares / double(n);
  const float centre = float(mean);
  if (off <= 0.75 * spread && spread < double(__builtin_inff())) return {centre, inverse_root(spread - off, eps)};
  // The first element lies far from the mean and the difference above has lost digits, or a square has overflowed: a
  // second pass.
  const Deviation deviation{x, Vec(first), Vec(centre)};
  const double squares = sum_of(n, [&](auto lanes, int64_t j) {
    const Vec d = deviation(lanes, j);
    return d * d;
  });
  if (!(squares < double(__builtin_inff()))) return statistics_in_double(x, n, first, centred, eps);
  return {centre, inverse_root(squares / double(n), eps)};
}

void forward(const Norm<float>& a, int64_t begin, int64_t end) {
  const Parameter weight{a.weight.data, 1.f}, bias{a.bias.data, 0.f};
  const Writer write(a.y.data, a.y.size, a.features);
  for (int64_t i = begin; i < end; ++i) {
    const float* const x = a.x.data + i * a.features;
    float* const y = a.y.data + i * a.features;
    const float first = a.centre ? x[0] : 0.f;
    const Statistics s = statistics(x, a.features, first, bool(a.centre), a.eps);
    const Deviation deviation{x, Vec(first), Vec(s.centre)};
    const Vec rstd(s.rstd);
    for_lanes(0, a.features, [&](auto lanes, int64_t j) {
      if (write.streams) fetch(x + a.features + ahead + j);
      write(fma(deviation(lanes, j) * rstd, weight(lanes, j), bias(lanes, j)), lanes, y + j);
    });
    if (a.centre) a.centre.data[i] = s.centre;
    a.rstd.data[i] = s.rstd;
  }
}

// One row of the backward.
struct Row {
  const float *x, *dy;
  Deviation deviation;
  Vec rstd;
  Row() = default;
  Row(const NormBackward<float>& a, int64_t i)
      : x(a.x.data + i * a.features),
        dy(a.dy.data + i * a.features),
        deviation{x, Vec(a.centre ? x[0] : 0.f), Vec(a.centre ? a.centre.data[i] : 0.f)},
        rstd(a.rstd.data[i]) {}
  template <class Lanes>
  WXB_INLINE Vec z(Lanes lanes, int64_t j) const {
    return deviation(lanes, j) * rstd;
  }
};

// Of a row: the sums of g and of g z.
struct Sums {
  double g, gz;
};

// sums_j += v
template <class Lanes>
WXB_INLINE void add_to(float* sums, Lanes lanes, int64_t j, Vec v) {
  if (sums) lanes.store(lanes.load(sums + j) + v, sums + j);
}

// The sums of some rows, and what the rows add to the column sums, which are loaded and stored once for all of them.
template <int rows>
void sums_of_rows(const Row* row, const Parameter& weight, int64_t n, float* dweight, float* dbias, Sums* sums) {
  for (int r = 0; r < rows; ++r) sums[r] = {0, 0};
  for (int64_t begin = 0; begin < n; begin += sum_chunk) {
    Vec g[rows], gz[rows];
    for (int r = 0; r < rows; ++r) g[r] = gz[r] = Vec(0.f);
    for_lanes(begin, min(n, begin + sum_chunk), [&](auto lanes, int64_t j) {
      const Vec w = weight(lanes, j);
      Vec to_weight(0.f), to_bias(0.f);
      for (int r = 0; r < rows; ++r) {
        const Vec dy = lanes.load(row[r].dy + j), z = lanes.keep(row[r].z(lanes, j), Vec(0.f));
        to_weight = fma(dy, z, to_weight), to_bias += dy;
        g[r] = fma(dy, w, g[r]), gz[r] = fma(dy * w, z, gz[r]);
      }
      add_to(dweight, lanes, j, to_weight);
      add_to(dbias, lanes, j, to_bias);
    });
    const auto add = [](Vec a, Vec b) { return a + b; };
    for (int r = 0; r < rows; ++r) sums[r].g += double(across(g[r], add)), sums[r].gz += double(across(gz[r], add));
  }
}

constexpr int together = 4;  // rows; their x and dy, of 16 KB each, lie in the L2 cache

template <int rows>
void backward_rows(const NormBackward<float>& a, int64_t first, const Writer& write, float* dweight, float* dbias) {
  const int64_t n = a.features;
  const Parameter weight{a.weight.data, 1.f};
  Row row[rows];
  for (int r = 0; r < rows; ++r) row[r] = Row(a, first + r);
  Sums sums[rows];
  sums_of_rows<rows>(row, weight, n, dweight, dbias, sums);
  for (int r = 0; a.dx && r < rows; ++r) {
    const Row here = row[r];
    const Vec mean_g(a.centre ? float(sums[r].g / double(n)) : 0.f), mean_gz(float(sums[r].gz / double(n)));
    float* const dx = a.dx.data + (first + r) * n;
    for_lanes(0, n, [&](auto lanes, int64_t j) {
      fetch(here.x + rows * n + j), fetch(here.dy + rows * n + j);
      const Vec g = lanes.load(here.dy + j) * weight(lanes, j);
      write(here.rstd * fma(-here.z(lanes, j), mean_gz, g - mean_g), lanes, dx + j);
    });
  }
}

void backward(const NormBackward<float>& a, int64_t begin, int64_t end, float* dweight, float* dbias) {
  for (float* sums : {dweight, dbias})
    if (sums) for_lanes(0, a.features, [&](auto lanes, int64_t j) { lanes.store(Vec(0.f), sums + j); });
  const Writer write(a.dx.data, a.dx.size, a.features);
  int64_t i = begin;
  for (; i + together <= end; i += together) backward_rows<together>(a, i, write, dweight, dbias);
  for (; i < end; ++i) backward_rows<1>(a, i, write, dweight, dbias);
}

}  // namespace

extern const NormTable<float> norm_float;
const NormTable<float> norm_float{forward, backward};

}  // namespace wxb::WXB_TARGET
