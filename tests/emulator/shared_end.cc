#include "shared.h"

namespace emulator {
constinit thread_local char shared_end[64];
}
