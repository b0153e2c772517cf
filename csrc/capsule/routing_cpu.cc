#include <algorithm>

#include "capsule/routing_table.h"
#include "core/isa.h"
#include "core/parallel.h"

namespace wxb {

WXB_ROOM(RoutingTable<float>, routing_float)

namespace ref {
extern const RoutingTable<double> routing_double;
}

namespace cpu {

namespace {

template <class T>
const RoutingTable<T>& table() {
  if constexpr (std::is_same_v<T, float>)
    return routing_float();
  else
    return ref::routing_double;
}

constexpr int64_t together = RoutingSizes::together, block = RoutingSizes::block, strip = RoutingSizes::strip;

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

// body(piece, scratch) for [0, pieces), a stretch of them for each slot of the workspace.
template <class T, class Body>
void by_slots(int64_t pieces, int64_t slots, const Out<T>& workspace, Body body) {
  const int64_t used = std::min(pieces, slots), size = workspace.size / slots;
  parallel(used, [&](int64_t slot) {
    for (int64_t i = slot * pieces / used; i < (slot + 1) * pieces / used; ++i) body(i, workspace.data + slot * size);
  });
}

}  // namespace

int64_t routing_slots(int64_t tasks) { return std::min<int64_t>(tasks, num_threads()); }

int64_t routing_slot(const RoutingSizes& s) {
  return std::max(s.together * s.of_example() + s.of_pass(), s.of_gradients());
}

template <class T>
void routing_forward(const Routing<T>& a, Context&) {
  if (a.n == 0) return;
  by_slots(divide_up(a.n, together), a.slots, a.workspace, [&](int64_t group, T* scratch) {
    const int64_t first = group * together;
    table<T>().forward(a, first, std::min(together, a.n - first), scratch);
  });
}

template <class T>
void routing_backward(const RoutingBackward<T>& a, Context&) {
  if (a.n == 0 && a.dweight) std::fill_n(a.dweight.data, a.dweight.size, T(0));
  for (int64_t first = 0; first < a.n; first += block) {
    const int64_t count = std::min(block, a.n - first);
    by_slots(divide_up(count, together), a.slots, a.workspace, [&](int64_t group, T* scratch) {
      const int64_t begin = group * together;
      table<T>().terms(a, first + begin, std::min(together, count - begin), begin, scratch);
    });
    by_slots(divide_up(a.inputs, strip), a.slots, a.workspace, [&](int64_t i, T* scratch) {
      table<T>().gradients(a, first, count, i * strip, std::min(a.inputs, (i + 1) * strip), scratch);
    });
  }
}

template void routing_forward(const Routing<float>&, Context&);
template void routing_forward(const Routing<double>&, Context&);
template void routing_backward(const RoutingBackward<float>&, Context&);
template void routing_backward(const RoutingBackward<double>&, Context&);

}  // namespace cpu
}  // namespace wxb
