#include <algorithm>

#include "core/isa.h"
#include "core/parallel.h"
#include "gemm/gemm_table.h"
#include "recurrent/recurrent_formulas.h"

namespace wxb {

WXB_ROOM(RecurrentTable<float>, recurrent_float)
WXB_ROOM(GemmTable<float>, gemm_float)

namespace ref {
extern const RecurrentTable<double> recurrent_double;
extern const GemmTable<double> gemm_double;
}  // namespace ref

namespace cpu {

namespace {

template <class T>
const RecurrentTable<T>& table() {
  if constexpr (std::is_same_v<T, float>)
    return recurrent_float();
  else
    return ref::recurrent_double;
}

template <class T>
const GemmTable<T>& products() {
  if constexpr (std::is_same_v<T, float>)
    return gemm_float();
  else
    return ref::gemm_double;
}

constexpr int64_t packed_from = 4;        // steps: packing costs as much as some three products of few rows
constexpr double parallel_from = 5e5;     // multiply-adds; ten times what a fork and join costs
constexpr int64_t rows_of_task = 8;       // at least, where each thread takes rows through all steps
constexpr int64_t shared_from = 1 << 22;  // elements of the weight: 16 MB, which two threads had better not both read

int64_t padded(int64_t units) { return (units + strip - 1) / strip * strip; }

// How the work is cut up: rows go through all steps without waiting for each other, which on a machine with other work
// costs much more than reading the weight twice; but where they are few, or the weight is very large, the units of each
// step are cut up.
struct Cut {
  int64_t rows, units;  // tasks
};

Cut cut(const RecurrentShape& s) {
  const int64_t threads = num_threads(), weight = gates_of(s.cell) * s.units * s.units;
  if (threads == 1 || double(weight) * double(s.batch) * double(s.steps) < parallel_from) return {1, 1};
  const int64_t strips = padded(s.units) / strip;
  if (s.batch >= threads * rows_of_task && weight < shared_from) return {threads, 1};
  if (strips > 1 && double(weight) * double(s.batch) >= parallel_from) return {1, strips};
  return {std::min(threads, s.batch), 1};
}

// f(k, part) for every step k, in order, and every part of it.
template <class F>
void for_steps(const RecurrentShape& s, int64_t count, F f) {
  const Cut c = cut(s);
  if (c.units == 1) {
    parallel(c.rows, [&](int64_t i) {
      for (int64_t k = 0; k < count; ++k) f(k, Part{i * s.batch / c.rows, (i + 1) * s.batch / c.rows, 0, s.units});
    });
    return;
  }
  for (int64_t k = 0; k < count; ++k)
    parallel(c.units, [&](int64_t i) { f(k, Part{0, s.batch, i * strip, std::min(s.units, (i + 1) * strip)}); });
}

template <class T>
void pack(const T* weight, T* packed, const RecurrentShape& s, bool backward) {
  const Packing<T> packing{weight, packed, gates_of(s.cell), s.units, backward};
  parallel(padded(s.units) / strip,
           [&](int64_t i) { table<T>().pack(packing, i * strip, std::min(s.units, (i + 1) * strip)); });
}

// The rows from the first to the last that are still within their length: only they need the product.
Part running(const int64_t* lengths, int64_t time, Part part) {
  if (!lengths) return part;
  while (part.row < part.row_end && time >= lengths[part.row]) ++part.row;
  while (part.row < part.row_end && time >= lengths[part.row_end - 1]) --part.row_end;
  return part;
}

// ---- forward ----

template <class T>
void load(const In<T>& from, T* to, int64_t count) {
  from ? void(std::copy_n(from.data, count, to)) : void(std::fill_n(to, count, T(0)));
}

template <class T>
void multiply_unpacked(const Step<T>& s) {
  const int64_t out = gates_of(s.cell) * s.units;
  products<T>().gemm({s.batch, out, s.units, s.h, s.units, 1, s.weight, 1, s.units, s.gates, out, s.bias});
}

// ---- backward ----

// product = dz W of a step: 0 in rows that are beyond their length.
template <class T>
void multiply_back(const RecurrentBackward<T>& a, int64_t k, const Part& part) {
  const BackwardStep<T> s = step_of(a, k);
  const Part rows = running(s.lengths, s.time, part);
  for (int64_t n = part.row; n < part.row_end; ++n)
    if (n < rows.row || n >= rows.row_end)
      std::fill(a.product.data + n * s.units + part.unit, a.product.data + n * s.units + part.unit_end, T(0));
  table<T>().multiply_back(s, a.product.data, rows);
}

template <class T>
void multiply_back_unpacked(const RecurrentBackward<T>& a, int64_t k) {
  const BackwardStep<T> s = step_of(a, k);
  const int64_t depth = gates_of(s.cell) * s.units;
  products<T>().gemm({s.batch, s.units, depth, s.dz, depth, 1, s.weight, s.units, 1, a.product.data, s.units});
}

}  // namespace

int64_t recurrent_packed(const RecurrentShape& s) {
  return s.steps < packed_from ? 0 : gates_of(s.cell) * s.units * padded(s.units);
}

template <class T>
void recurrent_forward(const Recurrent<T>& a, Context& context) {
  const RecurrentShape& s = a.shape;
  const int64_t state = s.batch * s.units;
  if (state == 0) return;
  for (int64_t n = 0; a.lengths && n < s.batch; ++n)
    if (a.lengths.data[n] < 1 || a.lengths.data[n] > s.steps) context.report(Code::bad_index, uint64_t(n));
  const Step<T> first = step_of(a, 0);
  load(a.h0, const_cast<T*>(first.h), state);
  if (first.c) load(a.c0, const_cast<T*>(first.c), state);
  if (!a.packed) {
    for (int64_t k = 0; k < s.steps; ++k) {
      multiply_unpacked(step_of(a, k));
      for_steps({1, s.batch, s.units, s.cell, s.reverse}, 1,
                [&](int64_t, const Part& part) { table<T>().finish(step_of(a, k), part); });
    }
    return;
  }
  pack(a.weight.data, a.packed.data, s, false);
  for_steps(s, s.steps, [&](int64_t k, const Part& part) {
    const Step<T> now = step_of(a, k);
    table<T>().multiply(now, running(now.lengths, now.time, part));
    table<T>().finish(now, part);
  });
}

template <class T>
void recurrent_backward(const RecurrentBackward<T>& a, Context&) {
  const RecurrentShape& s = a.shape;
  const int64_t state = s.batch * s.units;
  if (state == 0) return;
  load(a.dh_n, a.dh0.data, state);
  if (a.dc0) load(a.dc_n, a.dc0.data, state);
  if (a.packed) {
    pack(a.weight.data, a.packed.data, s, true);
    // All gates of a step come before the product that reads them: it begins the next one.
    for_steps(s, s.steps + 1, [&](int64_t k, const Part& part) {
      if (k > 0) multiply_back(a, k - 1, part);
      if (k < s.steps) table<T>().derive(step_of(a, k), part);
    });
  } else {
    for (int64_t k = 0; k < s.steps; ++k) {
      for_steps({1, s.batch, s.units, s.cell, s.reverse}, 1,
                [&](int64_t, const Part& part) { table<T>().derive(step_of(a, k), part); });
      multiply_back_unpacked(a, k);
    }
  }
  for (int64_t i = 0; i < state; ++i) a.dh0.data[i] += a.product.data[i];
}

#define WXB_FLOAT(T)                                              \
  template void recurrent_forward(const Recurrent<T>&, Context&); \
  template void recurrent_backward(const RecurrentBackward<T>&, Context&);
WXB_FLOAT(float)
WXB_FLOAT(double)

}  // namespace cpu
}  // namespace wxb
