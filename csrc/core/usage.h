#pragma once
#include <cstddef>

namespace wxb {

// Bytes handed out now, the most that has been, and what was obtained from the system for it.
struct Usage {
  size_t live = 0, peak = 0, reserved = 0;
};

}  // namespace wxb
