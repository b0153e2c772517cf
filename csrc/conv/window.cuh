#pragma once
#include "conv/conv.h"
#include "core/divisor.cuh"
#include "gemm/operand.cuh"

// A convolution as a product: its pixels are lines, taps and channels are k (or the other way round), and a tile is
// gathered where it lies; the matrix of patches is never written.
namespace wxb::cuda {

// Positions on one axis, v < count, and what they meet of another one: v stride + origin + u apart, u < taps, which are
// the kernel's taps first_tap + u tap_step. The positions themselves are first + v step of their image.
struct Meeting {
  int count, stride, origin, apart, taps, first_tap, tap_step, first, step;
};

// One axis of a convolution of `in` inputs to `out` outputs.
struct Axis {
  int in, out, taps, stride, dilation, before, common;  // the greatest common divisor of stride and dilation

  HD Meeting outputs() const { return {out, stride, -before, dilation, taps, 0, 1, 0, 1}; }

  // An input meets those outputs whose stride and tap lead to it. Inputs that a stride divides alike are a class, and
  // meet every tap_step-th tap: within it, it is a convolution of stride 1 again, with the taps in reverse.
  HD int classes() const { return stride < in ? stride : in; }
  HD Meeting inputs(int first) const {
    const int tap_step = stride / common, count = (in - first + stride - 1) / stride;
    for (int tap = 0; tap < tap_step && tap < taps; ++tap) {
      const int64_t from = int64_t{first} + before - int64_t{tap} * dilation;
      if (from % stride == 0)
        return {count,
                1,
                int(from / stride),
                -(dilation / common),
                (taps - tap + tap_step - 1) / tap_step,
                tap,
                tap_step,
                first,
                stride};
    }
    return {count, 1, 0, 0, 0, 0, 1, first, stride};
  }
};

// Both axes and the images. A copy of the product is a group of channels; of a transposed convolution one of a class.
struct Geometry {
  Axis y, x;
  int images, groups;

  struct Meetings {
    Meeting y, x;
    int group;
  };
  template <bool transposed>
  __device__ Meetings at(int64_t copy) const {
    const int index = int(copy / groups), group = int(copy % groups);
    if constexpr (transposed)
      return {y.inputs(index / x.classes()), x.inputs(index % x.classes()), group};
    else
      return {y.outputs(), x.outputs(), group};
  }
};

struct Position {
  int image, y, x;
};
__device__ inline Position position(const Geometry::Meetings& m, int pixel) {
  const int row = pixel / m.x.count, image = row / m.y.count;
  return {image, row - image * m.y.count, pixel - row * m.x.count};
}

// X(pixel, (tap, channel)): what positions see of images (images, h, w, channels), zeros outside of them.
template <class T, bool transposed, int pack_ = 1>
struct Window {
  static constexpr int pack = pack_;
  const T* data;
  Geometry geometry;
  int h, w, group_channels;
  int64_t channels;
  SmallDivisor by_channels;

  __device__ int64_t depth_of(int64_t copy) const {
    const auto m = geometry.at<transposed>(copy);
    return int64_t{m.y.taps} * m.x.taps * group_channels;
  }

  template <int tile_lines, int tile_depth>
  class Cursor {
   public:
    __device__ Cursor(const Window& from, int64_t copy, int64_t line) : from_(from), share_(true) {
      const auto m = from.geometry.template at<transposed>(copy);
      taps_ = m.x.taps, apart_y_ = m.y.apart, apart_x_ = m.x.apart;
      const int pixels = from.geometry.images * m.y.count * m.x.count;
#pragma unroll
      for (int e = 0; e < share_.count; ++e) {
        const int64_t pixel = line + share_.line + e * share_.line_step;
        const auto [image, y, x] = position(m, pixel < pixels ? int(pixel) : 0);
        y_[e] = pixel < pixels ? y * m.y.stride + m.y.origin : outside;
        x_[e] = x * m.x.stride + m.x.origin;
        at_[e] = ((int64_t{image} * from.h + y_[e]) * from.w + x_[e]) * from.channels + m.group * from.group_channels;
      }
    }

    template <class F>
    __device__ void each(int64_t k, int64_t end, F f) const {
      const int mine = int(k) + share_.k, tap = from_.by_channels.quotient(mine), tap_y = tap / max(taps_, 1);
      const int dy = tap_y * apart_y_, dx = (tap - tap_y * taps_) * apart_x_;
      const int64_t offset = (int64_t{dy} * from_.w + dx) * from_.channels + (mine - tap * from_.group_channels);
#pragma unroll
      for (int e = 0; e < share_.count; ++e) {
        const bool inside =
            mine < end && unsigned(y_[e] + dy) < unsigned(from_.h) && unsigned(x_[e] + dx) < unsigned(from_.w);
        f(share_.line + e * share_.line_step, share_.k, inside ? from_.data + at_[e] + offset : from_.data, inside);
      }
    }

   private:
    static constexpr int outside = -(1 << 30);  // of every image, whatever the tap
    const Window& from_;
    Share<tile_lines, tile_depth, pack> share_;
    int taps_, apart_y_, apart_x_;
    int y_[share_count<tile_lines, tile_depth, pack>], x_[share_count<tile_lines, tile_depth, pack>];
    int64_t at_[share_count<tile_lines, tile_depth, pack>];
  };
};

// X((tap, channel), pixel): the same of a convolution, for its dweight.
template <class T>
struct Patches {
  static constexpr int pack = 1;
  const T* data;
  Geometry geometry;
  int h, w, group_channels;
  int64_t channels;
  SmallDivisor by_columns, by_rows;  // of the outputs

  template <int tile_lines, int tile_depth>
  class Cursor {
   public:
    __device__ Cursor(const Patches& from, int64_t copy, int64_t line) : from_(from), share_(false) {
      const auto m = from.geometry.template at<false>(copy);
      const int64_t mine = line + share_.line, taps = int64_t{m.y.taps} * m.x.taps;
      valid_ = mine < taps * from.group_channels;
      const int tap = valid_ ? int(mine / from.group_channels) : 0, tap_y = tap / m.x.taps;
      stride_y_ = m.y.stride, stride_x_ = m.x.stride;
      y_ = m.y.origin + tap_y * m.y.apart, x_ = m.x.origin + (tap - tap_y * m.x.taps) * m.x.apart;
      channel_ = m.group * from.group_channels + (mine - int64_t{tap} * from.group_channels);
    }

    template <class F>
    __device__ void each(int64_t k, int64_t end, F f) const {
#pragma unroll
      for (int e = 0; e < share_.count; ++e) {
        const int step = share_.k + e * share_.k_step, pixel = int(k) + step;
        const int row = from_.by_columns.quotient(pixel), image = from_.by_rows.quotient(row);
        const int y = y_ + (row - image * int(from_.by_rows.by)) * stride_y_;
        const int x = x_ + (pixel - row * int(from_.by_columns.by)) * stride_x_;
        const bool inside = valid_ && pixel < end && unsigned(y) < unsigned(from_.h) && unsigned(x) < unsigned(from_.w);
        const T* const at = from_.data + ((int64_t{image} * from_.h + y) * from_.w + x) * from_.channels + channel_;
        f(share_.line, step, inside ? at : from_.data, inside);
      }
    }

   private:
    const Patches& from_;
    Share<tile_lines, tile_depth, 1> share_;
    bool valid_;
    int stride_y_, stride_x_, y_, x_;
    int64_t channel_;
  };
};

// X(channel of the input, (tap, output)): the weights (out, kh, kw, channels) as a transposed convolution meets them.
template <class T>
struct Taps {
  static constexpr int pack = 1;
  const T* weight;
  Geometry geometry;
  int kw, group_channels, group_outputs;
  int64_t output_stride;  // between the weights of two outputs
  SmallDivisor by_outputs;

  template <int tile_lines, int tile_depth>
  class Cursor {
   public:
    __device__ Cursor(const Taps& from, int64_t copy, int64_t line) : from_(from), share_(false) {
      const auto m = from.geometry.template at<true>(copy);
      valid_ = line + share_.line < from.group_channels;
      taps_ = m.x.taps, step_y_ = m.y.tap_step, step_x_ = m.x.tap_step;
      const int64_t tap = int64_t{m.y.first_tap} * from.kw + m.x.first_tap;
      first_ = m.group * from.group_outputs * from.output_stride + tap * from.group_channels + line + share_.line;
    }

    template <class F>
    __device__ void each(int64_t k, int64_t end, F f) const {
#pragma unroll
      for (int e = 0; e < share_.count; ++e) {
        const int step = share_.k + e * share_.k_step, mine = int(k) + step;
        const int tap = from_.by_outputs.quotient(mine), output = mine - tap * from_.group_outputs;
        const int tap_y = tap / max(taps_, 1), tap_x = tap - tap_y * taps_;
        const bool inside = valid_ && mine < end;
        const int64_t offset = output * from_.output_stride +
                               (int64_t{tap_y} * step_y_ * from_.kw + tap_x * step_x_) * from_.group_channels;
        f(share_.line, step, inside ? from_.weight + first_ + offset : from_.weight, inside);
      }
    }

   private:
    const Taps& from_;
    Share<tile_lines, tile_depth, 1> share_;
    bool valid_;
    int taps_, step_y_, step_x_;
    int64_t first_;
  };
};

// Where the pixels of a transposed convolution's product lie in its image (h, w, channels).
struct Pixels {
  Geometry geometry;
  int h, w, group_channels;
  int64_t channels;

  struct Rows {
    Geometry::Meetings m;
    int pixels, h, w;
    int64_t channels, channel;
    __device__ int64_t begin(int64_t row) const {
      if (row >= pixels) return -1;
      const auto [image, y, x] = position(m, int(row));
      const int64_t pixel = (int64_t{image} * h + m.y.first + y * m.y.step) * w + m.x.first + x * m.x.step;
      return pixel * channels + channel;
    }
  };
  __device__ Rows of(int64_t copy) const {
    const auto m = geometry.at<true>(copy);
    return {m, geometry.images * m.y.count * m.x.count, h, w, channels, int64_t{m.group} * group_channels};
  }
};

}  // namespace wxb::cuda
