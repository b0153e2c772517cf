#pragma once
#include "core/context.h"
#include "core/operands.h"
#include "core/precision.h"
#include "elementwise/elementwise.h"

namespace wxb {

// A convolution of images, channels last: row i of the output meets the rows i stride_h + p dilation_h - top of the
// input, p < kh; columns likewise. Outside of the input there are zeros.
struct ConvShape {
  int64_t n, h, w, c;   // input
  int64_t oh, ow, out;  // output
  int64_t kh, kw, groups;
  int64_t stride_h, stride_w, dilation_h, dilation_w, top, left;
};

inline double multiply_adds(const ConvShape& s) {
  return double(s.n * s.oh * s.ow) * double(s.out) * double(s.kh * s.kw * (s.c / s.groups));
}

// How a convolution is computed, where it is a choice: auto_ takes what is faster.
enum class Algorithm : int { auto_, direct, winograd };

// Can it be computed by Winograd's algorithm? Of a stride, each phase of the kernel has two or three taps along an
// axis.
inline bool is_winograd(const ConvShape& s) {
  const int64_t stride = s.stride_h, taps = s.kh / stride;
  return s.kw == s.kh && s.stride_w == stride && s.kh == taps * stride && (taps == 2 || taps == 3) && s.groups == 1 &&
         s.dilation_h == 1 && s.dilation_w == 1;
}

// conv_forward: y_nijo = act(bias_o + sum over p, q, c of x_n,i stride_h + p dilation_h - top,j stride_w + q dilation_w
// - left,c weight_opqc).  x (n, h, w, c), weight (out, kh, kw, c / groups), bias (out) or absent, y (n, oh, ow, out).
// With groups each share of the outputs sees its own share of the channels only. conv_transpose_forward: y = act(bias_c
// + the dx of such a convolution whose dz is x).  x (n, oh, ow, out), weight as above, bias (c) or absent, y (n, h, w,
// c): the shape is that of the convolution. saved, as y, or absent: receives the sum, for an activation whose
// derivative needs its input. transformed (conv_transformed), or absent: a place for the weights as Winograd's
// algorithm wants them, which is then used.
template <class T>
struct ConvForward {
  In<T> x, weight, bias;
  Out<T> y, saved, transformed;
  ConvShape shape;
  Unary activation;
  T alpha;
  Precision precision;
  void operands(const Operands& f) const { f(x), f(weight), f(bias), f(y), f(saved), f(transformed); }
  double work() const { return 2.0 * multiply_adds(shape); }
};

// dz = dy act'(saved);  dx, dweight = the derivatives of sum(dz y), dbias = column sums of dz; each is written, or
// skipped when absent. saved: y, or the sum (see above), absent without an activation; as is dz, as y. parts
// (conv_parts, kh kw c / groups, out) and sums (conv_sums, channels of y): what tasks add to dweight and dbias.
// transformed: as above, for dx; winograd: is it used for dweight? That of conv_transpose_backward is a convolution of
// dz.
template <class T>
struct ConvBackward {
  In<T> x, weight, saved, dy;
  Out<T> dx, dweight, dbias, dz, parts, sums, transformed;
  bool winograd;
  ConvShape shape;
  Unary activation;
  T alpha;
  Precision precision;
  void operands(const Operands& f) const {
    f(x), f(weight), f(saved), f(dy), f(dx), f(dweight), f(dbias), f(dz), f(parts), f(sums), f(transformed);
  }
  double work() const { return (bool(dx) + bool(dweight)) * 2.0 * multiply_adds(shape); }
};

namespace BACKEND {
template <class T>
void conv_forward(const ConvForward<T>&, Context&);
template <class T>
void conv_backward(const ConvBackward<T>&, Context&);
template <class T>
void conv_transpose_forward(const ConvForward<T>&, Context&);
template <class T>
void conv_transpose_backward(const ConvBackward<T>&, Context&);
int64_t conv_parts(const ConvShape&);                  // how many tasks share the pixels in the sums of dweight
int64_t conv_sums(const ConvShape&, bool transposed);  // and of dbias

// The elements that its weights take, 0 if it is not to be used: of the convolution, or the transposed one (its dx).
int64_t conv_transformed(const ConvShape&, Algorithm, bool transposed);
bool conv_winograd(const ConvShape&, Algorithm);  // is it to be used for dweight?
}  // namespace BACKEND

}  // namespace wxb
