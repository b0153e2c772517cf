#include <algorithm>

#include "conv/conv_table.h"
#include "core/isa.h"
#include "core/parallel_sum.h"
#include "gemm/gemm_table.h"

namespace wxb {

WXB_ROOM(ConvTable<float>, conv_float)
WXB_ROOM(GemmTable<float>, gemm_float)

namespace ref {
extern const ConvTable<double> conv_double;
extern const GemmTable<double> gemm_double;
}  // namespace ref

namespace cpu {

namespace {

template <class T>
const GemmTable<T>& gemm() {
  if constexpr (std::is_same_v<T, float>)
    return gemm_float();
  else
    return ref::gemm_double;
}

// A row of outputs, or those of some small images, may look at a window that is far larger than what is taken from it:
// with a dilation of thousands. The reference needs no copy of the window.
bool has_window(const ConvShape& s) {
  constexpr double most = 1 << 24;  // elements, 64 MB
  const double rows = double((s.kh - 1) * s.dilation_h + 1) * std::max(1.0, 384.0 / double(s.oh * s.ow)),
               in = double(s.ow * s.stride_w + s.kw * s.dilation_w), out = double(s.w + s.kw * s.dilation_w);
  return rows * std::max(in * double(s.c), out * double(s.out)) <= most;
}

template <class T>
const ConvTable<T>& table(const ConvShape& s) {
  if constexpr (std::is_same_v<T, float>)
    return has_window(s) ? conv_float() : ref::conv_float;
  else
    return ref::conv_double;
}

// Is it a product of pixels by channels and the weights?
bool is_pointwise(const ConvShape& s) {
  return s.kh == 1 && s.kw == 1 && s.groups == 1 && s.stride_h == 1 && s.stride_w == 1 && s.top == 0 && s.left == 0 &&
         s.oh == s.h && s.ow == s.w;
}

int64_t pixels(const ConvShape& s) { return s.n * s.oh * s.ow; }

bool is_depthwise(const ConvShape& s) { return s.groups == s.c && s.groups == s.out && s.groups > 1; }

// 3 x 3 channels around each pixel: what one pass over dz does the whole backward pass of.
bool slides(const ConvShape& s) {
  return is_depthwise(s) && s.kh == 3 && s.kw == 3 && s.stride_h == 1 && s.stride_w == 1 && s.dilation_h == 1 &&
         s.dilation_w == 1 && s.top == 1 && s.left == 1 && s.oh == s.h && s.ow == s.w;
}

int64_t pixels_of_task(int64_t channels) { return std::max<int64_t>(64, 65536 / channels); }

int64_t derivative_tasks(int64_t pixels, int64_t channels) {
  return channels == 0 ? 0 : (pixels + pixels_of_task(channels) - 1) / pixels_of_task(channels);
}

// Pixels of a task, as the rows of a layer, whose derivative this is too.
template <class T>
LinearBackward<T> rows_of(const ConvBackward<T>& a, int64_t n, int64_t task) {
  const int64_t first = task * pixels_of_task(n) * n;
  LinearBackward<T> rows{};
  rows.n = std::min(pixels_of_task(n), (a.dy.size - first) / n), rows.out = n;
  rows.dy.data = a.dy.data + first;
  if (a.dz) rows.saved.data = a.saved.data + first, rows.workspace.data = a.dz.data + first;
  if (a.dbias) rows.dbias.data = a.sums.data + task * n;
  rows.activation = a.activation, rows.alpha = a.alpha;
  return rows;
}

// dz, which is dy without an activation, and dbias, in one pass over n channels.
template <class T>
In<T> derivative(const ConvBackward<T>& a, int64_t n) {
  if (!a.dz && !a.dbias) return a.dy;
  const int64_t tasks = derivative_tasks(a.dy.size / n, n);
  parallel(tasks, [&](int64_t task) {
    const LinearBackward<T> rows = rows_of(a, n, task);
    for (int64_t j = 0; j < n; j += derivative_strip) gemm<T>().derivative(rows, j, std::min(n, j + derivative_strip));
  });
  if (a.dbias) add_rows(a.sums.data, tasks, n, a.dbias.data);
  return a.dz ? In<T>{a.dz.data, a.dz.size} : a.dy;
}

template <class T>
void transpose(const ConvForward<T>& a) {
  const ConvShape& s = a.shape;
  if (a.y.size == 0) return;
  if (is_pointwise(s))
    return gemm<T>().gemm({pixels(s), s.c, s.out, a.x.data, s.out, 1, a.weight.data, s.c, 1, a.y.data, s.c, a.bias.data,
                           a.saved.data, a.activation, a.alpha});
  table<T>(s).transpose(a);
}

template <class T>
void weight_gradient(const ConvBackward<T>& a, const T* x, const T* dz) {
  const ConvShape& s = a.shape;
  if (a.dweight.size == 0) return;
  if (is_pointwise(s)) return gemm<T>().gemm({s.out, s.c, pixels(s), dz, 1, s.out, x, s.c, 1, a.dweight.data, s.c});
  table<T>(s).weight_gradient({x, dz, a.dweight.data, a.parts.data, s, conv_parts(s), a.winograd});
}

// The correlation that a convolution is, or each phase of a transposed one: `from` channels, of which n images of so
// many rows and columns come out.
struct Correlation {
  int64_t n, rows, columns, from, to;
};

Correlation correlation(const ConvShape& s, bool transposed) {
  if (!transposed) return {s.n, s.oh, s.ow, s.c, s.out};
  const auto across = [&](int64_t size) { return (size + s.stride_h - 1) / s.stride_h; };
  return {s.n, across(s.h), across(s.w), s.out, s.c};
}

// Is Winograd's algorithm faster? Measured with AVX2 and AVX-512: 1.5 times at 16 channels, 2 to 3 from 64 on, but with
// 8 its transforms cost what it saves. Under 32 squares of 4 x 4 outputs the weights' transforms do, and so do outputs
// beyond the image where they are more than those within.
bool pays(const Correlation& c) {
  constexpr int64_t channels = 16, squares = 32;
  const int64_t whole = c.n * ((c.rows + 3) / 4) * ((c.columns + 3) / 4);
  return c.from >= channels && c.to >= channels && whole >= squares && 16 * whole <= 2 * c.n * c.rows * c.columns;
}

// What a task keeps of 36 patches takes 10 MB with so many channels, those of all phases.
constexpr int64_t most_channels = 2048;

bool is_wanted(const ConvShape& s, Algorithm algorithm, bool transposed) {
  if (!is_winograd(s) || algorithm == Algorithm::direct) return false;
  const int64_t channels = std::max(s.stride_h * s.stride_w * s.c, s.out);
  return algorithm == Algorithm::winograd || (channels <= most_channels && pays(correlation(s, transposed)));
}

template <class T>
void clear(const Out<T>& out) {
  if (out) std::fill_n(out.data, out.size, T(0));
}

}  // namespace

// At most 16 tasks, so that no thread waits long for the last one, where there are few outputs and taps; fewer where
// their sums would take more than 16 MB.
int64_t conv_parts(const ConvShape& s) {
  if (is_pointwise(s)) return 0;
  const int64_t weights = std::max<int64_t>(1, s.kh * s.kw * (s.c / s.groups) * s.out),
                panels = is_depthwise(s) ? 1 : std::max<int64_t>(1, (s.out + 63) / 64);
  const int64_t most = std::min<int64_t>((1 << 22) / weights, std::max<int64_t>(1, 16 / panels));
  return std::clamp<int64_t>(pixels(s) / 512, 1, std::max<int64_t>(1, most));
}

int64_t conv_sums(const ConvShape& s, bool transposed) {
  const int64_t tasks = transposed ? derivative_tasks(s.n * s.h * s.w, s.c) : derivative_tasks(pixels(s), s.out);
  return slides(s) ? std::max(tasks, conv_parts(s)) : tasks;
}

int64_t conv_transformed(const ConvShape& s, Algorithm algorithm, bool transposed) {
  if (!is_wanted(s, algorithm, transposed)) return 0;
  // The transposed one is computed a phase at a time.
  const int64_t phases = transposed ? 1 : s.stride_h * s.stride_w, reach = s.kh / s.stride_h + 3,
                from = transposed ? s.out : phases * s.c, to = transposed ? s.c : s.out;
  constexpr int64_t lanes = 16;  // of the widest vector: panels are filled up to whole vectors
  return reach * reach * from * ((to + lanes - 1) / lanes * lanes);
}

bool conv_winograd(const ConvShape& s, Algorithm algorithm) { return is_wanted(s, algorithm, false); }

template <class T>
void conv_forward(const ConvForward<T>& a, Context&) {
  const ConvShape& s = a.shape;
  if (a.y.size == 0) return;
  if (is_pointwise(s))
    return gemm<T>().gemm({pixels(s), s.out, s.c, a.x.data, s.c, 1, a.weight.data, 1, s.c, a.y.data, s.out, a.bias.data,
                           a.saved.data, a.activation, a.alpha});
  table<T>(s).forward(a);
}

template <class T>
void conv_backward(const ConvBackward<T>& a, Context&) {
  const ConvShape& s = a.shape;
  if (a.dy.size == 0) return clear(a.dx), clear(a.dweight), clear(a.dbias);
  const auto at_once = a.dweight && slides(s) ? table<T>(s).at_once : nullptr;
  ConvBackward<T> rest = a;
  In<T> dz = a.dy;
  if (a.dz || !at_once) dz = derivative(a, s.out), rest.dbias = {};
  if (at_once) return at_once(rest, dz.data);
  if (a.dx) transpose(ConvForward<T>{dz, a.weight, {}, a.dx, {}, a.transformed, s, Unary::none, 0, Precision::fp32});
  if (a.dweight) weight_gradient(a, a.x.data, dz.data);
}

template <class T>
void conv_transpose_forward(const ConvForward<T>& a, Context&) {
  transpose(a);
}

template <class T>
void conv_transpose_backward(const ConvBackward<T>& a, Context& context) {
  const ConvShape& s = a.shape;
  if (a.dy.size == 0) return clear(a.dx), clear(a.dweight), clear(a.dbias);
  const In<T> dz = derivative(a, s.c);
  if (a.dx)
    conv_forward(ConvForward<T>{dz, a.weight, {}, a.dx, {}, a.transformed, s, Unary::none, 0, Precision::fp32},
                 context);
  if (a.dweight) weight_gradient(a, dz.data, a.x.data);
}

template void conv_forward(const ConvForward<float>&, Context&);
template void conv_forward(const ConvForward<double>&, Context&);
template void conv_backward(const ConvBackward<float>&, Context&);
template void conv_backward(const ConvBackward<double>&, Context&);
template void conv_transpose_forward(const ConvForward<float>&, Context&);
template void conv_transpose_forward(const ConvForward<double>&, Context&);
template void conv_transpose_backward(const ConvBackward<float>&, Context&);
template void conv_transpose_backward(const ConvBackward<double>&, Context&);

}  // namespace cpu
}  // namespace wxb
