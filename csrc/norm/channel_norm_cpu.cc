#include <algorithm>
#include <cmath>

#include "core/isa.h"
#include "core/parallel_sum.h"
#include "core/streams.h"
#include "norm/channel_norm_table.h"

namespace wxb {

WXB_ROOM(ChannelNormTable<float>, channel_norm_float)

namespace ref {
extern const ChannelNormTable<double> channel_norm_double;
}

namespace cpu {

namespace {

template <class T>
const ChannelNormTable<T>& table() {
  if constexpr (std::is_same_v<T, float>)
    return channel_norm_float();
  else
    return ref::channel_norm_double;
}

// A task has at least so many rows, so that its sums cost little beside them, and so many elements, and there are at
// most so many tasks in a part, whose sums are added up when all are done.
constexpr int64_t least_rows = 32, least_elements = 16384, most_tasks = 64;

int64_t rows_in_task(const Parts& s) {
  return std::max({least_rows, least_elements / s.channels, (s.rows + most_tasks - 1) / most_tasks});
}

// body(part, task, first row of all, rows)
template <class Body>
void by_task(const Parts& s, Body body) {
  const int64_t tasks = channel_norm_tasks(s), taken = rows_in_task(s);
  parallel(s.parts * tasks, [&](int64_t i) {
    const int64_t part = i / tasks, task = i % tasks, begin = task * taken;
    body(part, task, part * s.rows + begin, std::min(taken, s.rows - begin));
  });
}

// The workspace: the sums of each task of a part, then those of the part, each (2, channels).
double* sums_of(double* workspace, const Parts& s, int64_t part, int64_t task) {
  return workspace + (part * (channel_norm_tasks(s) + 1) + task) * 2 * s.channels;
}

double* totals_of(double* workspace, const Parts& s, int64_t part) {
  return sums_of(workspace, s, part, channel_norm_tasks(s));
}

void add_up(double* workspace, const Parts& s) {
  for (int64_t part = 0; part < s.parts; ++part)
    add_rows(sums_of(workspace, s, part, 0), channel_norm_tasks(s), 2 * s.channels, totals_of(workspace, s, part));
}

template <class T>
Channels<T> channels_of(T* saved, const Parts& s, int64_t part) {
  const auto of = [&](Saved kind) { return saved + (int64_t(kind) * s.parts + part) * s.channels; };
  return {of(Saved::origin), of(Saved::centre), of(Saved::rstd), of(Saved::scale), of(Saved::shift)};
}

template <class T>
ChannelRows<T> rows_of(const Channels<const T>& c, const Parts& s, int64_t rows, Unary activation, T alpha) {
  return {rows, s.channels, c.origin, c.centre, c.scale, c.shift, activation, alpha};
}

// Past the caches where the result is larger than they are and its rows keep the alignment of vectors.
template <class T>
bool streams(const Out<T>& y, const Parts& s) {
  return y.size >= streamed_from && s.channels % 16 == 0 && uintptr_t(y.data) % 64 == 0;
}

// ---- forward ----

struct Moments {
  double mean, var;
};

// Of a group of channels from their sums of d and d^2, d = x - origin of the channel.
template <class T>
Moments moments(const Parts& s, const T* origin, const double* sums) {
  const double n = double(s.rows), width = double(s.width());
  const double* const squares = sums + s.channels;
  double mean = 0, square = 0;
  for (int64_t j = 0; j < s.width(); ++j) mean += (double(origin[j]) - double(origin[0])) + sums[j] / n;
  mean /= width;
  for (int64_t j = 0; j < s.width(); ++j) {
    const double apart = (double(origin[j]) - double(origin[0])) - mean;  // d + apart = x - mean
    square += squares[j] / n + apart * (2 * sums[j] / n + apart);
  }
  const double var = square / width;
  return {mean, var < 0 ? 0 : var};
}

template <class T>
void track(const ChannelNorm<T>& a, int64_t j, double momentum, const Moments& m, double origin) {
  const double n = double(a.size.rows), unbiased = m.var * (n / (n - 1));
  T &mean = a.running_mean.data[j], &var = a.running_var.data[j];
  mean = T(double(mean) + momentum * (origin + m.mean - double(mean)));
  var = T(double(var) + momentum * (unbiased - double(var)));
}

template <class T>
void fit(const ChannelNorm<T>& a, const Channels<T>& c, const double* sums, double momentum) {
  const int64_t width = a.size.width();
  for (int64_t first = 0; first < a.size.channels; first += width) {
    const Moments m = moments(a.size, c.origin + first, sums + first);
    if (momentum > 0) track(a, first, momentum, m, double(c.origin[first]));
    const T origin = c.origin[first];
    for (int64_t j = first; j < first + width; ++j)
      c.origin[j] = origin, c.centre[j] = T(m.mean), c.rstd[j] = T(1 / std::sqrt(m.var + a.eps));
  }
}

template <class T>
void take_statistics(const ChannelNorm<T>& a, double momentum) {
  const Parts& s = a.size;
  double* const workspace = a.workspace.data;
  const auto origin_of = [&](int64_t part) { return channels_of(a.saved.data, s, part).origin; };
  for (int64_t part = 0; part < s.parts; ++part)
    std::copy_n(a.x.data + part * s.rows * s.channels, s.channels, origin_of(part));
  by_task(s, [&](int64_t part, int64_t task, int64_t first, int64_t rows) {
    const ChannelRows<T> piece{rows, s.channels, origin_of(part), nullptr, nullptr, nullptr};
    double* const sums = sums_of(workspace, s, part, task);
    std::fill_n(sums, 2 * s.channels, 0.0);
    table<T>().statistics(piece, a.x.data + first * s.channels, sums, sums + s.channels);
  });
  add_up(workspace, s);
  for (int64_t part = 0; part < s.parts; ++part)
    fit(a, channels_of(a.saved.data, s, part), totals_of(workspace, s, part), momentum);
}

template <class T>
void use_running(const ChannelNorm<T>& a) {
  const Channels<T> c = channels_of(a.saved.data, a.size, 0);
  for (int64_t j = 0; j < a.size.channels; ++j) {
    c.origin[j] = a.running_mean.data[j], c.centre[j] = 0;
    c.rstd[j] = T(1 / std::sqrt(double(a.running_var.data[j]) + a.eps));
  }
}

template <class T>
double momentum_of(const ChannelNorm<T>& a, const Context& context) {
  if (!a.running_mean || context.bad()) return 0;
  const int64_t batches = a.batches ? ++a.batches.data[0] : 1;
  return a.cumulative ? 1.0 / double(std::max<int64_t>(batches, 1)) : a.momentum;
}

}  // namespace

int64_t channel_norm_tasks(const Parts& s) {
  return s.channels == 0 ? 0 : (s.rows + rows_in_task(s) - 1) / rows_in_task(s);
}

template <class T>
void channel_norm_forward(const ChannelNorm<T>& a, Context& context) {
  const Parts& s = a.size;
  const double momentum = a.training ? momentum_of(a, context) : 0;
  if (!a.training) use_running(a);
  if (a.x.size == 0) {
    if (a.training) std::fill_n(a.saved.data, a.saved.size, T(0));
    return;
  }
  if (a.training) take_statistics(a, momentum);
  for (int64_t part = 0; part < s.parts; ++part) {
    const Channels<T> c = channels_of(a.saved.data, s, part);
    for (int64_t j = 0; j < s.channels; ++j) {
      c.scale[j] = a.weight ? a.weight.data[j] * c.rstd[j] : c.rstd[j];
      c.shift[j] = a.bias ? a.bias.data[j] : T(0);
    }
  }
  by_task(s, [&](int64_t part, int64_t, int64_t first, int64_t rows) {
    const auto c = channels_of<const T>(a.saved.data, s, part);
    const int64_t at = first * s.channels;
    table<T>().normalise(rows_of(c, s, rows, a.activation, a.alpha), a.x.data + at, a.y.data + at, streams(a.y, s));
  });
}

// ---- backward ----

namespace {

// dweight and dbias from the parts' sums of g and g d.
template <class T>
void parameter_gradients(const ChannelNormBackward<T>& a) {
  const Parts& s = a.size;
  for (int64_t j = 0; j < s.channels; ++j) {
    double weight = 0, bias = 0;
    for (int64_t part = 0; part < s.parts; ++part) {
      const double* const sums = totals_of(a.workspace.data, s, part);
      bias += sums[j];
      weight += sums[s.channels + j] * double(channels_of(a.saved.data, s, part).rstd[j]);
    }
    if (a.dweight) a.dweight.data[j] = T(weight);
    if (a.dbias) a.dbias.data[j] = T(bias);
  }
}

// dx = g scale - (mean + d slope): mean = rstd mean(h), slope = rstd^2 mean(h z).
template <class T>
void means_of(const ChannelNormBackward<T>& a, int64_t part, T* mean, T* slope) {
  const Parts& s = a.size;
  const int64_t width = s.width();
  const auto c = channels_of(a.saved.data, s, part);
  const double *const sums = totals_of(a.workspace.data, s, part), n = double(s.rows) * double(width);
  for (int64_t first = 0; first < s.channels; first += width) {
    double h = 0, hd = 0;
    for (int64_t j = first; j < first + width; ++j) {
      const double weight = a.weight ? double(a.weight.data[j]) : 1;
      h += weight * sums[j], hd += weight * sums[s.channels + j];
    }
    const double rstd = double(c.rstd[first]);
    std::fill_n(mean + first, width, T(rstd * h / n));
    std::fill_n(slope + first, width, T(rstd * rstd * rstd * hd / n));
  }
}

}  // namespace

template <class T>
void channel_norm_backward(const ChannelNormBackward<T>& a, Context&) {
  const Parts& s = a.size;
  if (s.channels == 0) return;
  const T* const saved = a.saved.data;
  by_task(s, [&](int64_t part, int64_t task, int64_t first, int64_t rows) {
    const auto c = channels_of(saved, s, part);
    const int64_t at = first * s.channels;
    double* const sums = sums_of(a.workspace.data, s, part, task);
    std::fill_n(sums, 2 * s.channels, 0.0);
    table<T>().dots(rows_of(c, s, rows, a.activation, a.alpha), a.x.data + at, a.dy.data + at,
                    a.dx ? a.dx.data + at : nullptr, sums, sums + s.channels);
  });
  add_up(a.workspace.data, s);
  parameter_gradients(a);
  if (!a.dx || a.x.size == 0) return;
  T* const means = a.means.data;
  if (!a.training) std::fill_n(means, a.means.size, T(0));
  const auto mean_of = [&](int64_t part) { return means + part * s.channels; };
  const auto slope_of = [&](int64_t part) { return means + (s.parts + part) * s.channels; };
  for (int64_t part = 0; a.training && part < s.parts; ++part) means_of(a, part, mean_of(part), slope_of(part));
  by_task(s, [&](int64_t part, int64_t, int64_t first, int64_t rows) {
    const auto c = channels_of(saved, s, part);
    const int64_t at = first * s.channels;
    auto piece = rows_of(c, s, rows, a.activation, a.alpha);
    const T* g = a.dy.data;
    if (!piece.in_registers()) g = a.dx.data, piece.activation = Unary::none;  // dots wrote dy act' there
    table<T>().gradient(piece, a.x.data + at, g + at, mean_of(part), slope_of(part), a.dx.data + at, streams(a.dx, s));
  });
}

#define WXB_FLOAT(T)                                                   \
  template void channel_norm_forward(const ChannelNorm<T>&, Context&); \
  template void channel_norm_backward(const ChannelNormBackward<T>&, Context&);
WXB_FLOAT(float)
WXB_FLOAT(double)

}  // namespace cpu
}  // namespace wxb
