#pragma once
#include "elementwise/elementwise.h"

// The functions of one number over a stretch of memory, for the epilogues and prologues of other rooms' SIMD bodies.
namespace wxb::WXB_TARGET {

// y_i = op(x_i); x and y may be the same.
void activate(Unary op, float alpha, float beta, const float* x, float* y, int64_t count);

// dx_i = dy_i op'(saved_i); dx may be dy.
void activation_gradient(Unary op, float alpha, float beta, const float* saved, const float* dy, float* dx,
                         int64_t count);

// dx_i = dy_i op'(x_i), whatever the derivative is written in; dx may be dy.
void activation_gradient_at(Unary op, float alpha, float beta, const float* x, const float* dy, float* dx,
                            int64_t count);

}  // namespace wxb::WXB_TARGET
