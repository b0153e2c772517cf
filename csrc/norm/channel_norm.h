#pragma once
#include "core/context.h"
#include "core/hd.h"
#include "core/operands.h"
#include "elementwise/elementwise.h"

// Normalisation of groups of channels over the rows of each part of an array (parts, rows, channels): batch_norm is
// one part and a channel a group, group_norm a part for each sample.

namespace wxb {

// What forward leaves of each part's channels, an array (5, parts, channels): x less origin less centre is x less the
// mean. Origin is an element of x and centre lies within the spread, so a large mean costs no digits.
enum class Saved { origin, centre, rstd, scale, shift };  // scale = weight rstd, shift = bias
constexpr int64_t saved_kinds = 5;

template <class T>
struct Channels {  // of one part
  T *origin, *centre, *rstd, *scale, *shift;
};

struct Parts {
  int64_t parts, rows, channels, groups;
  HD int64_t width() const { return channels / groups; }  // channels of a group
};

// y = act((x - mean) rstd weight + bias), rstd = 1 / sqrt(var + eps), with mean and biased var of a part's group.
// Ioffe, Szegedy 2015; Wu, He 2018. With `running`, of one part and a channel a group:
//   running_mean += momentum (mean - running_mean), likewise running_var with the unbiased var, batches += 1;
// momentum is 1 / batches where `cumulative`. Nothing of this is written once an error is reported.
// Without `training` mean and var are the running ones.
template <class T>
struct ChannelNorm {
  In<T> x, weight, bias;
  InOut<T> running_mean, running_var;
  InOut<int64_t> batches;
  Out<T> y, saved;
  Out<double> workspace;  // (parts, channel_norm_tasks + 1, 2, channels)
  Parts size;
  double momentum, eps;
  bool training, cumulative;
  Unary activation;
  T alpha;
  void operands(const Operands& f) const {
    f(x), f(weight), f(bias), f(running_mean), f(running_var), f(batches), f(y), f(saved), f(workspace);
  }
  double work() const { return 8.0 * double(x.size); }
};

// With z = (x - mean) rstd, g = dy act', h = g weight, each mean over a part's group:
//   dx = rstd (h - mean(h) - z mean(h z)), without the means where not `training`;
//   dweight = sum of g z, dbias = sum of g. Each is written, or skipped when absent. What act' is taken of is computed
// again from x, so that forward keeps nothing between the norm and the activation. dx must not overlap dy.
template <class T>
struct ChannelNormBackward {
  In<T> x, weight, saved, dy;
  Out<T> dx, dweight, dbias;
  Out<T> means;           // (2, parts, channels)
  Out<double> workspace;  // as that of ChannelNorm
  Parts size;
  bool training;
  Unary activation;
  T alpha;
  void operands(const Operands& f) const {
    f(x), f(weight), f(saved), f(dy), f(dx), f(dweight), f(dbias), f(means), f(workspace);
  }
  double work() const { return 12.0 * double(x.size); }
};

namespace BACKEND {
template <class T>
void channel_norm_forward(const ChannelNorm<T>&, Context&);
template <class T>
void channel_norm_backward(const ChannelNormBackward<T>&, Context&);
int64_t channel_norm_tasks(const Parts&);  // of each part
}  // namespace BACKEND

}  // namespace wxb
