#pragma once
#include "elementwise/elementwise.h"
#include "elementwise/formulas.h"

// The functions of one number, chosen at run time, for the reference bodies of other rooms.
namespace wxb::ref {

// f(F()) for the functor F of an op, or otherwise where there is none.
template <class T, class Body>
T with_function(Unary op, T otherwise, Body f) {
  switch (op) {
#define WXB_CASE(name, F) \
  case Unary::name: return f(F());
    WXB_UNARY(WXB_CASE)
#undef WXB_CASE
    case Unary::none: break;
  }
  return otherwise;
}

template <class T>
T activated(Unary op, T alpha, T z) {
  return with_function(op, z, [&]<class F>(F) { return F::value(z, Parameters<T>{alpha, 0}); });
}

// The derivative at the input or output that the function saves.
template <class T>
T slope(Unary op, T alpha, T saved) {
  return with_function(op, T(1), [&]<class F>(F) { return F::derivative(saved, Parameters<T>{alpha, 0}); });
}

// The derivative at z, whatever it is written in.
template <class T>
T slope_at(Unary op, T alpha, T z) {
  return with_function(op, T(1), [&]<class F>(F) { return derivative_at<F>(z, Parameters<T>{alpha, 0}); });
}

}  // namespace wxb::ref
