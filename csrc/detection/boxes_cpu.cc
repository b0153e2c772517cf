#include <algorithm>

#include "core/isa.h"
#include "core/parallel_sum.h"
#include "detection/box.h"
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

}  // namespace

template <class T>
void box_loss_forward(const BoxLosses<T>& a, Context&) {
  const Totals total = parallel_sum(a.rows, range, [&](int64_t begin, int64_t end) {
    Totals t;
    for (int64_t row = begin; row < end; ++row) {
      const double w = weight_of(a, row);
      if (w != 0) t += {w * loss_of(a, row), w};
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
    for (int64_t row = task * range; row < std::min(a.rows, (task + 1) * range); ++row) box_gradient(a, scale, row);
  });
}

namespace {

template <class T>
void place(const CenterTargets<T>& a, int64_t n, const T* object) {
  const Bells bells(a, Box::of(object));
  const double all = bells.all();
  for (int64_t i = bells.down.first; i <= bells.down.last; ++i)
    for (int64_t j = bells.along.first; j <= bells.along.last; ++j)
      bells.place(a, (n * a.height + i) * a.width + j, i, j, int64_t(object[4]), [=] { return all; });
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
      switch (kind_of(a, object)) {
        case Object::good: place(a, n, object); break;
        case Object::bad_class: context.report(Code::bad_index, uint64_t(position)); break;
        case Object::not_finite: context.report(Code::non_finite, uint64_t(position)); break;
        case Object::none: break;
      }
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
