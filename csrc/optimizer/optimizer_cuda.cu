#include "core/rows.cuh"
#include "optimizer/formulas.h"
#include "optimizer/optimizer.h"

// Blocks take ranges of the rows laid end to end: one launch updates all parameters.
namespace wxb::cuda {

namespace {

constexpr int64_t range = 4096;  // elements of a block: 16 for each thread, and 256 blocks of a million parameters

template <class T>
unsigned blocks_of(const Rows<T>& rows) {
  return unsigned(ceil_div(rows.size, range));
}

// Calls f(row, from, to) for the pieces of rows that are this block's.
template <class T, class F>
__device__ void for_own_pieces(const Rows<T>& rows, F f) {
  const int64_t begin = int64_t{blockIdx.x} * range, end = begin + range;
  for_pieces(rows, begin, min(end, rows.size), f);
}

template <class Args>
using ScalarsOf = decltype(scalars(std::declval<Args>(), 0));

constexpr int64_t scalars_room = 16;  // numbers of double: room for the scalars of any optimizer

// One thread moves the step on and computes what all need of the hyper-parameters: powers, in double.
template <class Args>
__global__ void advance(Args a, Status status) {
  static_assert(sizeof(ScalarsOf<Args>) <= scalars_room * sizeof(double));
  if (!bad(status)) *reinterpret_cast<ScalarsOf<Args>*>(a.rows.partial) = scalars(a, ++a.step.data[0]);
}

// F::update for every element. Four blocks at once are enough; ptxas would spill to have more.
template <class F, class Args>
__global__ void __launch_bounds__(block_threads, 4) update(Args a, Status status) {
  if (bad(status)) return;
  const auto common = *reinterpret_cast<const ScalarsOf<Args>*>(a.rows.partial);
  for_own_pieces(a.rows, [&](const auto& row, int64_t from, int64_t to) {
    const auto c = of_row(common, row);
#pragma unroll 2
    for (int64_t i = from + threadIdx.x; i < to; i += block_threads) {
      std::remove_reference_t<decltype(*row.parameter.data)> s[3];
#pragma unroll
      for (int k = 0; k < F::states; ++k) s[k] = row.states[k].data[i];
      F::update(c, row.parameter.data[i], row.gradient.data[i], s);
#pragma unroll
      for (int k = 0; k < F::states; ++k) row.states[k].data[i] = s[k];
    }
  });
}

template <class F, class Args>
void launch_update(Context& context, const Args& a) {
  const Status status = context.status();
  launch_blocks(context, advance<Args>, 1, 1, 0, a, status);
  if (a.rows.size) launch_blocks(context, update<F, Args>, blocks_of(a.rows), block_threads, 0, a, status);
}

// ---- clipping: sums of the blocks, their sum, the factor ----

template <class T>
__global__ void __launch_bounds__(block_threads) sum_squares(Rows<T> rows, Status status) {
  if (bad(status)) return;
  double sum = 0;
  for_own_pieces(rows, [&](const Row<T>& row, int64_t from, int64_t to) {
    for (int64_t i = from + threadIdx.x; i < to; i += block_threads)
      sum += double(row.gradient.data[i]) * double(row.gradient.data[i]);
  });
  sum = reduce_block(sum, Sum());
  if (threadIdx.x == 0) rows.partial[blockIdx.x] = sum;
}

// One block; the norm in double goes behind the sums.
template <class T>
__global__ void __launch_bounds__(block_threads) take_root(Clip<T> a, int64_t sums, Status status) {
  if (bad(status)) return;
  double sum = 0;
  for (int64_t i = threadIdx.x; i < sums; i += block_threads) sum += a.rows.partial[i];
  const double norm = sqrt(reduce_block(sum, Sum()));
  if (threadIdx.x == 0) a.rows.partial[sums] = norm, a.norm.data[0] = T(norm);
}

template <class T>
__global__ void __launch_bounds__(block_threads) scale(Clip<T> a, int64_t sums, Status status) {
  const double norm = a.rows.partial[sums];
  if (bad(status) || norm <= a.max_norm) return;
  const T factor = T(a.max_norm / norm);
  for_own_pieces(a.rows, [&](const Row<T>& row, int64_t from, int64_t to) {
    for (int64_t i = from + threadIdx.x; i < to; i += block_threads) row.gradient.data[i] *= factor;
  });
}

}  // namespace

int64_t optimizer_partials(int64_t size) { return ceil_div(size, range) + scalars_room; }

template <class T>
void sgd(const Sgd<T>& a, Context& context) {
  a.momentum != 0 ? launch_update<Momentum>(context, a) : launch_update<Plain>(context, a);
}

template <class T>
void adam(const Adam<T>& a, Context& context) {
  launch_update<Moments>(context, a);
}

template <class T>
void rmsprop(const Rmsprop<T>& a, Context& context) {
  if (a.centered)
    a.momentum != 0 ? launch_update<MeanSquare<true, true>>(context, a)
                    : launch_update<MeanSquare<true, false>>(context, a);
  else
    a.momentum != 0 ? launch_update<MeanSquare<false, true>>(context, a)
                    : launch_update<MeanSquare<false, false>>(context, a);
}

template <class T>
void clip(const Clip<T>& a, Context& context) {
  const Status status = context.status();
  const int64_t sums = blocks_of(a.rows);
  if (sums) launch_blocks(context, sum_squares<T>, unsigned(sums), block_threads, 0, a.rows, status);
  launch_blocks(context, take_root<T>, 1, block_threads, 0, a, sums, status);
  if (sums) launch_blocks(context, scale<T>, unsigned(sums), block_threads, 0, a, sums, status);
}

#define WXB_FLOAT(T)                                  \
  template void sgd(const Sgd<T>&, Context&);         \
  template void adam(const Adam<T>&, Context&);       \
  template void rmsprop(const Rmsprop<T>&, Context&); \
  template void clip(const Clip<T>&, Context&);
WXB_FLOAT(float)
WXB_FLOAT(double)

}  // namespace wxb::cuda
