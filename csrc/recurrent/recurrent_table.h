#pragma once
#include "recurrent/recurrent.h"

namespace wxb {

constexpr int64_t strip = 64;  // units that are packed and computed together: whole tiles of every target

// One step: where what it reads and writes lies, rows of the batch one behind the other.
template <class T>
struct Step {
  const T *x, *h, *c;  // (batch, gates units), (batch, units) ahead of the step
  T *gates, *h_next, *c_next, *y, *reset;
  const T *weight, *bias, *packed;
  const int64_t* lengths;  // or null
  int64_t time, batch, units;
  Cell cell;
};

// The same on the way back. dh is what the step's outputs owe h_next beside dy: dh + product, the latter null where
// nothing follows; afterwards dh is what reaches h without the weight. dz: the gradient of the product h Wᵀ.
template <class T>
struct BackwardStep {
  const T *dy, *h, *c, *c_next, *reset;
  T *gates, *dx, *dz, *dh, *dc;
  const T* product;  // of the step that follows
  const T *weight, *packed;
  const int64_t* lengths;
  int64_t time, batch, units;
  Cell cell;
};

// Rows and units of a step: [row, row_end) and [unit, unit_end), where unit is a multiple of strip.
struct Part {
  int64_t row, row_end, unit, unit_end;
};

// The weight (gates units, units) as the product h Wᵀ reads it, or, for the way back, dz W.
template <class T>
struct Packing {
  const T* weight;
  T* packed;
  int64_t gates, units;
  bool backward;
};

template <class T>
struct RecurrentTable {
  void (*pack)(const Packing<T>&, int64_t unit, int64_t unit_end);
  void (*multiply)(const Step<T>&, const Part&);                           // gates = h Wᵀ + bias
  void (*finish)(const Step<T>&, const Part&);                             // the rest of the step
  void (*derive)(const BackwardStep<T>&, const Part&);                     // dx, dz, dc and what dh carries
  void (*multiply_back)(const BackwardStep<T>&, T* product, const Part&);  // product = dz W
};

}  // namespace wxb
