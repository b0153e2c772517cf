#include <algorithm>
#include <cmath>

#include "core/isa.h"
#include "core/parallel_sum.h"
#include "detection/boxes_table.h"

namespace wxb {

WXB_ROOM(BoxTable<float>, boxes_float)

namespace ref {
extern const BoxTable<double> boxes_double;
}

namespace cpu {

namespace {

template <class T>
const BoxTable<T>& table() {
  if constexpr (std::is_same_v<T, float>)
    return boxes_float();
  else
    return ref::boxes_double;
}

struct Box {
  double x1, y1, x2, y2;

  template <class T>
  static Box of(const T* p) {
    const double a = double(p[0]), b = double(p[1]), c = double(p[2]), d = double(p[3]);
    return {c < a ? c : a, d < b ? d : b, c < a ? a : c, d < b ? b : d};
  }
  double area() const { return (x2 - x1) * (y2 - y1); }
  bool is_number() const { return x1 == x1 && y1 == y1 && x2 == x2 && y2 == y2; }
};

double ratio(double a, double b) { return b == 0 ? 0.0 : a / b; }

// Two boxes: the sides of what they share and of the box around both, and the areas.
struct Pair {
  double shared_x, shared_y, around_x, around_y, intersection, either, hull;

  Pair(const Box& p, const Box& t)
      : shared_x(std::min(p.x2, t.x2) - std::max(p.x1, t.x1)),
        shared_y(std::min(p.y2, t.y2) - std::max(p.y1, t.y1)),
        around_x(std::max(p.x2, t.x2) - std::min(p.x1, t.x1)),
        around_y(std::max(p.y2, t.y2) - std::min(p.y1, t.y1)),
        intersection(overlap() ? shared_x * shared_y : 0.0),
        either(p.area() + t.area() - intersection),
        hull(around_x * around_y) {}
  bool overlap() const { return shared_x > 0 && shared_y > 0; }
  double iou() const { return ratio(intersection, either); }
  double giou() const { return iou() - ratio(hull - either, hull); }
};

}  // namespace

template <class T>
void box_iou(const BoxIou<T>& a, Context&) {
  constexpr int64_t tall = 64;  // rows of a task: 16,384 pairs, some 20 us
  const int64_t across = (a.columns + box_columns - 1) / box_columns, down = (a.rows + tall - 1) / tall;
  parallel(across * down, [&](int64_t task) {
    const int64_t row = task / across * tall, column = task % across * box_columns;
    table<T>().iou(a, row, std::min(a.rows, row + tall), column, std::min(box_columns, a.columns - column));
  });
}

template <class T>
void nms(const Nms<T>& a, Context&) {
  parallel(a.batch, [&](int64_t n) {
    const T *boxes = a.boxes.data + 4 * a.count * n, *scores = a.scores.data + a.count * n;
    const int64_t* const classes = a.classes ? a.classes.data + a.count * n : nullptr;
    int64_t* const kept = a.kept.data + a.count * n;  // first all candidates, of which the kept ones move to the front
    int64_t candidates = 0, count = 0;
    for (int64_t i = 0; i < a.count; ++i)
      if (scores[i] == scores[i] && Box::of(boxes + 4 * i).is_number()) kept[candidates++] = i;
    std::sort(kept, kept + candidates,
              [scores](int64_t i, int64_t j) { return scores[i] > scores[j] || (scores[i] == scores[j] && i < j); });
    for (int64_t c = 0; c < candidates; ++c) {
      const int64_t mine = kept[c];
      const Box box = Box::of(boxes + 4 * mine);
      const bool free = std::none_of(kept, kept + count, [&](int64_t other) {
        if (classes && classes[other] != classes[mine]) return false;
        return Pair(Box::of(boxes + 4 * other), box).iou() > a.threshold;
      });
      if (free) kept[count++] = mine;
    }
    std::fill(kept + count, kept + a.count, int64_t{-1});
  });
}

namespace {

constexpr int64_t range = 4096;  // rows that are worth a task

struct Totals {
  double loss = 0, weight = 0;
  void operator+=(const Totals& b) { loss += b.loss, weight += b.weight; }
};

template <class Args>
double weight_of(const Args& a, int64_t row) {
  return a.weight ? double(a.weight.data[row]) : 1.0;
}

// The derivatives of the loss of box p by its corners, x1 y1 x2 y2: with I, U, H the areas and A that of p,
// d(I / U) = (dI U - I dU) / U^2, dU = dA - dI, and giou = I / U + U / H - 1.
void gradient(const Box& p, const Box& t, BoxLoss op, double scale, double* d) {
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

}  // namespace

template <class T>
void box_loss_forward(const BoxLosses<T>& a, Context&) {
  const Totals total = parallel_sum(a.rows, range, [&](int64_t begin, int64_t end) {
    Totals t;
    for (int64_t row = begin; row < end; ++row) {
      const double w = weight_of(a, row);
      if (w == 0) continue;
      const Pair pair(Box::of(a.prediction.data + 4 * row), Box::of(a.target.data + 4 * row));
      t += {w * (1 - (a.op == BoxLoss::giou ? pair.giou() : pair.iou())), w};
    }
    return t;
  });
  a.total.data[0] = T(total.weight);
  a.loss.data[0] = T(ratio(total.loss, total.weight));
}

template <class T>
void box_loss_backward(const BoxLossesBackward<T>& a, Context&) {
  const double scale = ratio(double(a.dy.data[0]), double(a.total.data[0]));
  parallel((a.rows + range - 1) / range, [&](int64_t task) {
    for (int64_t row = task * range; row < std::min(a.rows, (task + 1) * range); ++row) {
      const T* const p = a.prediction.data + 4 * row;
      double d[4] = {};
      if (const double w = weight_of(a, row); w != 0)
        gradient(Box::of(p), Box::of(a.target.data + 4 * row), a.op, scale * w, d);
      if (p[2] < p[0]) std::swap(d[0], d[2]);  // the corners were exchanged, so are theirs
      if (p[3] < p[1]) std::swap(d[1], d[3]);
      for (int k = 0; k < 4; ++k) a.dprediction.data[4 * row + k] = T(d[k]);
    }
  });
}

namespace {

// Where an object's bell stands along one axis: its centre's cell, how far it reaches, and the cells within the grid.
struct Bell {
  int64_t centre, first, last;
  double spread;  // 2 s^2

  Bell(double low, double high, int64_t cells, double stride, double share) {
    const double middle = std::floor((low / 2 + high / 2) / stride), most = double(cells);
    const double reach = std::min(std::floor(share * (high - low) / (2 * stride)), most);
    centre = int64_t(std::clamp(middle, 0.0, most - 1));
    first = std::max<int64_t>(0, centre - int64_t(reach));
    last = std::min(cells - 1, centre + int64_t(reach));
    const double s = (2 * reach + 1) / 6;
    spread = 2 * s * s;
  }
  double at(int64_t cell) const {
    const double d = double(cell - centre);
    return std::exp(-d * d / spread);
  }
  double sum() const {
    double total = 0;
    for (int64_t cell = first; cell <= last; ++cell) total += at(cell);
    return total;
  }
};

template <class T>
void place(const CenterTargets<T>& a, int64_t n, const Box& box, int64_t label) {
  const Bell down(box.y1, box.y2, a.height, a.stride, a.spread), along(box.x1, box.x2, a.width, a.stride, a.spread);
  const double all = down.sum() * along.sum();
  for (int64_t i = down.first; i <= down.last; ++i)
    for (int64_t j = along.first; j <= along.last; ++j) {
      const int64_t cell = (n * a.height + i) * a.width + j;
      const double g = down.at(i) * along.at(j);
      T& heat = a.heat.data[cell * a.classes + label];
      heat = std::max(heat, T(g));
      T *const mine = a.box.data + 4 * cell, &weight = a.weight.data[cell];
      if (weight != 0 && Box::of(mine).area() <= box.area()) continue;
      weight = T(g / all);
      const double x = (double(j) + 0.5) * a.stride, y = (double(i) + 0.5) * a.stride;
      mine[0] = T(box.x1 - x), mine[1] = T(box.y1 - y), mine[2] = T(box.x2 - x), mine[3] = T(box.y2 - y);
    }
}

}  // namespace

template <class T>
void center_targets(const CenterTargets<T>& a, Context& context) {
  const int64_t cells = a.height * a.width;
  parallel(a.batch, [&](int64_t n) {
    std::fill_n(a.heat.data + n * cells * a.classes, cells * a.classes, T(0));
    std::fill_n(a.box.data + n * cells * 4, cells * 4, T(0));
    std::fill_n(a.weight.data + n * cells, cells, T(0));
    for (int64_t m = 0; m < a.most && cells; ++m) {
      const int64_t position = n * a.most + m;
      const T* const object = a.objects.data + 5 * position;
      const double label = double(object[4]);
      if (label == -1) continue;
      const Box box = Box::of(object);
      if (!std::isfinite(box.area()) || !std::isfinite(label))
        context.report(Code::non_finite, uint64_t(position));
      else if (label < 0 || label >= double(a.classes) || label != std::floor(label))
        context.report(Code::bad_index, uint64_t(position));
      else
        place(a, n, box, int64_t(label));
    }
  });
}

#define WXB_FLOAT(T)                                                      \
  template void box_iou(const BoxIou<T>&, Context&);                      \
  template void nms(const Nms<T>&, Context&);                             \
  template void box_loss_forward(const BoxLosses<T>&, Context&);          \
  template void box_loss_backward(const BoxLossesBackward<T>&, Context&); \
  template void center_targets(const CenterTargets<T>&, Context&);
WXB_FLOAT(float)
WXB_FLOAT(double)

}  // namespace cpu
}  // namespace wxb
