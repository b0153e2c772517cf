#pragma once
#include "capsule/routing.h"

namespace wxb {

// Where the parts of an example's terms lie.
template <class T>
struct Terms {
  T* base;  // (poses)
  int64_t poses, outputs, row, count;
  HD T* vector(int64_t t) const { return base + (1 + t) * poses; }
  HD T* coefficients(int64_t t) const {
    constexpr int64_t widest = RoutingSizes::widest;
    return base + ((1 + count) * poses + widest - 1) / widest * widest + t * outputs * row;
  }
};
template <class T>
HD Terms<T> terms_of(const RoutingBackward<T>& a, int64_t example_in_block) {
  return {a.terms.data + example_in_block * a.of_terms(), a.poses(), a.outputs, a.row(), a.term_count()};
}

template <class T>
struct RoutingTable {
  // `count` examples from `first` on, at most `together`, on one thread.
  void (*forward)(const Routing<T>&, int64_t first, int64_t count, T* scratch);
  // The terms of these examples, the first of which is number `in_block` of its block.
  void (*terms)(const RoutingBackward<T>&, int64_t first, int64_t count, int64_t in_block, T* scratch);
  // dx and dweight of the inputs [begin, end) and the `count` examples of a block that begins at `first`.
  void (*gradients)(const RoutingBackward<T>&, int64_t first, int64_t count, int64_t begin, int64_t end, T* scratch);
};

}  // namespace wxb
