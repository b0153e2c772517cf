#include "core/elements.cuh"
#include "elementwise/elementwise.h"
#include "elementwise/formulas.h"

// A body holds a launch's arguments and runs some elements of it.
namespace wxb::cuda {

namespace {

template <class... T>
constexpr int pack_of = 16 / int(std::max({sizeof(T)...}));

template <class F, class T>
struct ForwardBody {
  static constexpr int pack = pack_of<T>;
  UnaryForward<T> a;
  template <int n>
  __device__ void run(int64_t i) const {
    const Parameters<T> p{a.alpha, a.beta};
    auto x = load<n>(a.x.data + i);
#pragma unroll
    for (int j = 0; j < n; ++j) x.v[j] = F::value(x.v[j], p);
    store(a.y.data + i, x);
  }
};

template <class F, class T>
struct BackwardBody {
  static constexpr int pack = pack_of<T>;
  UnaryBackward<T> a;
  template <int n>
  __device__ void run(int64_t i) const {
    const Parameters<T> p{a.alpha, a.beta};
    auto dx = load<n>(a.dy.data + i);
    const auto saved = F::saves == Saves::nothing ? dx : load<n>(a.saved.data + i);
#pragma unroll
    for (int j = 0; j < n; ++j) dx.v[j] *= F::derivative(saved.v[j], p);
    store(a.dx.data + i, dx);
  }
};

template <class F, class T>
struct BinaryForwardBody {
  static constexpr int pack = pack_of<T>;
  BinaryForward<T> g;
  template <int n>
  __device__ void run(int64_t i) const {
    const Place<2> place(g.dims, i);
    auto a = place.template read<n>(0, g.a.data);
    const auto b = place.template read<n>(1, g.b.data);
#pragma unroll
    for (int j = 0; j < n; ++j) a.v[j] = F::value(a.v[j], b.v[j]);
    store(g.y.data + i, a);
  }
};

template <class F, class T>
struct BinaryBackwardBody {
  static constexpr int pack = pack_of<T>;
  BinaryBackward<T> g;
  template <int n>
  __device__ void run(int64_t i) const {
    const Place<2> place(g.dims, i);
    auto a = place.template read<n>(0, g.a.data), b = place.template read<n>(1, g.b.data);
    const auto dy = load<n>(g.dy.data + i);
#pragma unroll
    for (int j = 0; j < n; ++j) {
      T da, db;
      F::gradients(a.v[j], b.v[j], dy.v[j], da, db);
      a.v[j] = da, b.v[j] = db;
    }
    if (g.da.data) store(g.da.data + i, a);
    if (g.db.data) store(g.db.data + i, b);
  }
};

#define WXB_FUNCTOR(name, op)        \
  struct Is_##name {                 \
    template <class T>               \
    HD static bool value(T x, T y) { \
      return x op y;                 \
    }                                \
  };
WXB_COMPARISON(WXB_FUNCTOR)
#undef WXB_FUNCTOR

template <class F, class T>
struct CompareBody {
  static constexpr int pack = pack_of<T>;
  Compare<T> g;
  template <int n>
  __device__ void run(int64_t i) const {
    const Place<2> place(g.dims, i);
    const auto a = place.template read<n>(0, g.a.data), b = place.template read<n>(1, g.b.data);
    Pack<bool, n> y;
#pragma unroll
    for (int j = 0; j < n; ++j) y.v[j] = F::value(a.v[j], b.v[j]);
    store(g.y.data + i, y);
  }
};

template <class T>
struct WhereBody {
  static constexpr int pack = pack_of<T>;
  Where<T> g;
  template <int n>
  __device__ void run(int64_t i) const {
    const Place<3> place(g.dims, i);
    const auto condition = place.template read<n>(0, g.condition.data);
    auto a = place.template read<n>(1, g.a.data);
    const auto b = place.template read<n>(2, g.b.data);
#pragma unroll
    for (int j = 0; j < n; ++j) a.v[j] = condition.v[j] ? a.v[j] : b.v[j];
    store(g.y.data + i, a);
  }
};

template <class T>
struct FillBody {
  static constexpr int pack = pack_of<T>;
  Fill<T> a;
  template <int n>
  __device__ void run(int64_t i) const {
    Pack<T, n> y;
#pragma unroll
    for (int j = 0; j < n; ++j) y.v[j] = a.value;
    store(a.y.data + i, y);
  }
};

template <class From, class To>
struct CastBody {
  static constexpr int pack = pack_of<From, To>;
  Cast<From, To> a;
  template <int n>
  __device__ void run(int64_t i) const {
    const auto x = load<n>(a.x.data + i);
    Pack<To, n> y;
#pragma unroll
    for (int j = 0; j < n; ++j) y.v[j] = convert<To>(x.v[j]);
    store(a.y.data + i, y);
  }
};

}  // namespace

template <class T>
void unary_forward(const UnaryForward<T>& a, Context& context) {
  switch (a.op) {
#define WXB_CASE(name, F) \
  case Unary::name: return launch_elements(context, ForwardBody<F, T>{a}, a.y.size, a.y.size, a.x, a.y);
    WXB_UNARY(WXB_CASE)
#undef WXB_CASE
    case Unary::none: break;
  }
}

template <class T>
void unary_backward(const UnaryBackward<T>& a, Context& context) {
  switch (a.op) {
#define WXB_CASE(name, F) \
  case Unary::name: return launch_elements(context, BackwardBody<F, T>{a}, a.dx.size, a.dx.size, a.saved, a.dy, a.dx);
    WXB_UNARY(WXB_CASE)
#undef WXB_CASE
    case Unary::none: break;
  }
}

template <class T>
void binary_forward(const BinaryForward<T>& g, Context& context) {
  switch (g.op) {
#define WXB_CASE(name, F) \
  case Binary::name:      \
    return launch_elements(context, BinaryForwardBody<F, T>{g}, g.y.size, row_of(g.dims), g.a, g.b, g.y);
    WXB_BINARY(WXB_CASE)
#undef WXB_CASE
  }
}

template <class T>
void binary_backward(const BinaryBackward<T>& g, Context& context) {
  switch (g.op) {
#define WXB_CASE(name, F) \
  case Binary::name:      \
    return launch_elements(context, BinaryBackwardBody<F, T>{g}, g.dy.size, row_of(g.dims), g.a, g.b, g.dy, g.da, g.db);
    WXB_BINARY(WXB_CASE)
#undef WXB_CASE
  }
}

template <class T>
void compare(const Compare<T>& g, Context& context) {
  switch (g.op) {
#define WXB_CASE(name, _) \
  case Comparison::name:  \
    return launch_elements(context, CompareBody<Is_##name, T>{g}, g.y.size, row_of(g.dims), g.a, g.b, g.y);
    WXB_COMPARISON(WXB_CASE)
#undef WXB_CASE
  }
}

template <class T>
void where(const Where<T>& g, Context& context) {
  launch_elements(context, WhereBody<T>{g}, g.y.size, row_of(g.dims), g.condition, g.a, g.b, g.y);
}

template <class T>
void fill(const Fill<T>& a, Context& context) {
  launch_elements(context, FillBody<T>{a}, a.y.size, a.y.size, a.y);
}

template <class From, class To>
void cast(const Cast<From, To>& a, Context& context) {
  launch_elements(context, CastBody<From, To>{a}, a.y.size, a.y.size, a.x, a.y);
}

#define WXB_FLOAT(T)                                               \
  template void unary_forward(const UnaryForward<T>&, Context&);   \
  template void unary_backward(const UnaryBackward<T>&, Context&); \
  template void binary_forward(const BinaryForward<T>&, Context&); \
  template void binary_backward(const BinaryBackward<T>&, Context&);
WXB_FLOAT(float)
WXB_FLOAT(double)

#define WXB_CAST(From)                                      \
  template void cast(const Cast<From, float>&, Context&);   \
  template void cast(const Cast<From, double>&, Context&);  \
  template void cast(const Cast<From, int64_t>&, Context&); \
  template void cast(const Cast<From, uint8_t>&, Context&); \
  template void cast(const Cast<From, bool>&, Context&);
#define WXB_ANY(T)                                    \
  template void compare(const Compare<T>&, Context&); \
  template void where(const Where<T>&, Context&);     \
  template void fill(const Fill<T>&, Context&);       \
  WXB_CAST(T)
WXB_ANY(float)
WXB_ANY(double)
WXB_ANY(int64_t)
WXB_ANY(uint8_t)
WXB_ANY(bool)

}  // namespace wxb::cuda
