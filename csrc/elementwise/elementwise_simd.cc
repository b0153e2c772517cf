#include "core/simd_math.h"
#include "core/simd_sum.h"
#include "elementwise/activation_simd.h"
#include "elementwise/elementwise_table.h"
#include "elementwise/formulas.h"

namespace wxb::WXB_TARGET {

namespace {

using Scalars = Parameters<float>;

template <class F>
void forward_loop(const float* x, float* y, int64_t count, Scalars p, const Writer& write) {
  map_lanes(
      count, [&](auto lanes, int64_t i) { return F::value(lanes.load(x + i), p); },
      [&](Vec v, auto lanes, int64_t i) { write(v, lanes, y + i); });
}

template <class F>
void backward_loop(const float* s, const float* dy, float* dx, int64_t count, Scalars p, const Writer& write) {
  if (F::saves == Saves::nothing) s = dy;  // any valid address: the value is not used
  map_lanes(
      count, [&](auto lanes, int64_t i) { return lanes.load(dy + i) * F::derivative(lanes.load(s + i), p); },
      [&](Vec v, auto lanes, int64_t i) { write(v, lanes, dx + i); });
}

template <class F>
void gradient_loop(const float* x, const float* dy, float* dx, int64_t count, Scalars p) {
  map_lanes(
      count, [&](auto lanes, int64_t i) { return lanes.load(dy + i) * derivative_at<F>(lanes.load(x + i), p); },
      [&](Vec v, auto lanes, int64_t i) { lanes.store(v, dx + i); });
}

void forward(Unary op, Scalars p, const float* x, float* y, int64_t count, const Writer& write) {
  switch (op) {
#define WXB_CASE(name, F) \
  case Unary::name: return forward_loop<F>(x, y, count, p, write);
    WXB_UNARY(WXB_CASE)
#undef WXB_CASE
    case Unary::none: break;
  }
}

void backward(Unary op, Scalars p, const float* saved, const float* dy, float* dx, int64_t count, const Writer& write) {
  switch (op) {
#define WXB_CASE(name, F) \
  case Unary::name: return backward_loop<F>(saved, dy, dx, count, p, write);
    WXB_UNARY(WXB_CASE)
#undef WXB_CASE
    case Unary::none: break;
  }
}

// A broadcast operand of one row: the same number for all, or consecutive ones.
struct Walk {
  const float* p;
  bool steps;
  template <class Lanes>
  WXB_INLINE Vec load(Lanes lanes, int64_t i) const {
    return steps ? lanes.load(p + i) : Vec(*p);
  }
};

template <int operands>
bool steps(const Broadcast<operands>& dims, int k) {
  return dims.ndim && dims.stride[k][dims.ndim - 1];
}

template <class F>
void forward_rows(const BinaryForward<float>& g, int64_t begin, int64_t end) {
  const bool step_a = steps(g.dims, 0), step_b = steps(g.dims, 1);
  for_rows(g.dims, begin, end, [&](int64_t start, int64_t count, const int64_t* at) {
    const Walk a{g.a.data + at[0], step_a}, b{g.b.data + at[1], step_b};
    float* y = g.y.data + start;
    const Writer write(y, g.y.size);
    for_lanes(0, count,
              [&](auto lanes, int64_t i) { write(F::value(a.load(lanes, i), b.load(lanes, i)), lanes, y + i); });
  });
}

template <class F>
void backward_rows(const BinaryBackward<float>& g, int64_t begin, int64_t end) {
  const bool step_a = steps(g.dims, 0), step_b = steps(g.dims, 1);
  for_rows(g.dims, begin, end, [&](int64_t start, int64_t count, const int64_t* at) {
    const Walk a{g.a.data + at[0], step_a}, b{g.b.data + at[1], step_b};
    const float* dy = g.dy.data + start;
    float* da = g.da ? g.da.data + start : nullptr;
    float* db = g.db ? g.db.data + start : nullptr;
    for_lanes(0, count, [&](auto lanes, int64_t i) {
      Vec to_a, to_b;
      F::gradients(a.load(lanes, i), b.load(lanes, i), lanes.load(dy + i), to_a, to_b);
      if (da) lanes.store(to_a, da + i);
      if (db) lanes.store(to_b, db + i);
    });
  });
}

void unary_forward(const UnaryForward<float>& a, int64_t begin, int64_t end) {
  float* const y = a.y.data + begin;
  forward(a.op, {a.alpha, a.beta}, a.x.data + begin, y, end - begin, Writer(y, a.y.size));
}

void unary_backward(const UnaryBackward<float>& a, int64_t begin, int64_t end) {
  float* const dx = a.dx.data + begin;
  backward(a.op, {a.alpha, a.beta}, a.saved.data + begin, a.dy.data + begin, dx, end - begin, Writer(dx, a.dx.size));
}

void binary_forward(const BinaryForward<float>& a, int64_t begin, int64_t end) {
  switch (a.op) {
#define WXB_CASE(name, F) \
  case Binary::name: return forward_rows<F>(a, begin, end);
    WXB_BINARY(WXB_CASE)
#undef WXB_CASE
  }
}

void binary_backward(const BinaryBackward<float>& a, int64_t begin, int64_t end) {
  switch (a.op) {
#define WXB_CASE(name, F) \
  case Binary::name: return backward_rows<F>(a, begin, end);
    WXB_BINARY(WXB_CASE)
#undef WXB_CASE
  }
}

}  // namespace

void activate(Unary op, float alpha, float beta, const float* x, float* y, int64_t count) {
  forward(op, {alpha, beta}, x, y, count, Writer(y, 0));
}

void activation_gradient(Unary op, float alpha, float beta, const float* saved, const float* dy, float* dx,
                         int64_t count) {
  backward(op, {alpha, beta}, saved, dy, dx, count, Writer(dx, 0));
}

void activation_gradient_at(Unary op, float alpha, float beta, const float* x, const float* dy, float* dx,
                            int64_t count) {
  switch (op) {
#define WXB_CASE(name, F) \
  case Unary::name: return gradient_loop<F>(x, dy, dx, count, {alpha, beta});
    WXB_UNARY(WXB_CASE)
#undef WXB_CASE
    case Unary::none: break;
  }
}

extern const ElementwiseTable<float> elementwise_float;
const ElementwiseTable<float> elementwise_float{unary_forward, unary_backward, binary_forward, binary_backward};

}  // namespace wxb::WXB_TARGET
