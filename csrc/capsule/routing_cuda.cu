#include "capsule/routing_formulas.h"
#include "capsule/routing_table.h"
#include "core/zero.cuh"

// Some examples at a time, so that their votes stay in L2 while the iterations read them. Lanes run along the input
// capsules; a sum over these is one warp's.
namespace wxb::cuda {

namespace {

constexpr int64_t together = RoutingSizes::together;
constexpr int depth = 8;                       // of in_size, kept in registers
constexpr int sum_threads = 4 * warp_threads;  // of a block that sums for one output capsule, whose size is some 16

// Where the examples of a round have their scratch: votes (poses, row), couplings (outputs, row), V and dv (poses).
template <class T>
struct Round {
  int64_t first, count;
  T *votes, *couplings, *towards, *dv;
  Round(const RoutingSizes& a, T* workspace, int64_t slots, int64_t begin, int64_t end)
      : first(begin), count(min(slots * together, end - begin)) {
    votes = workspace;
    couplings = votes + slots * together * a.poses() * a.row();
    towards = couplings + slots * together * a.outputs * a.row();
    dv = towards + slots * together * a.poses();
  }
};

template <class T>
struct Copy {
  const T* from;
  T* to;
  __device__ void operator()(int64_t i) const { to[i] = from[i]; }
};

// ---- votes ----

// The votes of `together` examples from one input capsule for one output capsule.
template <class T, class A>
struct MakeVotes {
  A a;
  Round<T> round;

  __device__ void operator()(int64_t item) const {
    const int64_t i = item % a.inputs, j = item / a.inputs % a.outputs, e = item / a.inputs / a.outputs * together;
    for (int64_t k = 0; k < a.in_size; k += depth) add(i, j, e, k, int(min<int64_t>(depth, a.in_size - k)));
  }

  __device__ void add(int64_t i, int64_t j, int64_t e, int64_t k, int size) const {
    const int examples = int(min(together, round.count - e));
    T x[together][depth];
#pragma unroll
    for (int n = 0; n < together; ++n)
#pragma unroll
      for (int q = 0; q < depth; ++q)
        x[n][q] =
            n < examples && q < size ? a.x.data[((round.first + e + n) * a.inputs + i) * a.in_size + k + q] : T(0);
    for (int64_t p = j * a.out_size; p < (j + 1) * a.out_size; ++p) {
      T* const votes = round.votes + (e * a.poses() + p) * a.row() + i;
      T sums[together];
#pragma unroll
      for (int n = 0; n < together; ++n) sums[n] = k > 0 && n < examples ? votes[n * a.poses() * a.row()] : T(0);
#pragma unroll
      for (int q = 0; q < depth; ++q) {
        const T w = q < size ? a.weight.data[(p * a.in_size + k + q) * a.inputs + i] : T(0);
        if (q < size)
#pragma unroll
          for (int n = 0; n < together; ++n) sums[n] = fma(w, x[n][q], sums[n]);
      }
#pragma unroll
      for (int n = 0; n < together; ++n)
        if (n < examples) votes[n * a.poses() * a.row()] = sums[n];
    }
  }
};

template <class T, class A>
void make_votes(const A& a, const Round<T>& round, Context& context) {
  launch_each(context, ceil_div(round.count, together) * a.outputs * a.inputs, MakeVotes<T, A>{a, round});
}

// u_ij . vectors_j; votes and vectors are the example's
template <class T>
__device__ T dot(const RoutingSizes& a, const T* votes, const T* vectors, int64_t i, int64_t j) {
  T sum = 0;
  for (int64_t p = j * a.out_size; p < (j + 1) * a.out_size; ++p) sum = fma(votes[p * a.row() + i], vectors[p], sum);
  return sum;
}

// The sum over i of a vote and its coefficient, 1 where c is null, in every lane of the warp.
template <class T>
__device__ T weighted_sum(const T* votes, const T* c, int64_t inputs) {
  T sum = 0;
  for (int64_t i = threadIdx.x % warp_threads; i < inputs; i += warp_threads) sum = fma(votes[i], c ? c[i] : T(1), sum);
  for (int step = warp_threads / 2; step > 0; step /= 2) sum += __shfl_xor_sync(whole_warp, sum, step);
  return sum;
}

// ---- forward ----

// c_ij of one example and input capsule
template <class T>
struct Couple {
  RoutingSizes a;
  Round<T> round;
  __device__ void operator()(int64_t item) const {
    const int64_t e = item / a.inputs, i = item % a.inputs;
    const T *const votes = round.votes + e * a.poses() * a.row(), *const towards = round.towards + e * a.poses();
    couple<T>(
        a.outputs, [&](int64_t j) { return dot(a, votes, towards, i, j); },
        round.couplings + e * a.outputs * a.row() + i, a.row());
  }
};

// s_j, v_j and V_j of one output capsule and iteration, by a block
template <class T>
__global__ void __launch_bounds__(sum_threads) route(Routing<T> a, Round<T> round, int64_t t) {
  for (int64_t item = blockIdx.x; item < round.count * a.outputs; item += gridDim.x) {
    const int64_t e = item / a.outputs, j = item % a.outputs, first = j * a.out_size;
    const T* const c = t > 0 ? round.couplings + (e * a.outputs + j) * a.row() : nullptr;
    T* const s = a.sums.data + ((round.first + e) * a.iterations + t) * a.poses() + first;
    for (int64_t d = threadIdx.x / warp_threads; d < a.out_size; d += sum_threads / warp_threads) {
      const T sum = weighted_sum(round.votes + (e * a.poses() + first + d) * a.row(), c, a.inputs);
      if (threadIdx.x % warp_threads == 0) s[d] = c ? sum : sum / T(a.outputs);
    }
    __syncthreads();
    const double scale = factors(s, a.out_size).scale;
    for (int64_t d = threadIdx.x; d < a.out_size; d += sum_threads) {
      const T v = T(double(s[d]) * scale);
      T* const towards = round.towards + e * a.poses() + first + d;
      *towards = t > 0 ? *towards + v : v;
      a.y.data[(round.first + e) * a.poses() + first + d] = v;
    }
  }
}

// ---- backward ----

// V_j of one output capsule and iteration t, the sum of the squashed s_j before it
template <class T>
struct Towards {
  RoutingBackward<T> a;
  Round<T> round;
  int64_t t, term;
  __device__ void operator()(int64_t item) const {
    const int64_t e = item / a.outputs, first = item % a.outputs * a.out_size, size = a.out_size;
    const T* s = a.sums.data + (round.first + e) * a.iterations * a.poses() + first;
    T* const towards = (a.detach ? round.towards + e * a.poses() : terms_of(a, e).vector(term + 1)) + first;
    for (int64_t d = 0; d < size; ++d) towards[d] = 0;
    for (int64_t before = 0; before < t; ++before, s += a.poses()) {
      const double scale = factors(s, size).scale;
      for (int64_t d = 0; d < size; ++d) towards[d] += T(double(s[d]) * scale);
    }
  }
};

// ds_j of one output capsule and iteration t, from dv_j
template <class T>
struct SumGradient {
  RoutingBackward<T> a;
  Round<T> round;
  int64_t t, term;
  __device__ void operator()(int64_t item) const {
    const int64_t e = item / a.outputs, first = item % a.outputs * a.out_size;
    const Terms<T> terms = terms_of(a, e);
    squash_gradient(a.sums.data + ((round.first + e) * a.iterations + t) * a.poses() + first,
                    round.dv + e * a.poses() + first, a.out_size, terms.vector(term) + first);
    for (int64_t d = 0; a.detach && d < a.out_size; ++d) terms.base[first + d] = 0;
  }
};

// The coefficients of one input capsule and iteration: c_ij, and unless `detach` db_ij
template <class T>
struct CoupleBack {
  RoutingBackward<T> a;
  Round<T> round;
  int64_t term;
  __device__ void operator()(int64_t item) const {
    const int64_t e = item / a.inputs, i = item % a.inputs;
    const Terms<T> terms = terms_of(a, e);
    const T *const votes = round.votes + e * a.poses() * a.row(), *const ds = terms.vector(term),
                   *const towards = a.detach ? round.towards + e * a.poses() : terms.vector(term + 1);
    T* const c = terms.coefficients(term) + i;
    couple<T>(a.outputs, [&](int64_t j) { return dot(a, votes, towards, i, j); }, c, a.row());
    if (a.detach) return;
    couple_gradient<T>(
        a.outputs, [&](int64_t j) { return dot(a, votes, ds, i, j); }, c, terms.coefficients(term + 1) + i, a.row());
  }
};

// dv_p of the iterations before, each p by a warp
template <class T>
__global__ void __launch_bounds__(sum_threads)
    pass_on(RoutingBackward<T> a, Round<T> round, int64_t term, bool is_last) {
  const int64_t warps = int64_t{gridDim.x} * (sum_threads / warp_threads);
  for (int64_t item = first_index() / warp_threads; item < round.count * a.poses(); item += warps) {
    const int64_t e = item / a.poses(), p = item % a.poses();
    const T* const db = terms_of(a, e).coefficients(term + 1) + p / a.out_size * a.row();
    const T sum = weighted_sum(round.votes + item * a.row(), db, a.inputs);
    T& dv = round.dv[item];
    if (threadIdx.x % warp_threads == 0) dv = is_last ? sum : dv + sum;
  }
}

// The term of the first iteration, whose couplings are all 1 / outputs
template <class T>
struct End {
  RoutingBackward<T> a;
  Round<T> round;
  __device__ void operator()(int64_t item) const {
    const int64_t e = item / a.outputs, first = item % a.outputs * a.out_size;
    T* const base = terms_of(a, e).base + first;
    squash_gradient(a.sums.data + (round.first + e) * a.iterations * a.poses() + first,
                    round.dv + e * a.poses() + first, a.out_size, base);
    for (int64_t d = 0; d < a.out_size; ++d) base[d] /= T(a.outputs);
  }
};

// du_ip, in the place of the votes
template <class T>
struct VoteGradient {
  RoutingBackward<T> a;
  Round<T> round;
  __device__ void operator()(int64_t item) const {
    const int64_t i = item % a.inputs, p = item / a.inputs % a.poses(), e = item / a.inputs / a.poses();
    const Terms<T> terms = terms_of(a, e);
    T du = terms.base[p];
    for (int64_t t = 0; t < terms.count; ++t)
      du = fma(terms.coefficients(t)[p / a.out_size * a.row() + i], terms.vector(t)[p], du);
    round.votes[(e * a.poses() + p) * a.row() + i] = du;
  }
};

// dx_i of one example: its numbers from k on
template <class T>
struct InputGradient {
  RoutingBackward<T> a;
  Round<T> round;
  __device__ void operator()(int64_t item) const {
    const int64_t i = item % a.inputs, e = item / a.inputs % round.count, k = item / a.inputs / round.count * depth;
    const int size = int(min<int64_t>(depth, a.in_size - k));
    T sums[depth] = {};
#pragma unroll 1
    for (int64_t p = 0; p < a.poses(); ++p) {
      const T du = round.votes[(e * a.poses() + p) * a.row() + i];
#pragma unroll
      for (int q = 0; q < depth; ++q)
        if (q < size) sums[q] = fma(a.weight.data[(p * a.in_size + k + q) * a.inputs + i], du, sums[q]);
    }
#pragma unroll
    for (int q = 0; q < depth; ++q)
      if (q < size) a.dx.data[((round.first + e) * a.inputs + i) * a.in_size + k + q] = sums[q];
  }
};

// dweight of one input capsule and number of an output capsule, from k on: the round's examples in order
template <class T>
struct WeightGradient {
  RoutingBackward<T> a;
  Round<T> round;
  __device__ void operator()(int64_t item) const {
    const int64_t i = item % a.inputs, p = item / a.inputs % a.poses(), k = item / a.inputs / a.poses() * depth;
    const int size = int(min<int64_t>(depth, a.in_size - k));
    T* const dweight = a.dweight.data + (p * a.in_size + k) * a.inputs + i;
    T sums[depth];
#pragma unroll
    for (int q = 0; q < depth; ++q) sums[q] = round.first > 0 && q < size ? dweight[q * a.inputs] : T(0);
    for (int64_t e = 0; e < round.count; ++e) {
      const T du = round.votes[(e * a.poses() + p) * a.row() + i];
      const T* const x = a.x.data + ((round.first + e) * a.inputs + i) * a.in_size + k;
#pragma unroll
      for (int q = 0; q < depth; ++q)
        if (q < size) sums[q] = fma(du, x[q], sums[q]);
    }
#pragma unroll
    for (int q = 0; q < depth; ++q)
      if (q < size) dweight[q * a.inputs] = sums[q];
  }
};

template <class T>
void find_terms(const RoutingBackward<T>& a, const Round<T>& round, Context& context) {
  const int64_t outputs = round.count * a.outputs, inputs = round.count * a.inputs;
  const T* const dy = a.dy.data + round.first * a.poses();
  launch_each(context, round.count * a.poses(), Copy<T>{dy, round.dv});
  for (int64_t t = a.iterations - 1, term = 0; t > 0; --t, term += 2) {
    launch_each(context, outputs, Towards<T>{a, round, t, term});
    launch_each(context, outputs, SumGradient<T>{a, round, t, term});
    launch_each(context, inputs, CoupleBack<T>{a, round, term});
    if (a.detach) return;
    launch_blocks(context, pass_on<T>, blocks_for(round.count * a.poses(), sum_threads / warp_threads), sum_threads, 0,
                  a, round, term, t == a.iterations - 1);
  }
  launch_each(context, outputs, End<T>{a, round});
}

}  // namespace

int64_t routing_slots(int64_t tasks) { return min<int64_t>(tasks, 8); }  // CapsNet's votes of 32 examples: 24 MB

int64_t routing_slot(const RoutingSizes& s) { return together * ((s.poses() + s.outputs) * s.row() + 2 * s.poses()); }

template <class T>
void routing_forward(const Routing<T>& a, Context& context) {
  for (int64_t first = 0; first < a.n; first += a.slots * together) {
    const Round<T> round(a, a.workspace.data, a.slots, first, a.n);
    make_votes(a, round, context);
    for (int64_t t = 0; t < a.iterations; ++t) {
      if (t > 0) launch_each(context, round.count * a.inputs, Couple<T>{a, round});
      launch_blocks(context, route<T>, blocks_for(round.count * a.outputs, 1), sum_threads, 0, a, round, t);
    }
  }
}

template <class T>
void routing_backward(const RoutingBackward<T>& a, Context& context) {
  if (a.n == 0 && a.dweight) zero(context, a.dweight);
  for (int64_t first = 0; first < a.n; first += a.slots * together) {
    const Round<T> round(a, a.workspace.data, a.slots, first, a.n);
    const int64_t parts = ceil_div(a.in_size, depth);
    make_votes(a, round, context);
    find_terms(a, round, context);
    launch_each(context, round.count * a.poses() * a.inputs, VoteGradient<T>{a, round});
    if (a.dx) launch_each(context, round.count * a.inputs * parts, InputGradient<T>{a, round});
    if (a.dweight) launch_each(context, a.poses() * a.inputs * parts, WeightGradient<T>{a, round});
  }
}

template void routing_forward(const Routing<float>&, Context&);
template void routing_forward(const Routing<double>&, Context&);
template void routing_backward(const RoutingBackward<float>&, Context&);
template void routing_backward(const RoutingBackward<double>&, Context&);

}  // namespace wxb::cuda
