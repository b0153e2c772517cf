#include "indexing/strided.h"

#include <algorithm>
#include <cstring>

#include "core/isa.h"
#include "core/parallel.h"
#include "indexing/strided_table.h"

namespace wxb {

WXB_ROOM(StridedTable, strided)

namespace cpu {

namespace {

constexpr int64_t range = 16384;  // elements per task, some 10 us

template <class Body>
void by_range(int64_t count, Body body) {
  parallel((count + range - 1) / range, [&](int64_t task) { body(task * range, std::min(count, (task + 1) * range)); });
}

template <class W>
void pick_rows(const Pick<W>& a) {
  by_range(a.y.size, [&](int64_t begin, int64_t end) {
    for_pieces(a.view, begin, end, [&](int64_t i, int64_t n, int64_t at, int64_t step) {
      const W* x = a.x.data + at;
      W* y = a.y.data + i;
      if (step == 1)
        std::memcpy(y, x, size_t(n) * sizeof(W));
      else if (step == 0)
        std::fill_n(y, n, *x);
      else
        for (int64_t j = 0; j < n; ++j) y[j] = x[j * step];
    });
  });
}

template <class W>
void transpose(const W* x, int64_t x_step, W* y, int64_t y_step, int64_t width, int64_t height) {
  constexpr int64_t line = 64 / sizeof(W);
  for (int64_t j = 0; j < height; j += line)
    for (int64_t i = 0; i < width; ++i)
      for (int64_t k = j; k < std::min(j + line, height); ++k) y[i * y_step + k] = x[k * x_step + i];
}

void transpose(const uint32_t* x, int64_t x_step, uint32_t* y, int64_t y_step, int64_t width, int64_t height) {
  strided().transpose(x, x_step, y, y_step, width, height);
}

// Where x is contiguous along another axis (`along`) than y: matrices to transpose, in blocks that touch few enough
// pages and cache lines of either.
template <class W>
struct Transposition {
  static constexpr int64_t block = 64, strip = 1024;  // a task is a block wide and a strip long

  const Pick<W>& a;
  int64_t width, height;  // along, and of the last axis
  int64_t x_step, y_step;
  View of_x, of_y;  // the other axes
  int64_t blocks, strips;

  Transposition(const Pick<W>& args, int along) : a(args) {
    const View& v = a.view;
    const int last = v.ndim - 1;
    width = v.size[along], height = v.size[last], x_step = v.stride[last];
    blocks = (width + block - 1) / block, strips = (height + strip - 1) / strip;
    int64_t stride[View::most];
    for (int k = last; k >= 0; --k) stride[k] = k == last ? 1 : stride[k + 1] * v.size[k + 1];
    y_step = stride[along];
    of_x.offset = v.offset;
    for (int k = 0; k < last; ++k) {
      if (k == along) continue;
      of_x.size[of_x.ndim] = of_y.size[of_y.ndim] = v.size[k];
      of_x.stride[of_x.ndim++] = v.stride[k], of_y.stride[of_y.ndim++] = stride[k];
    }
  }

  int64_t tasks() const { return of_x.count() * blocks * strips; }

  void run(int64_t task) const {
    const int64_t i = task % blocks * block, j = task / blocks % strips * strip, matrix = task / blocks / strips;
    int64_t x_at = 0, y_at = 0;
    for_pieces(of_x, matrix, matrix + 1, [&](int64_t, int64_t, int64_t at, int64_t) { x_at = at; });
    for_pieces(of_y, matrix, matrix + 1, [&](int64_t, int64_t, int64_t at, int64_t) { y_at = at; });
    const W* const x = a.x.data + x_at + i;
    W* const y = a.y.data + y_at + i * y_step;
    const int64_t end = std::min(j + strip, height);
    for (int64_t k = j; k < end; k += block)
      transpose(x + k * x_step, x_step, y + k, y_step, std::min(block, width - i), std::min(block, end - k));
  }
};

// The axis along which x is contiguous, where that is not the last and long enough.
int contiguous_axis(const View& view) {
  const int last = view.ndim - 1;
  if (last < 1 || view.stride[last] == 1 || view.stride[last] == 0) return -1;
  for (int k = 0; k < last; ++k)
    if (view.stride[k] == 1 && view.size[k] >= 4) return k;
  return -1;
}

}  // namespace

template <class W>
void pick(const Pick<W>& a, Context&) {
  const int along = contiguous_axis(a.view);
  if (along < 0 || !a.y.size) return pick_rows(a);
  const Transposition<W> work(a, along);
  parallel(work.tasks(), [&](int64_t task) { work.run(task); });
}

template <class W>
void put(const Put<W>& a, Context&) {
  by_range(a.dx.size, [&](int64_t begin, int64_t end) { std::fill(a.dx.data + begin, a.dx.data + end, W(0)); });
  by_range(a.dy.size, [&](int64_t begin, int64_t end) {
    for_pieces(a.view, begin, end, [&](int64_t i, int64_t n, int64_t at, int64_t step) {
      W* dx = a.dx.data + at;
      const W* dy = a.dy.data + i;
      if (step == 1)
        std::memcpy(dx, dy, size_t(n) * sizeof(W));
      else
        for (int64_t j = 0; j < n; ++j) dx[j * step] = dy[j];
    });
  });
}

#define WXB_WORD(W)                             \
  template void pick(const Pick<W>&, Context&); \
  template void put(const Put<W>&, Context&);
WXB_WORD(uint8_t)
WXB_WORD(uint32_t)
WXB_WORD(uint64_t)

}  // namespace cpu
}  // namespace wxb
