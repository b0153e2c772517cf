#pragma once
#include "core/context.h"
#include "core/operands.h"

// Boxes (x1, y1, x2, y2): what lies between two corners, whichever is given first. But for box_iou's rows in float32
// they are compared in double.

// op of a loss between boxes
#define WXB_BOX_LOSS(X) X(iou) X(giou)

namespace wxb {

#define WXB_NAME(name) name,
enum class BoxLoss : int { WXB_BOX_LOSS(WXB_NAME) };
#undef WXB_NAME

// y_ij = |a_i and b_j| / |a_i or b_j|, 0 where neither has an area.  a (rows, 4), b (columns, 4), y (rows, columns)
template <class T>
struct BoxIou {
  In<T> a, b;
  Out<T> y;
  int64_t rows, columns;
  void operands(const Operands& f) const { f(a), f(b), f(y); }
  double work() const { return 20.0 * double(y.size); }
};

// Of each picture's boxes, from the highest score down (of equal ones the first), one is kept unless its IoU with one
// that is kept already, of the same class, is above the threshold. kept (batch, count): their numbers in that order,
// then -1. Those with NaN as score or corner are not kept.
//   boxes (batch, count, 4), scores (batch, count), classes (batch, count) or absent: all one class
template <class T>
struct Nms {
  In<T> boxes, scores;
  In<int64_t> classes;
  Out<int64_t> kept;
  int64_t batch, count;
  double threshold;
  void operands(const Operands& f) const { f(boxes), f(scores), f(classes), f(kept); }
  double work() const { return 20.0 * double(kept.size) * double(count); }
};

// loss = sum_i w_i (1 - f(p_i, t_i)) / total, total = sum_i w_i, 0 where that is 0, of
//   iou:   f = I / U                      I, U, H the areas of intersection, union and smallest box around both;
//   giou:  f = I / U - (H - U) / H        0 / 0 is 0
// Rows of weight 0 do not count, whatever they hold.  prediction, target (rows, 4), weight (rows) 1 where absent
template <class T>
struct BoxLosses {
  In<T> prediction, target, weight;
  Out<T> loss, total;
  int64_t rows;
  BoxLoss op;
  void operands(const Operands& f) const { f(prediction), f(target), f(weight), f(loss), f(total); }
  double work() const { return 40.0 * double(rows); }
};

template <class T>
struct BoxLossesBackward {
  In<T> prediction, target, weight, total, dy;
  Out<T> dprediction;
  int64_t rows;
  BoxLoss op;
  void operands(const Operands& f) const { f(prediction), f(target), f(weight), f(total), f(dy), f(dprediction); }
  double work() const { return 60.0 * double(rows); }
};

// What a detector by centres is to say of pictures: cell (i, j) stands at y, x = ((i, j) + 1/2) stride.
//   objects (batch, most, 5): x1, y1, x2, y2, class; those of class -1 do not count
//   heat (batch, height, width, classes): the largest g of the objects of each class
//   box (batch, height, width, 4): corners less the cell's place, of the object that the cell lies in
//   weight (batch, height, width): its g over the sum of g in all its cells; 0 and a box of zeros where there is none
// g = exp(-di^2 / 2 si^2 - dj^2 / 2 sj^2) with di, dj the distance from the cell that holds the object's centre, up to
// reach = floor(spread size / 2 stride), and s = (2 reach + 1) / 6. Where objects overlap the smallest has the cell, of
// equal ones the first.  Zhou, Wang, Kraehenbuehl 2019 (arXiv 1904.07850), Liu et al. 2019 (arXiv 1909.00700)
template <class T>
struct CenterTargets {
  In<T> objects;
  Out<T> heat, box, weight;
  int64_t batch, most, height, width, classes;
  double stride, spread;
  void operands(const Operands& f) const { f(objects), f(heat), f(box), f(weight); }
  double work() const { return double(heat.size + box.size + weight.size); }
};

namespace BACKEND {
template <class T>
void box_iou(const BoxIou<T>&, Context&);
template <class T>
void nms(const Nms<T>&, Context&);
template <class T>
void box_loss_forward(const BoxLosses<T>&, Context&);
template <class T>
void box_loss_backward(const BoxLossesBackward<T>&, Context&);
template <class T>
void center_targets(const CenterTargets<T>&, Context&);
}  // namespace BACKEND

}  // namespace wxb
