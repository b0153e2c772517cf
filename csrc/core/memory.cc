#include "core/memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

namespace wxb {

namespace {

constexpr size_t alignment = 64, page = 4096, huge_page = size_t{2} << 20;
constexpr size_t huge_from = size_t{4} << 20;  // fresh huge pages cost half as much per byte as small ones
constexpr size_t span = size_t{1} << 36;       // addresses of an arena; a process has 2^47 of them
#ifdef __SANITIZE_ADDRESS__
constexpr size_t large_from = SIZE_MAX;  // it watches what lies around the C library's blocks
#else
constexpr size_t large_from = size_t{1} << 20;
#endif

size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

size_t class_of(size_t bytes) {
  const size_t units = std::max<size_t>(1, round_up(bytes, alignment) / alignment);
  if (units <= 8) return units - 1;
  const int shift = std::bit_width(units - 1) - 4;  // keep the leading bit and three below it
  return size_t(shift) * 8 + ((units - 1) >> shift);
}

size_t class_bytes(size_t size_class) {
  if (size_class < 8) return (size_class + 1) * alignment;
  const size_t shift = size_class / 8 - 1;
  return (size_class - shift * 8 + 1) * alignment << shift;
}

void count(Usage& usage, size_t bytes) {
  usage.live += bytes;
  usage.peak = std::max(usage.peak, usage.live);
}

void* obtain(size_t bytes) {
  const bool huge = bytes >= huge_from;
  const size_t unit = huge ? huge_page : alignment;
  void* block = std::aligned_alloc(unit, round_up(bytes, unit));
  if (block && huge) madvise(block, round_up(bytes, unit), MADV_HUGEPAGE);
  return block;
}

}  // namespace

void* Cache::take(size_t bytes) {
  if (bytes > span) throw std::bad_alloc();
  if (fail_after >= 0 && fail_after-- == 0) throw std::bad_alloc();
  if (bytes >= large_from)
    if (void* const block = take_large(bytes)) return block;
  const size_t size_class = class_of(bytes);
  bytes = class_bytes(size_class);
  if (size_class >= free_.size()) free_.resize(size_class + 1);
  auto& waiting = free_[size_class];
  void* block;
  if (waiting.empty()) {
    block = obtain(bytes);
    if (!block) {
      empty();
      block = obtain(bytes);
    }
    if (!block) throw std::bad_alloc();
    usage.reserved += bytes;
  } else {
    block = waiting.back();
    waiting.pop_back();
  }
  count(usage, bytes);
  return block;
}

void* Cache::take_large(size_t bytes) {
  try {
    if (!large_) large_ = std::make_unique<Arena>();
    const Usage before = large_->usage;
    void* const block = large_->take(bytes);
    usage.reserved += large_->usage.reserved - before.reserved;
    count(usage, large_->usage.live - before.live);
    return block;
  } catch (const std::bad_alloc&) { return nullptr; }
}

void Cache::give(void* block, size_t bytes) {
  if (large_ && large_->owns(block)) {
    const Usage before = large_->usage;
    large_->give(block, bytes);
    usage.live -= before.live - large_->usage.live;
    return;
  }
  const size_t size_class = class_of(bytes);
  usage.live -= class_bytes(size_class);
  free_[size_class].push_back(block);
}

void Cache::empty() {
  for (size_t size_class = 0; size_class < free_.size(); ++size_class) {
    for (void* block : free_[size_class]) {
      std::free(block);
      usage.reserved -= class_bytes(size_class);
    }
    free_[size_class].clear();
  }
  if (!large_) return;
  const size_t before = large_->usage.reserved;
  large_->empty();
  usage.reserved -= before - large_->usage.reserved;
}

Cache& cache() {
  static auto* only = new Cache;  // outlives every array
  return *only;
}

Arena::Arena() {
  void* p = mmap(nullptr, span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  base_ = static_cast<std::byte*>(p);
}

Arena::~Arena() { munmap(base_, span); }

void* Arena::take(size_t bytes) {
  if (bytes > span) throw std::bad_alloc();
  bytes = round_up(std::max<size_t>(bytes, 1), alignment);
  auto best = free_.end();
  for (auto it = free_.begin(); it != free_.end(); ++it)
    if (it->second >= bytes && (best == free_.end() || it->second < best->second)) best = it;
  if (best == free_.end()) {  // grow at the end, from the last free block if it touches the end
    size_t start = end_;
    if (!free_.empty()) {
      const auto& [offset, size] = *free_.rbegin();
      if (offset + size == end_) start = offset;
    }
    const size_t end = start + bytes;
    const size_t mapped = round_up(end_, page);
    if (end > span || (end > mapped && mprotect(base_ + mapped, round_up(end - mapped, page), PROT_READ | PROT_WRITE)))
      throw std::bad_alloc();
    if (end > huge_from) madvise(base_ + mapped, round_up(end - mapped, page), MADV_HUGEPAGE);
    if (start < end_) free_.erase(start);
    end_ = end;
    best = free_.emplace(start, bytes).first;
  }
  const auto [offset, size] = *best;
  free_.erase(best);
  if (size > bytes) free_.emplace(offset + bytes, size - bytes);
  usage.live += bytes;
  count();
  return base_ + offset;
}

void Arena::give(void* block, size_t bytes) {
  bytes = round_up(std::max<size_t>(bytes, 1), alignment);
  usage.live -= bytes;
  auto it = free_.emplace(static_cast<std::byte*>(block) - base_, bytes).first;
  if (auto next = std::next(it); next != free_.end() && it->first + it->second == next->first) {
    it->second += next->second;
    free_.erase(next);
  }
  if (it == free_.begin()) return;
  if (auto before = std::prev(it); before->first + before->second == it->first) {
    before->second += it->second;
    free_.erase(it);
  }
}

void Arena::count() {
  unbacked_ = std::min(unbacked_, end_ - usage.live);
  usage.peak = std::max(usage.peak, usage.live);
  usage.reserved = end_ - unbacked_;
}

void Arena::empty() {
  for (const auto [offset, bytes] : free_) {
    const size_t first = round_up(offset, page), last = (offset + bytes) / page * page;
    if (first < last) madvise(base_ + first, last - first, MADV_DONTNEED);
  }
  unbacked_ = end_ - usage.live;
  count();
}

void Arena::poison() { std::memset(base_, 0xff, end_); }

}  // namespace wxb
