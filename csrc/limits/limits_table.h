#pragma once
#include <cstdint>

namespace wxb {

struct LimitsTable {
  double operations;                     // of one turn
  float (*multiply_add)(int64_t turns);  // returns a number that depends on all of them, so none can be left out
};

}  // namespace wxb
