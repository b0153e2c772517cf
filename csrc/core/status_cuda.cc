#include <algorithm>
#include <mutex>
#include <vector>

#include "core/backend.h"
#include "core/check_cuda.h"
#include "core/plan.h"

// Where kernels on the GPU report. A launch returns before its kernel has run, so an error is found by whoever looks
// next: the launch after it, a replay's end, or, at the latest, whoever waits for the GPU to read an array.

namespace wxb {

namespace {

// The word of one Context, twice: kernels ask the one in the GPU's memory, the host looks at the other without waiting.
struct Words {
  static constexpr size_t remembered = 4096;  // launches; a GPU's queue holds some 1000

  unsigned long long *word = nullptr, *mirror = nullptr, *seen_by_gpu = nullptr;
  cudaStream_t stream = nullptr;                                          // of the latest launch
  std::vector<const char*> names = std::vector<const char*>(remembered);  // of its launches
  bool used = false;

  cudaError_t allocate() {
    if (word) return cudaSuccess;
    void *device, *host, *mapped;
    cudaError_t error = cudaMalloc(&device, sizeof(*word));
    if (error == cudaSuccess) error = cudaHostAlloc(&host, sizeof(*word), cudaHostAllocMapped);
    if (error == cudaSuccess) error = cudaHostGetDevicePointer(&mapped, host, 0);
    if (error != cudaSuccess) return cudaGetLastError(), error;
    word = static_cast<unsigned long long*>(device);
    mirror = static_cast<unsigned long long*>(host);
    seen_by_gpu = static_cast<unsigned long long*>(mapped);
    return cudaSuccess;
  }

  cudaError_t clear() {
    __atomic_store_n(mirror, Context::none, __ATOMIC_RELAXED);
    return cudaMemsetAsync(word, 0xff, sizeof(*word), stream);
  }

  uint64_t take() {
    if (__atomic_load_n(mirror, __ATOMIC_RELAXED) == Context::none) return Context::none;
    check("report", cudaStreamSynchronize(stream));  // what still runs may report a smaller one
    const uint64_t report = __atomic_load_n(mirror, __ATOMIC_RELAXED);
    check("report", clear());
    return report;
  }
};

// Contexts come and go with plans and threads, words stay: the interpreter may end before the GPU is asked.
std::mutex guard;
std::vector<Words*>& all() {
  static auto* only = new std::vector<Words*>;
  return *only;
}

Words* take_words(cudaStream_t stream, cudaError_t& error) {
  const std::lock_guard lock(guard);
  auto found = std::find_if(all().begin(), all().end(), [](const Words* w) { return !w->used; });
  if (found == all().end()) found = all().insert(found, new Words);
  Words* words = *found;
  words->stream = stream;
  error = words->allocate();
  if (error == cudaSuccess) error = words->clear();
  words->used = error == cudaSuccess;
  return words->used ? words : nullptr;
}

}  // namespace

Status Context::status() {
  if (!device_) {
    cudaError_t error;
    device_ = take_words(static_cast<cudaStream_t>(stream), error);
    if (!device_) return report(Code::launch_failed, error), Status{};
  }
  auto& words = *static_cast<Words*>(device_);
  words.stream = static_cast<cudaStream_t>(stream);
  words.names[launch % Words::remembered] = name;
  return {words.word, words.seen_by_gpu, launch};
}

const char* Context::name_of(uint64_t report) const {
  const uint32_t reported = Report(report).launch;
  if (!device_ || reported == (launch & 0xffffff)) return name;
  return static_cast<Words*>(device_)->names[reported % Words::remembered];
}

void Context::fetch() {
  if (const uint64_t report = static_cast<Words*>(device_)->take(); report < word_.load()) word_ = report;
}

void Context::release() {
  const std::lock_guard lock(guard);
  static_cast<Words*>(device_)->used = false;
}

void raise_reported() {
  std::vector<Words*> words;
  {
    const std::lock_guard lock(guard);
    words = all();
  }
  for (Words* each : words)
    if (each->used)
      if (const uint64_t report = each->take(); report != Context::none)
        raise(each->names[Report(report).launch % Words::remembered], Report(report));
}

}  // namespace wxb
