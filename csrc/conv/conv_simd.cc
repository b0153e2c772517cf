#include "core/parallel.h"

#include "conv/conv_table.h"
#include "conv/depthwise_simd.h"
#include "conv/few_simd.h"
#include "conv/neighbours_simd.h"
#include "conv/scatter_simd.h"
#include "conv/spread_simd.h"
#include "conv/weights_simd.h"
#include "conv/winograd_gradient_simd.h"

namespace wxb::WXB_TARGET {

namespace {

constexpr int64_t turned_at_once = 256;  // steps of a panel: a task packs 64 KB

float* packed_weights(int64_t size) {
  return static_cast<float*>(thread_buffer(Slot::b, size_t(size) * sizeof(float)));
}

Field input_of(const ConvShape& s, const float* x) {
  return {x,
          s.c,
          s.c / s.groups,
          {s.h, s.oh, s.kh, s.stride_h, s.dilation_h, s.top},
          {s.w, s.ow, s.kw, s.stride_w, s.dilation_w, s.left}};
}

// The weights as they lie, an output's taps and channels in a row, turned into panels.
Weights forward_weights(const ConvShape& s, const float* weight) {
  Weights b{nullptr, s.kh * s.kw * (s.c / s.groups), s.out / s.groups};
  b.data = packed_weights(s.groups * b.size());
  const int64_t pieces = divide_up(b.depth, turned_at_once);
  parallel(s.groups * b.panels() * pieces, [&](int64_t task) {
    const int64_t g = task / pieces / b.panels(), q = task / pieces % b.panels(), k = task % pieces * turned_at_once;
    const float* const from = weight + (g * b.columns + q * tile_columns) * b.depth + k;
    turn(from, b.depth, b.columns_of(q), min(turned_at_once, b.depth - k), b.width(q),
         b.group(g).panel(q) + k * b.width(q), b.width(q));
  });
  return b;
}

bool is_depthwise(const ConvShape& s) { return s.groups == s.c && s.groups == s.out && s.groups > 1; }

// The weights turned: (taps, channels).
ChannelWeights channel_weights(const ConvShape& s, const float* weight) {
  const int64_t taps = s.kh * s.kw;
  float* const turned = packed_weights(taps * s.c);
  turn(weight, taps, s.c, taps, s.c, turned, s.c);
  return {turned, s.kw * s.c, s.c};
}

bool slides(const Field& x) {
  const Axis &i = x.rows, &j = x.columns;
  return i.taps == 3 && j.taps == 3 && i.stride == 1 && j.stride == 1 && i.step == 1 && j.step == 1;
}

// What a window sees beyond the image.
const float* zero_pixel(int64_t channels) {
  float* const zeros = static_cast<float*>(thread_buffer(Slot::a, size_t(channels) * sizeof(float)));
  __builtin_memset(zeros, 0, size_t(channels) * sizeof(float));
  return zeros;
}

// Every channel of every strip.
void correlate_all_channels(Field x, const ChannelWeights& weights, const Outputs& y, int64_t images) {
  x.depth = x.channels;
  if (slides(x)) {
    const int64_t rows = images * x.rows.outputs, together = max<int64_t>(1, 256 / x.columns.outputs);
    return parallel(divide_up(rows, together), [&](int64_t task) {
      slide_channels(x, weights, y, zero_pixel(x.channels), task * together, min(rows, (task + 1) * together));
    });
  }
  const Strips strips(images, x.rows.outputs, x.columns.outputs, pixels_of_strip(x.channels));
  parallel(strips.count(), [&](int64_t task) { correlate_channels(x, weights, y, strips[task]); });
}

void forward(const ConvForward<float>& a) {
  const ConvShape& s = a.shape;
  const Outputs y{a.y.data, s.oh * s.ow * s.out, s.ow * s.out, s.out, a.bias.data, a.saved.data, a.activation, a.alpha};
  const Field x = input_of(s, a.x.data);
  if (is_depthwise(s)) return correlate_all_channels(x, channel_weights(s, a.weight.data), y, s.n);
  const int64_t outputs = s.out / s.groups;
  if (!a.transformed && is_few(x, outputs))
    return for_strips(x, y, outputs, s.n, s.groups, [&](int64_t g, const Field& x, const Outputs& y, const Strip& of) {
      correlate_few(x, a.weight.data + g * outputs * s.kh * s.kw * x.depth, outputs, y, of);
    });
  if (a.transformed) return correlate_by_winograd(x, forward_weights(s, a.weight.data), a.transformed.data, y, s.n);
  const Weights weights = forward_weights(s, a.weight.data);
  for_strips(x, y, outputs, s.n, s.groups, [&](int64_t g, const Field& x, const Outputs& y, const Strip& of) {
    correlate(x, weights.group(g), y, of);
  });
}

// ---- Transposed, and dx: position i of the input meets output (i + before - t dilation) / stride at tap t, if that is
// a whole number.
// ---- So inputs a stride apart meet the same taps: they are the outputs of a correlation of dz, of stride 1.

struct Phase {
  Axis axis;
  int64_t first, tap, step;  // first position of the input; the weights' tap that comes first, and how many on the next
};

Phase phase(int64_t size, int64_t outputs, int64_t taps, int64_t stride, int64_t dilation, int64_t before, int64_t at) {
  int64_t first = -1, second = -1, last = -1, count = 0;
  for (int64_t t = 0; t < taps; ++t)
    if ((at + before - t * dilation) % stride == 0) {
      (first < 0 ? first : second < 0 ? second : last) = t;
      last = t, ++count;
    }
  const int64_t step = second < 0 ? 1 : second - first;
  const int64_t from = count ? (at + before - last * dilation) / stride : 0;
  return {{outputs, divide_up(size - at, stride), count, 1, step * dilation / stride, -from}, at, last, -step};
}

// Of a phase: the rows of a tap are dz's channels, its columns dx's.
Weights backward_weights(const ConvShape& s, const float* weight, const Phase& rows, const Phase& columns) {
  const int64_t outputs = s.out / s.groups, channels = s.c / s.groups, taps = rows.axis.taps * columns.axis.taps;
  Weights b{nullptr, taps * outputs, channels};
  b.data = packed_weights(s.groups * b.size());
  parallel(s.groups * taps, [&](int64_t task) {
    const int64_t g = task / taps, t = task % taps, p = rows.tap + t / columns.axis.taps * rows.step,
                  q = columns.tap + t % columns.axis.taps * columns.step;
    const float* const from = weight + (g * outputs * s.kh * s.kw + p * s.kw + q) * channels;
    const Weights to = b.group(g);
    for (int64_t panel = 0; panel < b.panels(); ++panel)
      copy_panels<tile_columns>(from + panel * tile_columns, s.kh * s.kw * channels, b.columns_of(panel), outputs,
                                to.panel(panel) + t * outputs * b.width(panel));
  });
  return b;
}

// The same, a channel of dx in a row.
const float* few_weights(const ConvShape& s, const float* weight, const Phase& rows, const Phase& columns) {
  const int64_t outputs = s.out / s.groups, channels = s.c / s.groups, taps = rows.axis.taps * columns.axis.taps;
  float* const to = packed_weights(s.c * taps * outputs);
  parallel(s.groups * taps, [&](int64_t task) {
    const int64_t g = task / taps, t = task % taps, p = rows.tap + t / columns.axis.taps * rows.step,
                  q = columns.tap + t % columns.axis.taps * columns.step;
    turn(weight + (g * outputs * s.kh * s.kw + p * s.kw + q) * channels, s.kh * s.kw * channels, outputs, channels,
         outputs, to + (g * channels * taps + t) * outputs, taps * outputs);
  });
  return to;
}

// Output (0, 0) of a phase, and the way to the next ones.
Outputs outputs_of(const ConvForward<float>& a, int64_t i, int64_t j) {
  const ConvShape& s = a.shape;
  const int64_t first = (i * s.w + j) * s.c;
  return {a.y.data + first, s.h * s.w * s.c, s.stride_h * s.w * s.c,
          s.stride_w * s.c, a.bias.data,     a.saved ? a.saved.data + first : nullptr,
          a.activation,     a.alpha};
}

// All images, whose pixels meet the weights as they lie.
void scatter(const ConvForward<float>& a) {
  const ConvShape& s = a.shape;
  Weights weights{nullptr, s.out / s.groups, s.kh * s.kw * (s.c / s.groups)};
  weights.data = packed_weights(s.groups * weights.size());
  for (int64_t g = 0; g < s.groups; ++g)
    copy_panels<tile_columns>(a.weight.data + g * weights.depth * weights.columns, weights.columns, weights.columns,
                              weights.depth, weights.group(g).data);
  parallel(s.n, [&](int64_t n) { scatter_image(a, weights, n); });
}

void transpose(const ConvForward<float>& a) {
  const ConvShape& s = a.shape;
  const bool depthwise = is_depthwise(s);
  const int64_t channels = s.c / s.groups;
  if (!depthwise && !a.transformed && scatters(s)) return scatter(a);
  if (!depthwise && !a.transformed && spreads(s)) return spread(a);
  const ChannelWeights turned = depthwise ? channel_weights(s, a.weight.data) : ChannelWeights{};
  for (int64_t i = 0; i < min(s.h, s.stride_h); ++i)
    for (int64_t j = 0; j < min(s.w, s.stride_w); ++j) {
      const Phase rows = phase(s.h, s.oh, s.kh, s.stride_h, s.dilation_h, s.top, i),
                  columns = phase(s.w, s.ow, s.kw, s.stride_w, s.dilation_w, s.left, j);
      const Field field{a.x.data, s.out, s.out / s.groups, rows.axis, columns.axis};
      const Outputs y = outputs_of(a, i, j);
      if (depthwise) {
        correlate_all_channels(field,
                               {turned.data + rows.tap * turned.row + columns.tap * turned.tap, rows.step * turned.row,
                                columns.step * turned.tap},
                               y, s.n);
        continue;
      }
      if (!a.transformed && is_few(field, channels)) {
        const float* const turned = few_weights(s, a.weight.data, rows, columns);
        for_strips(
            field, y, channels, s.n, s.groups, [&](int64_t g, const Field& x, const Outputs& y, const Strip& of) {
              correlate_few(x, turned + g * channels * rows.axis.taps * columns.axis.taps * x.depth, channels, y, of);
            });
        continue;
      }
      const Weights weights = backward_weights(s, a.weight.data, rows, columns);
      if (a.transformed)
        correlate_by_winograd(field, weights, a.transformed.data, y, s.n);
      else
        for_strips(field, y, channels, s.n, s.groups,
                   [&](int64_t g, const Field& x, const Outputs& y, const Strip& of) {
                     correlate(x, weights.group(g), y, of);
                   });
    }
}

// ---- dweight ----

void weight_gradient_of_channels(const ConvWeightGradient<float>& a) {
  const ConvShape& s = a.shape;
  const int64_t taps = s.kh * s.kw;
  const Strips strips = strips_of_sum(s);
  Field x = input_of(s, a.x);
  x.depth = x.channels;
  sum_parts(a, 1, [&](int64_t, float* sums, int64_t begin, int64_t end) {
    __builtin_memset(sums, 0, size_t(taps * s.c) * sizeof(float));
    for (int64_t i = begin; i < end; ++i) add_channel_products(x, a.dz, strips[i], sums);
  });
  turn(a.parts, s.c, taps, s.c, taps, a.dweight, taps);
}

void weight_gradient_of_squares(const ConvWeightGradient<float>& a) {
  const ConvShape& s = a.shape;
  const int64_t depth = s.kh * s.kw * s.c, size = depth * s.out;
  const WeightSquares squares(input_of(s, a.x),
                              {a.dz, s.out, s.out, {s.oh, s.oh, 1, 1, 1, 0}, {s.ow, s.ow, 1, 1, 1, 0}});
  parallel(a.count * squares.count(), [&](int64_t task) {
    const int64_t part = task % a.count;
    squares.add(task / a.count, s.n, part, a.count, a.parts + part * size);
  });
  if (a.count > 1) add_parts(a.parts, a.count, size);
  turn_back(a.parts, 1, depth, s.out, a.dweight);
}

void weight_gradient_of_pixels(const ConvWeightGradient<float>& a) {
  const ConvShape& s = a.shape;
  const Field first = input_of(s, a.x);
  const int64_t outputs = s.out / s.groups, depth = s.kh * s.kw * first.depth,
                panels = divide_up(outputs, tile_columns);
  const Strips strips = strips_of_sum(s);
  const auto group = [&](int64_t g) {
    Field x = first;
    x.data += g * first.depth;
    return x;
  };
  if (first.depth % Vec::lanes == 0) {
    sum_parts(a, s.groups * panels, [&](int64_t task, float* sums, int64_t begin, int64_t end) {
      const int64_t j = task % panels * tile_columns, o = task / panels * outputs + j;
      for (int64_t i = begin; i < end; ++i)
        add_turned_products(group(task / panels), strips[i], a.dz + o, s.out, min(tile_columns, outputs - j),
                            i == begin, sums + o * depth, depth);
    });
    __builtin_memcpy(a.dweight, a.parts, size_t(s.out * depth) * sizeof(float));
    return;
  }
  sum_parts(a, s.groups * panels, [&](int64_t task, float* sums, int64_t begin, int64_t end) {
    const int64_t q = task % panels, g = task / panels, j = q * tile_columns;
    for (int64_t i = begin; i < end; ++i)
      add_products_by_rows(group(g), strips[i],
                           panel_of(s, a.dz, g * outputs + j, min(tile_columns, outputs - j), strips[i]), i == begin,
                           sums + g * depth * outputs + j, outputs);
  });
  turn_back(a.parts, s.groups, depth, outputs, a.dweight);
}

void weight_gradient(const ConvWeightGradient<float>& a) {
  const ConvShape &s = a.shape, wide = with_neighbours(s);
  if (is_depthwise(s)) return weight_gradient_of_channels(a);
  if (a.winograd) return weight_gradient_of_squares(a);
  if (wide.out == s.out) return weight_gradient_of_pixels(a);
  const int64_t size = weights_of(wide);
  float* const sums = static_cast<float*>(thread_buffer(Slot::c, size_t((a.count + 1) * size) * sizeof(float)));
  weight_gradient_of_pixels({a.x, a.dz, sums, sums + size, wide, a.count, false});
  join_neighbours(s, wide, sums, a.dweight);
}

// Of depthwise 3 x 3 taps, each with all around it.
void slide_backward(const ConvBackward<float>& a, const float* dz) {
  const ConvShape& s = a.shape;
  const float* const weights = channel_weights(s, a.weight.data).data;
  const Field field{dz, s.c, s.c, {s.oh, s.h, 3, 1, 1, 1}, {s.ow, s.w, 3, 1, 1, 1}};
  const int64_t parts = a.parts.size / (9 * s.c), rows = s.n * s.h;
  parallel(parts, [&](int64_t part) {
    float *const dweight = a.parts.data + part * 9 * s.c, *const dbias = a.dbias ? a.sums.data + part * s.c : nullptr;
    __builtin_memset(dweight, 0, size_t(9 * s.c) * sizeof(float));
    if (dbias) __builtin_memset(dbias, 0, size_t(s.c) * sizeof(float));
    slide_back(field, weights, a.x.data, a.dx.data, dweight, dbias, zero_pixel(s.c), part * rows / parts,
               (part + 1) * rows / parts);
  });
  add_parts(a.parts.data, parts, 9 * s.c);
  turn(a.parts.data, s.c, 9, s.c, 9, a.dweight.data, 9);
  if (!a.dbias) return;
  add_parts(a.sums.data, parts, s.c);
  __builtin_memcpy(a.dbias.data, a.sums.data, size_t(s.c) * sizeof(float));
}

}  // namespace

extern const ConvTable<float> conv_float;
const ConvTable<float> conv_float{forward, transpose, weight_gradient, slide_backward};

}  // namespace wxb::WXB_TARGET
