#pragma once

namespace wxb {

// What a product of float32 matrices may round its operands to; sums are float32 in any case, and float64 stays as it
// is. It is a leave, not an order: where there are no tensor cores (on the CPU), or where they do not pay, it is fp32.
//   fp32  not at all
//   tf32  10 bits of mantissa: relative errors of 5e-4 a factor
//   bf16  7 bits: 4e-3
enum class Precision : int { fp32, tf32, bf16 };

}  // namespace wxb
