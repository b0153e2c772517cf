#include <algorithm>

#include "attention/attention_table.h"
#include "core/isa.h"
#include "core/parallel.h"

namespace wxb {

WXB_ROOM(AttentionTable<float>, attention_float)

namespace ref {
extern const AttentionTable<double> attention_double;
}

namespace cpu {

namespace {

template <class T>
const AttentionTable<T>& table() {
  if constexpr (std::is_same_v<T, float>)
    return attention_float();
  else
    return ref::attention_double;
}

constexpr int64_t queries_at_most = 512;  // of a task: what is kept for each of them lies on its stack
constexpr double worth_a_task = 1e6;      // operations: some ten microseconds

template <class T>
void check_lengths(const Attention<T>& a, Context& context) {
  for (int64_t b = 0; b < a.lengths.size; ++b)
    if (a.lengths.data[b] < 0 || a.lengths.data[b] > a.keys) return context.report(Code::bad_index, uint64_t(b));
}

// Heads that together are worth a task.
template <class T>
int64_t heads_together(const Attention<T>& a) {
  const double each = 4.0 * double(a.queries) * double(a.keys) * double(a.size);
  return std::max<int64_t>(1, int64_t(worth_a_task / std::max(each, worth_a_task / 1024)));
}

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

// A row's sums do not depend on what it shares a task with, so few heads are cut up further: keys are laid out anew for
// each task, which 64 queries are worth.
template <class T>
void attention_forward(const AttentionForward<T>& f, Context& context) {
  const Attention<T>& a = f.of;
  check_lengths(a, context);
  const int64_t heads = a.batch * a.heads, together = heads_together(a);
  const int64_t queries = heads >= 16 ? queries_at_most : 96, parts = divide_up(a.queries, queries);
  parallel(divide_up(heads, together) * parts, [&](int64_t task) {
    const int64_t first = task / parts * together, begin = task % parts * queries;
    for (int64_t h = first; h < std::min(heads, first + together); ++h)
      table<T>().forward(f, h, begin, std::min(a.queries, begin + queries));
  });
}

// A head is one task: dk and dv are sums over its queries, dq over its keys.
template <class T>
void attention_backward(const AttentionBackward<T>& g, Context& context) {
  check_lengths(g.of, context);
  const int64_t heads = g.of.batch * g.of.heads, together = heads_together(g.of);
  parallel(divide_up(heads, together), [&](int64_t task) {
    for (int64_t h = task * together; h < std::min(heads, (task + 1) * together); ++h) table<T>().backward(g, h);
  });
}

#define WXB_FLOAT(T)                                                     \
  template void attention_forward(const AttentionForward<T>&, Context&); \
  template void attention_backward(const AttentionBackward<T>&, Context&);
WXB_FLOAT(float)
WXB_FLOAT(double)

}  // namespace cpu
}  // namespace wxb
