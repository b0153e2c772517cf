#pragma once
#include "core/context.h"
#include "core/operands.h"

// Losses of many places of which few show something, so that the many easy ones do not outweigh them.

// op, functor
#define WXB_FOCAL(X) X(sigmoid, SigmoidFocal) X(heatmap, HeatmapFocal)

namespace wxb {

#define WXB_NAME(name, _) name,
enum class Focal : int { WXB_FOCAL(WXB_NAME) };
#undef WXB_NAME

// loss = sum_i (a_i (1 - p_i)^gamma (-log p_i) + b_i p_i^gamma (-log(1 - p_i))) / total, p the logistic function of x,
// total the number of targets t_i that are 1, at least 1:
//   sigmoid:  a = shape t, b = (1 - shape) (1 - t), shape alpha    Lin et al. 2017, arXiv 1708.02002
//   heatmap:  a = [t = 1], b = (1 - t)^shape, shape beta           Zhou, Wang, Kraehenbuehl 2019, arXiv 1904.07850
// workspace (focal_workspace(n)): scratch of a backend that adds up in two launches.
template <class T>
struct FocalLoss {
  In<T> x, target;
  Out<T> loss, total;
  Out<double> workspace;
  Focal op;
  T gamma, shape;
  void operands(const Operands& f) const { f(x), f(target), f(loss), f(total), f(workspace); }
  double work() const { return 80.0 * double(x.size); }
};

// dx = dy / total (b p^gamma (p + gamma (1 - p) (-log(1 - p))) - a (1 - p)^gamma (1 - p + gamma p (-log p)))
template <class T>
struct FocalLossBackward {
  In<T> x, target, total, dy;
  Out<T> dx;
  Focal op;
  T gamma, shape;
  void operands(const Operands& f) const { f(x), f(target), f(total), f(dy), f(dx); }
  double work() const { return 80.0 * double(x.size); }
};

namespace BACKEND {
template <class T>
void focal_loss_forward(const FocalLoss<T>&, Context&);
template <class T>
void focal_loss_backward(const FocalLossBackward<T>&, Context&);
int64_t focal_workspace(int64_t size);
}  // namespace BACKEND

}  // namespace wxb
