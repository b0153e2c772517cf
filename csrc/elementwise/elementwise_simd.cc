#include "core/simd_math.h"
#include "elementwise/activation_simd.h"
#include "elementwise/elementwise_table.h"
#include "elementwise/formulas.h"

namespace wxb::WXB_TARGET {

namespace {

using Scalars = Parameters<float>;

template <class F>
void forward_loop(const float* x, float* y, int64_t count, Scalars p) {
  for_vectors(
      count, [&](int64_t i) { F::value(Vec::load(x + i), p).store(y + i); },
      [&](int64_t i, int64_t n) { F::value(Vec::load(x + i, n), p).store(y + i, n); });
}

template <class F>
void backward_loop(const float* s, const float* dy, float* dx, int64_t count, Scalars p) {
  if (F::saves == Saves::nothing) s = dy;  // any valid address: the value is not used
  for_vectors(
      count, [&](int64_t i) { (Vec::load(dy + i) * F::derivative(Vec::load(s + i), p)).store(dx + i); },
      [&](int64_t i, int64_t n) { (Vec::load(dy + i, n) * F::derivative(Vec::load(s + i, n), p)).store(dx + i, n); });
}

template <class F>
void gradient_loop(const float* x, const float* dy, float* dx, int64_t count, Scalars p) {
  for_vectors(
      count, [&](int64_t i) { (Vec::load(dy + i) * derivative_at<F>(Vec::load(x + i), p)).store(dx + i); },
      [&](int64_t i, int64_t n) {
        (Vec::load(dy + i, n) * derivative_at<F>(Vec::load(x + i, n), p)).store(dx + i, n);
      });
}

// A broadcast operand of one row: the same number for all, or consecutive ones.
struct Walk {
  const float* p;
  bool steps;
  WXB_INLINE Vec load(int64_t i) const { return steps ? Vec::load(p + i) : Vec(*p); }
  WXB_INLINE Vec load(int64_t i, int64_t n) const { return steps ? Vec::load(p + i, n) : Vec(*p); }
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
    for_vectors(
        count, [&](int64_t i) { F::value(a.load(i), b.load(i)).store(y + i); },
        [&](int64_t i, int64_t n) { F::value(a.load(i, n), b.load(i, n)).store(y + i, n); });
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
    Vec to_a, to_b;
    for_vectors(
        count,
        [&](int64_t i) {
          F::gradients(a.load(i), b.load(i), Vec::load(dy + i), to_a, to_b);
          if (da) to_a.store(da + i);
          if (db) to_b.store(db + i);
        },
        [&](int64_t i, int64_t n) {
          F::gradients(a.load(i, n), b.load(i, n), Vec::load(dy + i, n), to_a, to_b);
          if (da) to_a.store(da + i, n);
          if (db) to_b.store(db + i, n);
        });
  });
}

void unary_forward(const UnaryForward<float>& a, int64_t begin, int64_t end) {
  activate(a.op, a.alpha, a.beta, a.x.data + begin, a.y.data + begin, end - begin);
}

void unary_backward(const UnaryBackward<float>& a, int64_t begin, int64_t end) {
  activation_gradient(a.op, a.alpha, a.beta, a.saved.data + begin, a.dy.data + begin, a.dx.data + begin, end - begin);
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
  switch (op) {
#define WXB_CASE(name, F) \
  case Unary::name: return forward_loop<F>(x, y, count, {alpha, beta});
    WXB_UNARY(WXB_CASE)
#undef WXB_CASE
    case Unary::none: break;
  }
}

void activation_gradient(Unary op, float alpha, float beta, const float* saved, const float* dy, float* dx,
                         int64_t count) {
  switch (op) {
#define WXB_CASE(name, F) \
  case Unary::name: return backward_loop<F>(saved, dy, dx, count, {alpha, beta});
    WXB_UNARY(WXB_CASE)
#undef WXB_CASE
    case Unary::none: break;
  }
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
