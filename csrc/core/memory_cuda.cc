#include "core/memory_cuda.h"

#include <algorithm>

#include "core/check_cuda.h"
#include "core/plan.h"

namespace wxb {

Arena::Arena() {
  pool_ = cupy().MemoryPool(py::arg("allocator") = py::cpp_function([this](size_t bytes) { return grow(bytes); }));
}

py::object Arena::grow(size_t bytes) {
  py::object memory = allocate(bytes);
  chunks_.push_back({memory, reinterpret_cast<std::byte*>(memory.attr("ptr").cast<uintptr_t>()), bytes});
  usage.reserved += bytes;
  return memory;
}

py::object Arena::take(size_t bytes) {
  py::object memory = pool_.attr("malloc")(bytes);
  usage.live = pool_.attr("used_bytes")().cast<size_t>();
  usage.peak = std::max(usage.peak, usage.live);
  return memory;
}

bool Arena::owns(const void* address) const {
  return std::any_of(chunks_.begin(), chunks_.end(),
                     [=](const Chunk& chunk) { return address >= chunk.begin && address < chunk.begin + chunk.bytes; });
}

void Arena::poison() {
  const auto stream = static_cast<cudaStream_t>(eager_context().stream);
  for (const Chunk& chunk : chunks_) check("poison", cudaMemsetAsync(chunk.begin, 0xff, chunk.bytes, stream));
}

}  // namespace wxb
