#pragma once
#include <cstdint>

namespace wxb {

// Elements from which on a result is larger than caches, and is written past them.
constexpr int64_t streamed_from = 1 << 23;

}  // namespace wxb
