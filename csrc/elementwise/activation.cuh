#pragma once
#include "elementwise/elementwise.h"
#include "elementwise/formulas.h"

// The functions of one number, chosen at run time: a branch that all threads of a launch take alike.
namespace wxb::cuda {

template <class T>
__device__ T activated(Unary op, T alpha, T z) {
  const Parameters<T> p{alpha, T(0)};
  switch (op) {
#define WXB_CASE(name, F) \
  case Unary::name: return F::value(z, p);
    WXB_UNARY(WXB_CASE)
#undef WXB_CASE
    case Unary::none: break;
  }
  return z;
}

// The derivative at the input or output that the function saves.
template <class T>
__device__ T slope(Unary op, T alpha, T saved) {
  const Parameters<T> p{alpha, T(0)};
  switch (op) {
#define WXB_CASE(name, F) \
  case Unary::name: return F::derivative(saved, p);
    WXB_UNARY(WXB_CASE)
#undef WXB_CASE
    case Unary::none: break;
  }
  return T(1);
}

// The derivative at z, whatever it is written in.
template <class T>
__device__ T slope_at(Unary op, T alpha, T z) {
  const Parameters<T> p{alpha, T(0)};
  switch (op) {
#define WXB_CASE(name, F) \
  case Unary::name: return derivative_at<F>(z, p);
    WXB_UNARY(WXB_CASE)
#undef WXB_CASE
    case Unary::none: break;
  }
  return T(1);
}

}  // namespace wxb::cuda
