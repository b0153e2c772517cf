#pragma once
#include "core/broadcast.h"
#include "core/context.h"
#include "core/operands.h"

// Functions of each element alone. Formulas: formulas.h. Outputs may be the same array as an input of the same shape.

// op, functor; the order is the order of the enumerations
// clang-format off
#define WXB_UNARY(X)                                                                                         \
  X(relu, Relu) X(leaky_relu, LeakyRelu) X(elu, Elu) X(selu, Selu) X(gelu, Gelu) X(gelu_tanh, GeluTanh)      \
  X(silu, Silu) X(sigmoid, Sigmoid) X(tanh, Tanh) X(softplus, Softplus) X(hardswish, Hardswish) X(exp, Exp)  \
  X(log, Log) X(expm1, Expm1) X(log1p, Log1p) X(erf, Erf) X(sqrt, Sqrt) X(abs, Abs) X(negative, Negative)    \
  X(clip, Clip)
#define WXB_BINARY(X)                                                                                        \
  X(add, Add) X(subtract, Subtract) X(multiply, Multiply) X(divide, Divide) X(power, Power)                  \
  X(minimum, Minimum) X(maximum, Maximum)
#define WXB_COMPARISON(X)                                                                                    \
  X(equal, ==) X(not_equal, !=) X(less, <) X(less_equal, <=) X(greater, >) X(greater_equal, >=)
// clang-format on

namespace wxb {

#define WXB_NAME(name, _) name,
enum class Unary : int { none, WXB_UNARY(WXB_NAME) };
enum class Binary : int { WXB_BINARY(WXB_NAME) };
enum class Comparison : int { WXB_COMPARISON(WXB_NAME) };
#undef WXB_NAME

// y = op(x; alpha, beta)
template <class T>
struct UnaryForward {
  In<T> x;
  Out<T> y;
  Unary op;
  T alpha, beta;
  void operands(const Operands& f) const { f(x), f(y); }
  double work() const { return 10.0 * double(y.size); }
};

// dx = dy op'(saved); saved is the output or the input of the forward, as the function says, or absent.
template <class T>
struct UnaryBackward {
  In<T> saved, dy;
  Out<T> dx;
  Unary op;
  T alpha, beta;
  void operands(const Operands& f) const { f(saved), f(dy), f(dx); }
  double work() const { return 10.0 * double(dx.size); }
};

// y = op(a, b), broadcast
template <class T>
struct BinaryForward {
  In<T> a, b;
  Out<T> y;
  Binary op;
  Broadcast<2> dims;
  void operands(const Operands& f) const { f(a), f(b), f(y); }
  double work() const { return double(y.size); }
};

// da, db = gradients of op(a, b) for dy, each of dy's shape (broadcasting is undone by a sum), or absent.
template <class T>
struct BinaryBackward {
  In<T> a, b, dy;
  Out<T> da, db;
  Binary op;
  Broadcast<2> dims;
  void operands(const Operands& f) const { f(a), f(b), f(dy), f(da), f(db); }
  double work() const { return 2.0 * double(dy.size); }
};

// y = a op b, broadcast
template <class T>
struct Compare {
  In<T> a, b;
  Out<bool> y;
  Comparison op;
  Broadcast<2> dims;
  void operands(const Operands& f) const { f(a), f(b), f(y); }
  double work() const { return double(y.size); }
};

// y = condition ? a : b, broadcast
template <class T>
struct Where {
  In<bool> condition;
  In<T> a, b;
  Out<T> y;
  Broadcast<3> dims;
  void operands(const Operands& f) const { f(condition), f(a), f(b), f(y); }
  double work() const { return double(y.size); }
};

// y = value, a constant of the plan
template <class T>
struct Fill {
  Out<T> y;
  T value;
  void operands(const Operands& f) const { f(y); }
  double work() const { return double(y.size); }
};

// y = x converted: float to integer truncates (NaN and what does not fit gives 0), anything to bool is x != 0
template <class From, class To>
struct Cast {
  In<From> x;
  Out<To> y;
  void operands(const Operands& f) const { f(x), f(y); }
  double work() const { return double(y.size); }
};

namespace BACKEND {
template <class T>
void unary_forward(const UnaryForward<T>&, Context&);
template <class T>
void unary_backward(const UnaryBackward<T>&, Context&);
template <class T>
void binary_forward(const BinaryForward<T>&, Context&);
template <class T>
void binary_backward(const BinaryBackward<T>&, Context&);
template <class T>
void compare(const Compare<T>&, Context&);
template <class T>
void where(const Where<T>&, Context&);
template <class T>
void fill(const Fill<T>&, Context&);
template <class From, class To>
void cast(const Cast<From, To>&, Context&);
}  // namespace BACKEND

}  // namespace wxb
