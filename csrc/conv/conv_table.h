#pragma once
#include "conv/conv.h"

namespace wxb {

template <class T>
struct ConvTable {
  void (*forward)(const ConvForward<T>&);
  // From dz, which is dy without an activation.
  void (*input_gradient)(const ConvBackward<T>&, const T* dz);
  // Likewise; the pixels are cut into `parts` shares.
  void (*weight_gradient)(const ConvBackward<T>&, const T* dz, int64_t parts);
};

}  // namespace wxb
