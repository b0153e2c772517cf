#include "shared.h"

// The first object of the kernels on the linker's list, as shared_end.cc is the last.
namespace emulator {
constinit thread_local char shared_begin[64];
}
