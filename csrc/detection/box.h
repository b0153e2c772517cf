#pragma once
#include "core/scalar.h"
#include "detection/boxes.h"

// Boxes in double, for CPU and CUDA: what they share, the gradient of a loss, the bell of an object.
namespace wxb {

struct Box {
  double x1, y1, x2, y2;

  template <class T>
  HD static Box of(const T* p) {
    const double a = double(p[0]), b = double(p[1]), c = double(p[2]), d = double(p[3]);
    return {c < a ? c : a, d < b ? d : b, c < a ? a : c, d < b ? b : d};
  }
  HD double area() const { return (x2 - x1) * (y2 - y1); }
  HD bool is_number() const { return x1 == x1 && y1 == y1 && x2 == x2 && y2 == y2; }
};

HD double ratio(double a, double b) { return b == 0 ? 0.0 : a / b; }

// Two boxes: the sides of what they share and of the box around both, and the areas.
struct Pair {
  double shared_x, shared_y, around_x, around_y, intersection, either, hull;

  HD Pair(const Box& p, const Box& t)
      : shared_x(min(p.x2, t.x2) - max(p.x1, t.x1)),
        shared_y(min(p.y2, t.y2) - max(p.y1, t.y1)),
        around_x(max(p.x2, t.x2) - min(p.x1, t.x1)),
        around_y(max(p.y2, t.y2) - min(p.y1, t.y1)),
        intersection(overlap() ? shared_x * shared_y : 0.0),
        either(p.area() + t.area() - intersection),
        hull(around_x * around_y) {}
  HD bool overlap() const { return shared_x > 0 && shared_y > 0; }
  HD double iou() const { return ratio(intersection, either); }
  HD double giou() const { return iou() - ratio(hull - either, hull); }
};

// The derivatives of the loss of box p by its corners, x1 y1 x2 y2: with I, U, H the areas and A that of p,
// d(I / U) = (dI U - I dU) / U^2, dU = dA - dI, and giou = I / U + U / H - 1.
HD void gradient(const Box& p, const Box& t, BoxLoss op, double scale, double (&d)[4]) {
  const Pair pair(p, t);
  const double u = pair.either, h = pair.hull, width = p.x2 - p.x1, height = p.y2 - p.y1;
  const bool both = pair.overlap();
  const double area[4] = {-height, -width, height, width};
  const double shared[4] = {both && p.x1 > t.x1 ? -pair.shared_y : 0.0, both && p.y1 > t.y1 ? -pair.shared_x : 0.0,
                            both && p.x2 < t.x2 ? pair.shared_y : 0.0, both && p.y2 < t.y2 ? pair.shared_x : 0.0};
  const double around[4] = {p.x1 < t.x1 ? -pair.around_y : 0.0, p.y1 < t.y1 ? -pair.around_x : 0.0,
                            p.x2 > t.x2 ? pair.around_y : 0.0, p.y2 > t.y2 ? pair.around_x : 0.0};
  for (int k = 0; k < 4; ++k) {
    const double du = area[k] - shared[k];
    double gained = ratio(shared[k] * u - pair.intersection * du, u * u);
    if (op == BoxLoss::giou) gained += ratio(du * h - u * around[k], h * h);
    d[k] = -scale * gained;
  }
}

template <class Args>
HD double weight_of(const Args& a, int64_t row) {
  return a.weight ? double(a.weight.data[row]) : 1.0;
}

// What a row adds to the sum of losses, but its weight, which is not 0.
template <class T>
HD double loss_of(const BoxLosses<T>& a, int64_t row) {
  const Pair pair(Box::of(a.prediction.data + 4 * row), Box::of(a.target.data + 4 * row));
  return 1 - (a.op == BoxLoss::giou ? pair.giou() : pair.iou());
}

// dprediction of a row; scale = dy / total
template <class T>
HD void box_gradient(const BoxLossesBackward<T>& a, double scale, int64_t row) {
  const T* const p = a.prediction.data + 4 * row;
  T* const to = a.dprediction.data + 4 * row;
  double d[4] = {};
  if (const double w = weight_of(a, row); w != 0)
    gradient(Box::of(p), Box::of(a.target.data + 4 * row), a.op, scale * w, d);
  const bool x = p[2] < p[0], y = p[3] < p[1];  // the corners were exchanged, so are theirs
  to[0] = T(x ? d[2] : d[0]), to[2] = T(x ? d[0] : d[2]);
  to[1] = T(y ? d[3] : d[1]), to[3] = T(y ? d[1] : d[3]);
}

// Where an object's bell stands along one axis: its centre's cell, how far it reaches, and the cells within the grid.
struct Bell {
  int64_t centre, first, last;
  double spread;  // 2 s^2

  HD Bell(double low, double high, int64_t cells, double stride, double share) {
    const double middle = ::floor((low / 2 + high / 2) / stride), most = double(cells);
    const double reach = min(::floor(share * (high - low) / (2 * stride)), most);
    centre = int64_t(min(max(middle, 0.0), most - 1));
    first = centre - int64_t(reach), last = centre + int64_t(reach);
    if (first < 0) first = 0;
    if (last > cells - 1) last = cells - 1;
    const double s = (2 * reach + 1) / 6;
    spread = 2 * s * s;
  }
  HD bool reaches(int64_t cell) const { return cell >= first && cell <= last; }
  HD double at(int64_t cell) const {
    const double d = double(cell - centre);
    return exp(-d * d / spread);
  }
  HD double sum() const {
    double total = 0;
    for (int64_t cell = first; cell <= last; ++cell) total += at(cell);
    return total;
  }
};

// Both bells of an object, and what it says of a cell (i, j) in its reach, number `cell` of the batch.
struct Bells {
  Box box;
  Bell down, along;
  template <class T>
  HD Bells(const CenterTargets<T>& a, const Box& b)
      : box(b), down(b.y1, b.y2, a.height, a.stride, a.spread), along(b.x1, b.x2, a.width, a.stride, a.spread) {}
  HD double all() const { return down.sum() * along.sum(); }

  template <class T, class All>
  HD void place(const CenterTargets<T>& a, int64_t cell, int64_t i, int64_t j, int64_t label, All all_of) const {
    const double g = down.at(i) * along.at(j);
    T& heat = a.heat.data[cell * a.classes + label];
    heat = max(heat, T(g));
    T *const mine = a.box.data + 4 * cell, &weight = a.weight.data[cell];
    if (weight != 0 && Box::of(mine).area() <= box.area()) return;
    weight = T(g / all_of());
    const double x = (double(j) + 0.5) * a.stride, y = (double(i) + 0.5) * a.stride;
    mine[0] = T(box.x1 - x), mine[1] = T(box.y1 - y), mine[2] = T(box.x2 - x), mine[3] = T(box.y2 - y);
  }
};

// Whether an object counts and what is wrong with it: bad_index, non_finite, or nothing.
enum class Object : int { none, good, bad_class, not_finite };
template <class T>
HD Object kind_of(const CenterTargets<T>& a, const T* object) {
  const double label = double(object[4]), area = Box::of(object).area();
  if (label == -1) return Object::none;
  if (!(area - area == 0) || !(label - label == 0)) return Object::not_finite;
  return label < 0 || label >= double(a.classes) || label != ::floor(label) ? Object::bad_class : Object::good;
}

}  // namespace wxb
