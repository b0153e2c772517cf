#include "elementwise/elementwise_table.h"
#include "elementwise/formulas.h"

namespace wxb::ref {

namespace {

template <class F, class T>
void forward_loop(const UnaryForward<T>& a, int64_t begin, int64_t end) {
  const Parameters<T> p{a.alpha, a.beta};
  for (int64_t i = begin; i < end; ++i) a.y.data[i] = F::value(a.x.data[i], p);
}

template <class F, class T>
void backward_loop(const UnaryBackward<T>& a, int64_t begin, int64_t end) {
  const Parameters<T> p{a.alpha, a.beta};
  for (int64_t i = begin; i < end; ++i)
    a.dx.data[i] = a.dy.data[i] * F::derivative(F::saves == Saves::nothing ? T(0) : a.saved.data[i], p);
}

template <class T>
void unary_forward(const UnaryForward<T>& a, int64_t begin, int64_t end) {
  switch (a.op) {
#define WXB_CASE(name, F) \
  case Unary::name: return forward_loop<F>(a, begin, end);
    WXB_UNARY(WXB_CASE)
#undef WXB_CASE
    case Unary::none: break;
  }
}

template <class T>
void unary_backward(const UnaryBackward<T>& a, int64_t begin, int64_t end) {
  switch (a.op) {
#define WXB_CASE(name, F) \
  case Unary::name: return backward_loop<F>(a, begin, end);
    WXB_UNARY(WXB_CASE)
#undef WXB_CASE
    case Unary::none: break;
  }
}

template <class F, class T>
void forward_rows(const BinaryForward<T>& g, int64_t begin, int64_t end) {
  const int64_t da = g.dims.ndim && g.dims.stride[0][g.dims.ndim - 1];
  const int64_t db = g.dims.ndim && g.dims.stride[1][g.dims.ndim - 1];
  for_rows(g.dims, begin, end, [&](int64_t i, int64_t n, const int64_t* at) {
    for (int64_t j = 0; j < n; ++j) g.y.data[i + j] = F::value(g.a.data[at[0] + j * da], g.b.data[at[1] + j * db]);
  });
}

template <class F, class T>
void backward_rows(const BinaryBackward<T>& g, int64_t begin, int64_t end) {
  const int64_t da = g.dims.ndim && g.dims.stride[0][g.dims.ndim - 1];
  const int64_t db = g.dims.ndim && g.dims.stride[1][g.dims.ndim - 1];
  for_rows(g.dims, begin, end, [&](int64_t i, int64_t n, const int64_t* at) {
    for (int64_t j = 0; j < n; ++j) {
      T to_a, to_b;
      F::gradients(g.a.data[at[0] + j * da], g.b.data[at[1] + j * db], g.dy.data[i + j], to_a, to_b);
      if (g.da) g.da.data[i + j] = to_a;
      if (g.db) g.db.data[i + j] = to_b;
    }
  });
}

template <class T>
void binary_forward(const BinaryForward<T>& a, int64_t begin, int64_t end) {
  switch (a.op) {
#define WXB_CASE(name, F) \
  case Binary::name: return forward_rows<F>(a, begin, end);
    WXB_BINARY(WXB_CASE)
#undef WXB_CASE
  }
}

template <class T>
void binary_backward(const BinaryBackward<T>& a, int64_t begin, int64_t end) {
  switch (a.op) {
#define WXB_CASE(name, F) \
  case Binary::name: return backward_rows<F>(a, begin, end);
    WXB_BINARY(WXB_CASE)
#undef WXB_CASE
  }
}

}  // namespace

extern const ElementwiseTable<float> elementwise_float;
extern const ElementwiseTable<double> elementwise_double;
const ElementwiseTable<float> elementwise_float{unary_forward, unary_backward, binary_forward, binary_backward};
const ElementwiseTable<double> elementwise_double{unary_forward, unary_backward, binary_forward, binary_backward};

}  // namespace wxb::ref
