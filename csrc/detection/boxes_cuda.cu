#include "core/rows.cuh"
#include "detection/box.h"
#include "detection/boxes_formulas.h"

namespace wxb::cuda {

namespace {

template <class T>
struct Iou {
  BoxIou<T> a;
  __device__ void operator()(int64_t item) const {
    const int64_t i = item / a.columns, j = item % a.columns;
    a.y.data[item] = iou_value(corners(a.a.data + 4 * i), corners(a.b.data + 4 * j));
  }
};

// ---- non-maximum suppression ----

constexpr int64_t nobody = -1, suppressed = -2;

struct Clear {
  int64_t* kept;
  __device__ void operator()(int64_t i) const { kept[i] = nobody; }
};

// Writes each candidate where it stands among those of its picture.
template <class T>
struct Rank {
  Nms<T> a;
  __device__ bool is_candidate(int64_t i) const {
    return a.scores.data[i] == a.scores.data[i] && Box::of(a.boxes.data + 4 * i).is_number();
  }
  __device__ void operator()(int64_t i) const {
    const int64_t first = i / a.count * a.count;
    const T score = a.scores.data[i];
    if (!is_candidate(i)) return;
    int64_t before = 0;
    for (int64_t j = first; j < first + a.count; ++j) {
      const T other = a.scores.data[j];
      if ((other > score || (other == score && j < i)) && is_candidate(j)) ++before;
    }
    a.kept.data[first + before] = i - first;
  }
};

// A block goes through a picture's candidates; whoever is kept suppresses what comes after. The kept ones move to the
// front, where nobody looks any more.
template <class T>
__global__ void __launch_bounds__(block_threads) suppress(Nms<T> a) {
  for (int64_t n = blockIdx.x; n < a.batch; n += gridDim.x) {
    const T* const boxes = a.boxes.data + 4 * a.count * n;
    const int64_t* const classes = a.classes ? a.classes.data + a.count * n : nullptr;
    int64_t *const kept = a.kept.data + a.count * n, count = 0;
    for (int64_t c = 0; c < a.count; ++c) {
      const int64_t mine = kept[c];
      if (mine == nobody) break;
      if (mine == suppressed) continue;
      const Box box = Box::of(boxes + 4 * mine);
      __syncthreads();  // all have read kept[c]
      if (threadIdx.x == 0) kept[count] = mine;
      ++count;
      for (int64_t k = c + 1 + threadIdx.x; k < a.count && kept[k] != nobody; k += block_threads) {
        const int64_t other = kept[k];
        if (other == suppressed || (classes && classes[other] != classes[mine])) continue;
        if (Pair(box, Box::of(boxes + 4 * other)).iou() > a.threshold) kept[k] = suppressed;
      }
      __syncthreads();
    }
    __syncthreads();
    for (int64_t k = count + threadIdx.x; k < a.count; k += block_threads) kept[k] = nobody;
  }
}

// ---- losses ----

struct Totals {
  double loss, weight;
  HD Totals operator+(const Totals& b) const { return {loss + b.loss, weight + b.weight}; }
};

constexpr int loss_threads = 1024;  // rows are some ten thousand: one block is enough

template <class T>
__global__ void __launch_bounds__(loss_threads) box_loss(BoxLosses<T> a) {
  Totals mine{0, 0};
  for (int64_t row = threadIdx.x; row < a.rows; row += loss_threads)
    if (const double w = weight_of(a, row); w != 0) mine = mine + Totals{w * loss_of(a, row), w};
  const Totals total = reduce_block(mine, Sum());
  if (threadIdx.x > 0) return;
  a.total.data[0] = T(total.weight);
  a.loss.data[0] = T(ratio(total.loss, total.weight));
}

template <class T>
struct LossGradient {
  BoxLossesBackward<T> a;
  __device__ void operator()(int64_t row) const {
    box_gradient(a, ratio(double(a.dy.data[0]), double(a.total.data[0])), row);
  }
};

// ---- targets ----

// A cell of a picture, which looks at the objects in their order.
template <class T>
struct Targets {
  CenterTargets<T> a;
  Status status;

  __device__ void operator()(int64_t cell) const {
    const int64_t cells = a.height * a.width, n = cell / cells, i = cell % cells / a.width, j = cell % a.width;
    for (int64_t c = 0; c < a.classes; ++c) a.heat.data[cell * a.classes + c] = 0;
    for (int k = 0; k < 4; ++k) a.box.data[4 * cell + k] = 0;
    a.weight.data[cell] = 0;
    for (int64_t position = n * a.most; position < (n + 1) * a.most; ++position) {
      const T* const object = a.objects.data + 5 * position;
      const Object kind = kind_of(a, object);
      if (kind == Object::good) {
        const Bells bells(a, Box::of(object));
        if (bells.down.reaches(i) && bells.along.reaches(j))
          bells.place(a, cell, i, j, int64_t(object[4]), [&] { return bells.all(); });
      } else if (cell % cells == 0 && kind != Object::none) {
        report(status, kind == Object::bad_class ? Code::bad_index : Code::non_finite, uint64_t(position));
      }
    }
  }
};

}  // namespace

template <class T>
void box_iou(const BoxIou<T>& a, Context& context) {
  launch_each(context, a.y.size, Iou<T>{a});
}

template <class T>
void nms(const Nms<T>& a, Context& context) {
  launch_each(context, a.kept.size, Clear{a.kept.data});
  launch_each(context, a.kept.size, Rank<T>{a});
  if (a.kept.size) launch_blocks(context, suppress<T>, blocks_for(a.batch, 1), block_threads, 0, a);
}

template <class T>
void box_loss_forward(const BoxLosses<T>& a, Context& context) {
  launch_blocks(context, box_loss<T>, 1, loss_threads, 0, a);
}

template <class T>
void box_loss_backward(const BoxLossesBackward<T>& a, Context& context) {
  launch_each(context, a.rows, LossGradient<T>{a});
}

template <class T>
void center_targets(const CenterTargets<T>& a, Context& context) {
  launch_each(context, a.weight.size, Targets<T>{a, context.status()});
}

#define WXB_FLOAT(T)                                                      \
  template void box_iou(const BoxIou<T>&, Context&);                      \
  template void nms(const Nms<T>&, Context&);                             \
  template void box_loss_forward(const BoxLosses<T>&, Context&);          \
  template void box_loss_backward(const BoxLossesBackward<T>&, Context&); \
  template void center_targets(const CenterTargets<T>&, Context&);
WXB_FLOAT(float)
WXB_FLOAT(double)

}  // namespace wxb::cuda
