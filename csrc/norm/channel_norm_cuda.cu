#include "core/divisor.cuh"
#include "core/elements.cuh"
#include "core/reduction.cuh"
#include "core/rows.cuh"
#include "elementwise/activation.cuh"
#include "norm/channel_norm.h"

// Forward: sums of each part's channels, what follows from them for each group, then every element once more.
// Backward the same with the sums of the gradient.
namespace wxb::cuda {

namespace {

// The two sums of a channel of a part, and where they are left: the workspace ends with totals (parts, channels).
struct Sums {
  double first, second;
};

Sums* totals_of(double* workspace, const Parts& s) {
  return reinterpret_cast<Sums*>(workspace) + channel_norm_tasks(s) * s.parts * s.channels;
}

AxisCut cut_rows(const Parts& s) { return cut_axis(s.parts, s.rows, s.channels); }

template <class T>
HD Channels<T> channels_of(T* saved, const Parts& s, int64_t part) {
  const int64_t step = s.parts * s.channels;
  T* const p = saved + part * s.channels;
  return {p, p + step, p + 2 * step, p + 3 * step, p + 4 * step};  // in the order of Saved
}

// ---- forward ----

// Sums of d and d^2, d = x - the channel's first x of the part. A new batch is counted on the way.
template <class T>
struct StatisticsBody {
  using Part = Sums;
  ChannelNorm<T> a;
  Sums* totals;
  Status status;

  __device__ Sums part(int64_t output, int64_t k, int64_t to, int64_t step) const {
    const int64_t channels = a.size.channels, part = output / channels;
    const T* const x = a.x.data + part * a.size.rows * channels + output % channels;
    Sums sum{0, 0};
    const T origin = k < to ? x[0] : T(0);
#pragma unroll 4
    for (; k < to; k += step) {
      const double d = double(x[k * channels]) - double(origin);
      sum.first += d, sum.second += d * d;
    }
    return sum;
  }
  __device__ static void merge(Sums& a, const Sums& b) { a.first += b.first, a.second += b.second; }
  __device__ void finish(int64_t output, const Sums& sum) const {
    totals[output] = sum;
    if (output == 0 && a.running_mean && a.batches && !bad(status)) ++a.batches.data[0];
  }
};

struct Moments {
  double mean, var;
};

// What Saved says of the channels of a group, from the totals or from the running statistics.
template <class T>
struct FitBody {
  ChannelNorm<T> a;
  const Sums* totals;
  Status status;
  double per_row, per_width, unbias;  // 1 / rows, 1 / width, rows / (rows - 1)

  template <class Team>
  __device__ Moments moments(Team team, const T* x, const Sums* sums) const {
    const int64_t width = a.size.width();
    const auto shift = [&](int64_t j) { return double(x[j]) - double(x[0]); };
    double mean = 0, square = 0;
    for (int64_t j = team.rank(); j < width; j += team.size) mean += shift(j) + sums[j].first * per_row;
    mean = team.sum(mean) * per_width;
    for (int64_t j = team.rank(); j < width; j += team.size) {
      const double apart = shift(j) - mean;  // d + apart = x - mean
      square += sums[j].second * per_row + apart * (2 * sums[j].first * per_row + apart);
    }
    const double var = team.sum(square) * per_width;
    return {mean, var < 0 ? 0 : var};
  }

  __device__ void track(int64_t j, const Moments& m, double origin) const {
    if (!a.running_mean || bad(status)) return;
    const int64_t batches = a.cumulative ? a.batches.data[0] : 1;
    const double momentum = a.cumulative ? 1.0 / double(batches < 1 ? 1 : batches) : a.momentum;
    if (!(momentum > 0)) return;
    T &mean = a.running_mean.data[j], &var = a.running_var.data[j];
    mean = T(double(mean) + momentum * (origin + m.mean - double(mean)));
    var = T(double(var) + momentum * (m.var * unbias - double(var)));
  }

  __device__ void save(const Channels<T>& c, int64_t j, T origin, T centre, double var) const {
    const T rstd = T(rsqrt(var + a.eps));
    c.origin[j] = origin, c.centre[j] = centre, c.rstd[j] = rstd;
    c.scale[j] = a.weight ? a.weight.data[j] * rstd : rstd;
    c.shift[j] = a.bias ? a.bias.data[j] : T(0);
  }

  template <class Team>
  __device__ void run(Team team, int64_t group) const {
    const Parts& s = a.size;
    const int64_t part = group / s.groups, first = group % s.groups * s.width();
    const Channels<T> c = channels_of(a.saved.data, s, part);
    if (!a.training) {
      for (int64_t j = first + team.rank(); j < first + s.width(); j += team.size)
        save(c, j, a.running_mean.data[j], T(0), double(a.running_var.data[j]));
      return;
    }
    const T* const x = a.x.data + part * s.rows * s.channels + first;
    const Moments m = moments(team, x, totals + part * s.channels + first);
    if (team.rank() == 0) track(first, m, double(x[0]));
    for (int64_t j = first + team.rank(); j < first + s.width(); j += team.size) save(c, j, x[0], T(m.mean), m.var);
  }
};

// Which channel of which part an element is of.
struct Channel {
  int64_t part, number;
};
struct ChannelOf {
  int64_t channels;
  Divisor by_channels, by_rows;
  explicit ChannelOf(const Parts& s) : channels(s.channels), by_channels(s.channels), by_rows(s.rows) {}
  __device__ Channel operator()(int64_t i) const {
    const int64_t row = by_channels.quotient(i);
    return {by_rows.quotient(row), i - row * channels};
  }
};

template <bool plain, class T>
__device__ T activation(Unary op, T alpha, T z) {
  if constexpr (!plain) return activated(op, alpha, z);
  return op == Unary::relu ? Relu::value(z, Parameters<T>{}) : z;
}

template <bool plain, class T>
__device__ T derivative(Unary op, T alpha, T z) {
  if constexpr (!plain) return slope_at(op, alpha, z);
  return op == Unary::relu ? derivative_at<Relu>(z, Parameters<T>{}) : T(1);
}

bool is_plain(Unary op) { return op == Unary::none || op == Unary::relu; }

template <bool plain, class T>
struct NormaliseBody {
  static constexpr int pack = 16 / int(sizeof(T));
  ChannelNorm<T> a;
  ChannelOf channel_of;
  template <int n>
  __device__ void run(int64_t i) const {
    const auto [part, j] = channel_of(i);
    const auto c = channels_of<const T>(a.saved.data, a.size, part);
    auto x = load<n>(a.x.data + i);
    const auto origin = load<n>(c.origin + j), centre = load<n>(c.centre + j);
    const auto scale = load<n>(c.scale + j), shift = load<n>(c.shift + j);
#pragma unroll
    for (int k = 0; k < n; ++k) {
      const T z = fma(x.v[k] - origin.v[k] - centre.v[k], scale.v[k], shift.v[k]);
      x.v[k] = activation<plain>(a.activation, a.alpha, z);
    }
    store(a.y.data + i, x);
  }
};

template <bool plain, class T>
void normalise(Context& context, const ChannelNorm<T>& a) {
  launch_elements(context, NormaliseBody<plain, T>{a, ChannelOf(a.size)}, a.x.size, a.size.channels, a.x, a.y, a.saved);
}

// ---- backward ----

// Sums of g and g d, g = dy act', d = x - origin - centre.
template <bool plain, class T>
struct DotsBody {
  using Part = Sums;
  ChannelNormBackward<T> a;
  Sums* totals;

  __device__ Sums part(int64_t output, int64_t k, int64_t to, int64_t step) const {
    const int64_t channels = a.size.channels, part = output / channels, j = output % channels;
    const auto c = channels_of(a.saved.data, a.size, part);
    const T origin = c.origin[j], centre = c.centre[j], scale = c.scale[j], shift = c.shift[j];
    const int64_t base = part * a.size.rows * channels + j, end = base + to * channels, next = step * channels;
    Sums sum{0, 0};
#pragma unroll(plain ? 4 : 1)
    for (int64_t i = base + k * channels; i < end; i += next) {
      const T d = a.x.data[i] - origin - centre;
      const T g = a.dy.data[i] * derivative<plain>(a.activation, a.alpha, fma(d, scale, shift));
      sum.first += double(g), sum.second += double(g) * double(d);
    }
    return sum;
  }
  __device__ static void merge(Sums& a, const Sums& b) { a.first += b.first, a.second += b.second; }
  __device__ void finish(int64_t output, const Sums& sum) const { totals[output] = sum; }
};

// dweight and dbias: the parts' sums in order.
template <class T>
struct ParameterBody {
  ChannelNormBackward<T> a;
  const Sums* totals;
  __device__ void operator()(int64_t j) const {
    const Parts& s = a.size;
    double weight = 0, bias = 0;
    for (int64_t part = 0; part < s.parts; ++part) {
      const Sums sum = totals[part * s.channels + j];
      bias += sum.first, weight += sum.second * double(channels_of(a.saved.data, s, part).rstd[j]);
    }
    if (a.dweight) a.dweight.data[j] = T(weight);
    if (a.dbias) a.dbias.data[j] = T(bias);
  }
};

// dx = g scale - (mean + d slope): mean = rstd mean(h), slope = rstd^2 mean(h z), for each channel of a group.
template <class T>
struct MeansBody {
  ChannelNormBackward<T> a;
  const Sums* totals;
  double share;  // 1 / (rows width)

  template <class Team>
  __device__ void run(Team team, int64_t group) const {
    const Parts& s = a.size;
    const int64_t part = group / s.groups, first = group % s.groups * s.width(), at = part * s.channels;
    double h = 0, hd = 0;
    for (int64_t j = first + team.rank(); j < first + s.width(); j += team.size) {
      const double weight = a.weight ? double(a.weight.data[j]) : 1;
      h += weight * totals[at + j].first, hd += weight * totals[at + j].second;
    }
    h = team.sum(h), hd = team.sum(hd);
    const double rstd = double(channels_of(a.saved.data, s, part).rstd[first]);
    const T mean = a.training ? T(rstd * h * share) : T(0),
            slope = a.training ? T(rstd * rstd * rstd * hd * share) : T(0);
    for (int64_t j = first + team.rank(); j < first + s.width(); j += team.size)
      a.means.data[at + j] = mean, a.means.data[s.parts * s.channels + at + j] = slope;
  }
};

template <bool plain, class T>
struct GradientBody {
  static constexpr int pack = plain || sizeof(T) == 4 ? 16 / int(sizeof(T)) : 1;  // or registers are spilled
  ChannelNormBackward<T> a;
  ChannelOf channel_of;
  template <int n>
  __device__ void run(int64_t i) const {
    const auto [part, j] = channel_of(i);
    const auto c = channels_of(a.saved.data, a.size, part);
    const T* const mean_at = a.means.data + part * a.size.channels + j;
    const auto x = load<n>(a.x.data + i);
    auto dx = load<n>(a.dy.data + i);
    const auto origin = load<n>(c.origin + j), centre = load<n>(c.centre + j);
    const auto scale = load<n>(c.scale + j), shift = load<n>(c.shift + j);
    const auto mean = load<n>(mean_at), slope = load<n>(mean_at + a.size.parts * a.size.channels);
#pragma unroll
    for (int k = 0; k < n; ++k) {
      const T d = x.v[k] - origin.v[k] - centre.v[k];
      const T g = dx.v[k] * derivative<plain>(a.activation, a.alpha, fma(d, scale.v[k], shift.v[k]));
      dx.v[k] = fma(g, scale.v[k], -fma(d, slope.v[k], mean.v[k]));
    }
    store(a.dx.data + i, dx);
  }
};

template <bool plain, class T>
void take_dots(Context& context, const ChannelNormBackward<T>& a, Sums* totals) {
  launch_reduction(context, DotsBody<plain, T>{a, totals}, cut_rows(a.size), a.workspace.data);
}

template <bool plain, class T>
void gradients(Context& context, const ChannelNormBackward<T>& a) {
  launch_elements(context, GradientBody<plain, T>{a, ChannelOf(a.size)}, a.x.size, a.size.channels, a.x, a.dy, a.dx,
                  a.saved, a.means);
}

}  // namespace

int64_t channel_norm_tasks(const Parts& s) {
  const int64_t segments = cut_rows(s).segments;
  return segments > 1 ? segments : 0;
}

template <class T>
void channel_norm_forward(const ChannelNorm<T>& a, Context& context) {
  const Parts& s = a.size;
  if (a.training && a.x.size == 0) return fill(Fill<T>{a.saved, T(0)}, context);
  Sums* const totals = totals_of(a.workspace.data, s);
  if (a.training)
    launch_reduction(context, StatisticsBody<T>{a, totals, context.status()}, cut_rows(s), a.workspace.data);
  const double rows = double(s.rows);
  launch_rows(context, s.parts * s.groups, s.width(),
              FitBody<T>{a, totals, context.status(), 1 / rows, 1 / double(s.width()), rows / (rows - 1)});
  is_plain(a.activation) ? normalise<true>(context, a) : normalise<false>(context, a);
}

template <class T>
void channel_norm_backward(const ChannelNormBackward<T>& a, Context& context) {
  const Parts& s = a.size;
  Sums* const totals = totals_of(a.workspace.data, s);
  is_plain(a.activation) ? take_dots<true>(context, a, totals) : take_dots<false>(context, a, totals);
  if (a.dweight || a.dbias) launch_each(context, s.channels, ParameterBody<T>{a, totals});
  if (!a.dx || a.x.size == 0) return;
  launch_rows(context, s.parts * s.groups, s.width(),
              MeansBody<T>{a, totals, 1 / (double(s.rows) * double(s.width()))});
  is_plain(a.activation) ? gradients<true>(context, a) : gradients<false>(context, a);
}

#define WXB_FLOAT(T)                                                   \
  template void channel_norm_forward(const ChannelNorm<T>&, Context&); \
  template void channel_norm_backward(const ChannelNormBackward<T>&, Context&);
WXB_FLOAT(float)
WXB_FLOAT(double)

}  // namespace wxb::cuda
