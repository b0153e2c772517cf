#include "capsule/routing_table.h"
#include "core/simd_math.h"
#include "core/simd_sum.h"
#include "gemm/pack_simd.h"

// Lanes run along the input capsules. Sums over them are kept lane by lane and added across at the end of a pass, so
// that a pass is vertical multiply-adds and one exponential per vote and output.
namespace wxb::WXB_TARGET {

namespace {

constexpr int64_t lanes_ = Vec::lanes, together = RoutingSizes::together;

// ---- votes ----

// What some examples have in common: x turned (in_size, row) and votes (poses, row), one behind the other.
struct Examples {
  int64_t in_size, inputs, row, poses;
  const float* weight;
  float *x, *votes;
  float* x_of(int64_t e) const { return x + e * in_size * row; }
  float* votes_of(int64_t e) const { return votes + e * poses * row; }
};

// Votes of `rows` poses from p on and of the inputs in one vector.
template <int examples, int rows, class Lanes>
WXB_INLINE void vote(const Examples& a, Lanes lanes, int64_t p, int64_t i) {
  Vec sums[rows][examples];
  for (int r = 0; r < rows; ++r)
    for (int e = 0; e < examples; ++e) sums[r][e] = Vec(0.f);
  for (int64_t k = 0; k < a.in_size; ++k) {
    Vec w[rows];
    for (int r = 0; r < rows; ++r) w[r] = lanes.load(a.weight + ((p + r) * a.in_size + k) * a.inputs + i);
    for (int e = 0; e < examples; ++e) {
      const Vec x = Vec::load(a.x_of(e) + k * a.row + i);
      for (int r = 0; r < rows; ++r) sums[r][e] = fma(w[r], x, sums[r][e]);
    }
  }
  for (int r = 0; r < rows; ++r)
    for (int e = 0; e < examples; ++e) sums[r][e].store(a.votes_of(e) + (p + r) * a.row + i);
}

template <int examples>
void make_votes(const Examples& a) {
  constexpr int64_t width = 128;  // inputs: x of four examples takes 16 KB for each 8 of in_size
  for (int64_t begin = 0; begin < a.inputs; begin += width) {
    const int64_t end = min(a.inputs, begin + width);
    int64_t p = 0;
    for (; p + 2 <= a.poses; p += 2)
      for_lanes(begin, end, [&](auto lanes, int64_t i) { vote<examples, 2>(a, lanes, p, i); });
    if (p < a.poses) for_lanes(begin, end, [&](auto lanes, int64_t i) { vote<examples, 1>(a, lanes, p, i); });
  }
}

// Turns x of `count` examples and makes their votes; what lies beyond the inputs becomes 0.
template <class A>
Examples examples_of(const A& a, int64_t first, int64_t count, float* scratch) {
  const int64_t row = a.row();
  const Examples e{a.in_size, a.inputs, row, a.poses(), a.weight.data, scratch, scratch + together * a.in_size * row};
  for (int64_t i = 0; i < count; ++i)
    turn(a.x.data + (first + i) * a.inputs * a.in_size, a.in_size, a.inputs, a.in_size, row, e.x_of(i), row);
  const int64_t whole = (a.inputs + lanes_ - 1) / lanes_ * lanes_;
  for (int64_t p = 0; whole < row && p < count * e.poses; ++p)
    __builtin_memset(e.votes + p * row + whole, 0, size_t(row - whole) * sizeof(float));
  if (count == together) {
    make_votes<together>(e);
  } else {
    for (int64_t i = 0; i < count; ++i)
      make_votes<1>({e.in_size, e.inputs, row, e.poses, e.weight, e.x_of(i), e.votes_of(i)});
  }
  return e;
}

// ---- a pass over the votes of an example ----

// `scratch` of a pass: couplings and their gradients of a strip, sums lane by lane, two vectors of poses.
struct Pass {
  int64_t inputs, row, outputs, out_size, poses;
  float *c, *dc, *sums, *towards, *dv;
};
template <class A>
Pass pass_of(const A& a, float* scratch) {
  const int64_t of_strip = a.outputs * RoutingSizes::strip, poses = a.poses();
  float *const dc = scratch + of_strip, *const sums = dc + of_strip, *const towards = sums + poses * a.widest;
  return {a.inputs, a.row(), a.outputs, a.out_size, poses, scratch, dc, sums, towards, towards + poses};
}

// to[v] = u_ij . vectors_j of so many vectors of inputs
template <int vectors>
WXB_INLINE void dots(const Pass& a, const float* votes, const float* of, int64_t j, Vec (&to)[vectors]) {
  for (int v = 0; v < vectors; ++v) to[v] = Vec(0.f);
  for (int64_t p = j * a.out_size; p < (j + 1) * a.out_size; ++p) {
    const Vec weight(of[p]);
    for (int v = 0; v < vectors; ++v) to[v] = fma(Vec::load(votes + p * a.row + v * lanes_), weight, to[v]);
  }
}

// c_ij = softmax over j of u_ij . towards_j, rows `apart` from each other
template <int vectors>
void couple(const Pass& a, const float* votes, const float* towards, float* c, int64_t apart) {
  Vec largest[vectors], total[vectors], logits[vectors];
  for (int v = 0; v < vectors; ++v) largest[v] = Vec(-__builtin_inff()), total[v] = Vec(0.f);
  for (int64_t j = 0; j < a.outputs; ++j) {
    dots<vectors>(a, votes, towards, j, logits);
    for (int v = 0; v < vectors; ++v) {
      largest[v] = max(largest[v], logits[v]);  // a NaN that is lost comes back in exp
      logits[v].store(c + j * apart + v * lanes_);
    }
  }
  for (int64_t j = 0; j < a.outputs; ++j)
    for (int v = 0; v < vectors; ++v) {
      float* const at = c + j * apart + v * lanes_;
      const Vec e = exp(Vec::load(at) - largest[v]);
      e.store(at);
      total[v] += e;
    }
  for (int v = 0; v < vectors; ++v) total[v] = Vec(1.f) / total[v];
  for (int64_t j = 0; j < a.outputs; ++j)
    for (int v = 0; v < vectors; ++v) {
      float* const at = c + j * apart + v * lanes_;
      (Vec::load(at) * total[v]).store(at);
    }
}

// db_ij = c_ij (dc_ij - sum_k c_ik dc_ik) with dc_ij = u_ij . ds_j
template <int vectors>
void softmax_gradient(const Pass& a, const float* votes, const float* ds, const float* c, float* db, int64_t apart) {
  Vec mean[vectors], dc[vectors];
  for (int v = 0; v < vectors; ++v) mean[v] = Vec(0.f);
  for (int64_t j = 0; j < a.outputs; ++j) {
    dots<vectors>(a, votes, ds, j, dc);
    for (int v = 0; v < vectors; ++v) {
      mean[v] = fma(Vec::load(c + j * apart + v * lanes_), dc[v], mean[v]);
      dc[v].store(db + j * apart + v * lanes_);
    }
  }
  for (int64_t j = 0; j < a.outputs; ++j)
    for (int v = 0; v < vectors; ++v) {
      float* const at = db + j * apart + v * lanes_;
      (Vec::load(c + j * apart + v * lanes_) * (Vec::load(at) - mean[v])).store(at);
    }
}

// sums_p += c_ij u_ip, lane by lane
template <int vectors>
void weigh(const Pass& a, const float* votes, const float* c, int64_t apart) {
  for (int64_t j = 0; j < a.outputs; ++j) {
    Vec of[vectors];
    for (int v = 0; v < vectors; ++v) of[v] = Vec::load(c + j * apart + v * lanes_);
    for (int64_t p = j * a.out_size; p < (j + 1) * a.out_size; ++p) {
      Vec sum = Vec::load(a.sums + p * lanes_);
      for (int v = 0; v < vectors; ++v) sum = fma(of[v], Vec::load(votes + p * a.row + v * lanes_), sum);
      sum.store(a.sums + p * lanes_);
    }
  }
}

constexpr int at_once = 4;  // vectors of inputs: as many chains of multiply-adds, and a strip of votes stays in L1

// f(how many vectors, i) for the strips of a row.
template <class F>
WXB_INLINE void for_strips(const Pass& a, F f) {
  int64_t i = 0;
  for (; i + at_once * lanes_ <= a.row; i += at_once * lanes_) f(std::integral_constant<int, at_once>{}, i);
  for (; i < a.row; i += lanes_) f(std::integral_constant<int, 1>{}, i);
}

WXB_INLINE float across_lanes(const float* sums) {
  return across(Vec::load(sums), [](Vec x, Vec y) { return x + y; });
}

// s_p = sum_i c_ij u_ip with couplings towards V, which are not kept.
void weighted_sums(const Pass& a, const float* votes, float* s) {
  __builtin_memset(a.sums, 0, size_t(a.poses * lanes_) * sizeof(float));
  for_strips(a, [&](auto vectors, int64_t i) {
    couple<vectors.value>(a, votes + i, a.towards, a.c, RoutingSizes::strip);
    weigh<vectors.value>(a, votes + i, a.c, RoutingSizes::strip);
  });
  for (int64_t p = 0; p < a.poses; ++p) s[p] = across_lanes(a.sums + p * lanes_);
}

// s_p = sum_i u_ip / outputs
void plain_sums(const Pass& a, const float* votes, float* s) {
  const auto add = [](Vec x, Vec y) { return x + y; };
  for (int64_t p = 0; p < a.poses; ++p) {
    const float* const of = votes + p * a.row;
    const auto step = [&](Vec sum, auto lanes, int64_t i) { return sum + lanes.load(of + i); };
    s[p] = across(fold(0, a.row, Vec(0.f), step, add), add) / float(a.outputs);
  }
}

SquashFactors factors(const Pass& a, const float* s) {
  double square = 0;
  for (int64_t d = 0; d < a.out_size; ++d) square += double(s[d]) * double(s[d]);
  return squash_factors(square);
}

// v = squash(s), and V += v
void squash(const Pass& a, const float* s, float* v) {
  for (int64_t j = 0; j < a.outputs; ++j) {
    const double scale = factors(a, s + j * a.out_size).scale;
    for (int64_t p = j * a.out_size; p < (j + 1) * a.out_size; ++p) {
      v[p] = float(double(s[p]) * scale);
      a.towards[p] += v[p];
    }
  }
}

void forward(const Routing<float>& a, int64_t first, int64_t count, float* scratch) {
  const Examples examples = examples_of(a, first, count, scratch);
  const Pass pass = pass_of(a, scratch + together * a.of_example());
  for (int64_t e = 0; e < count; ++e) {
    __builtin_memset(pass.towards, 0, size_t(pass.poses) * sizeof(float));
    for (int64_t t = 0; t < a.iterations; ++t) {
      float* const s = a.sums.data + ((first + e) * a.iterations + t) * pass.poses;
      t == 0 ? plain_sums(pass, examples.votes_of(e), s) : weighted_sums(pass, examples.votes_of(e), s);
      squash(pass, s, a.y.data + (first + e) * pass.poses);
    }
  }
}

// ---- backward ----

void squash_gradient(const Pass& a, const float* s, float* ds) {
  for (int64_t j = 0; j < a.outputs; ++j) {
    const int64_t begin = j * a.out_size, end = begin + a.out_size;
    const SquashFactors f = factors(a, s + begin);
    double along = 0;
    for (int64_t p = begin; p < end; ++p) along += double(s[p]) * double(a.dv[p]);
    for (int64_t p = begin; p < end; ++p) ds[p] = float(f.scale * double(a.dv[p]) + f.slope * along * double(s[p]));
  }
}

// The terms of iteration t: c and ds, and unless `only_c` db and V; the sums over i of db_ij u_ip are added to dv.
void terms_of_iteration(const Pass& a, const float* votes, const Terms<float>& terms, int64_t term, bool only_c) {
  const float* const ds = terms.vector(term);
  float *const c = terms.coefficients(term), *const db = only_c ? nullptr : terms.coefficients(term + 1);
  __builtin_memset(a.sums, 0, size_t(a.poses * lanes_) * sizeof(float));
  for_strips(a, [&](auto vectors, int64_t i) {
    couple<vectors.value>(a, votes + i, a.towards, c + i, a.row);
    if (only_c) return;
    softmax_gradient<vectors.value>(a, votes + i, ds, c + i, db + i, a.row);
    weigh<vectors.value>(a, votes + i, db + i, a.row);
  });
  if (!only_c) __builtin_memcpy(terms.vector(term + 1), a.towards, size_t(a.poses) * sizeof(float));
}

// V of iteration t from the sums of those before; `v` is scratch.
void look_towards(const Pass& a, const float* sums, int64_t t, float* v) {
  __builtin_memset(a.towards, 0, size_t(a.poses) * sizeof(float));
  for (int64_t before = 0; before < t; ++before) squash(a, sums + before * a.poses, v);
}

void terms_of_example(const RoutingBackward<float>& a, const Pass& pass, const float* votes, const Terms<float>& terms,
                      int64_t example) {
  const float* const sums = a.sums.data + example * a.iterations * pass.poses;
  const size_t bytes = size_t(pass.poses) * sizeof(float);
  __builtin_memcpy(pass.dv, a.dy.data + example * pass.poses, bytes);
  for (int64_t t = a.iterations - 1, term = 0; t > 0; --t, term += 2) {
    squash_gradient(pass, sums + t * pass.poses, terms.vector(term));
    look_towards(pass, sums, t, terms.base);
    terms_of_iteration(pass, votes, terms, term, a.detach);
    if (a.detach) {
      __builtin_memset(terms.base, 0, bytes);
      return;
    }
    if (term == 0) __builtin_memset(pass.dv, 0, bytes);
    for (int64_t p = 0; p < pass.poses; ++p) pass.dv[p] += across_lanes(pass.sums + p * lanes_);
  }
  squash_gradient(pass, sums, terms.base);
  for (int64_t p = 0; p < pass.poses; ++p) terms.base[p] /= float(a.outputs);
}

void terms(const RoutingBackward<float>& a, int64_t first, int64_t count, int64_t in_block, float* scratch) {
  const Examples examples = examples_of(a, first, count, scratch);
  const Pass pass = pass_of(a, scratch + together * a.of_example());
  for (int64_t e = 0; e < count; ++e)
    terms_of_example(a, pass, examples.votes_of(e), terms_of(a, in_block + e), first + e);
}

// One vector of inputs and the examples of a block: x, dx (examples, in_size, lanes), du (examples, out_size, lanes).
struct Gradients {
  int64_t count, in_size, out_size, inputs;
  float *x, *dx, *du;
  float* x_of(int64_t e, int64_t k) const { return x + (e * in_size + k) * lanes_; }
  float* dx_of(int64_t e, int64_t k) const { return dx + (e * in_size + k) * lanes_; }
  float* du_of(int64_t e, int64_t d) const { return du + (e * out_size + d) * lanes_; }
};

void vote_gradients(const RoutingBackward<float>& a, const Gradients& g, int64_t j, int64_t i) {
  for (int64_t e = 0; e < g.count; ++e) {
    const Terms<float> terms = terms_of(a, e);
    const float* const c = terms.coefficients(0) + j * terms.row + i;
    for (int64_t d = 0; d < g.out_size; ++d) {
      const int64_t p = j * g.out_size + d;
      Vec du(terms.base[p]);
      for (int64_t t = 0; t < terms.count; ++t)
        du = fma(Vec::load(c + t * terms.outputs * terms.row), Vec(terms.vector(t)[p]), du);
      du.store(g.du_of(e, d));
    }
  }
}

// dweight of `sizes` elements of x from k on, for one pose: the sum over examples of du x.
template <int sizes, class Lanes>
WXB_INLINE void weight_gradient(const Gradients& g, Lanes lanes, int64_t d, int64_t k, bool adds, float* dweight) {
  Vec sums[sizes];
  for (int s = 0; s < sizes; ++s) sums[s] = adds ? lanes.load(dweight + s * g.inputs) : Vec(0.f);
  for (int64_t e = 0; e < g.count; ++e) {
    const Vec du = Vec::load(g.du_of(e, d));
    for (int s = 0; s < sizes; ++s) sums[s] = fma(du, Vec::load(g.x_of(e, k + s)), sums[s]);
  }
  for (int s = 0; s < sizes; ++s) lanes.store(sums[s], dweight + s * g.inputs);
}

// dx of `sizes` elements from k on, for one example: the sum over an output capsule's poses of weight du.
template <int sizes, class Lanes>
WXB_INLINE void input_gradient(const Gradients& g, Lanes lanes, int64_t e, int64_t k, const float* weight) {
  Vec sums[sizes];
  for (int s = 0; s < sizes; ++s) sums[s] = Vec::load(g.dx_of(e, k + s));
  for (int64_t d = 0; d < g.out_size; ++d) {
    const Vec du = Vec::load(g.du_of(e, d));
    for (int s = 0; s < sizes; ++s) sums[s] = fma(lanes.load(weight + (d * g.in_size + s) * g.inputs), du, sums[s]);
  }
  for (int s = 0; s < sizes; ++s) sums[s].store(g.dx_of(e, k + s));
}

// f(how many, k) for the elements of x, eight at a time: as many chains of multiply-adds.
template <class F>
WXB_INLINE void for_sizes(int64_t in_size, F f) {
  int64_t k = 0;
  for (; k + 8 <= in_size; k += 8) f(std::integral_constant<int, 8>{}, k);
  for (; k + 2 <= in_size; k += 2) f(std::integral_constant<int, 2>{}, k);
  if (k < in_size) f(std::integral_constant<int, 1>{}, k);
}

template <class Lanes>
void gradients_of_vector(const RoutingBackward<float>& a, const Gradients& g, Lanes lanes, int64_t first, int64_t i) {
  const int64_t given = min(lanes_, a.inputs - i);
  for (int64_t e = 0; e < g.count; ++e)
    turn(a.x.data + ((first + e) * a.inputs + i) * g.in_size, g.in_size, given, g.in_size, lanes_, g.x_of(e, 0),
         lanes_);
  __builtin_memset(g.dx, 0, size_t(g.count * g.in_size * lanes_) * sizeof(float));
  for (int64_t j = 0; j < a.outputs; ++j) {
    vote_gradients(a, g, j, i);
    const int64_t at = j * g.out_size * g.in_size * g.inputs + i;
    for (int64_t d = 0; a.dweight && d < g.out_size; ++d)
      for_sizes(g.in_size, [&](auto sizes, int64_t k) {
        float* const dweight = a.dweight.data + at + (d * g.in_size + k) * g.inputs;
        weight_gradient<sizes.value>(g, lanes, d, k, first > 0, dweight);
      });
    for (int64_t e = 0; a.dx && e < g.count; ++e)
      for_sizes(g.in_size, [&](auto sizes, int64_t k) {
        input_gradient<sizes.value>(g, lanes, e, k, a.weight.data + at + k * g.inputs);
      });
  }
  for (int64_t e = 0; a.dx && e < g.count; ++e)
    turn(g.dx_of(e, 0), lanes_, g.in_size, given, g.in_size, a.dx.data + ((first + e) * a.inputs + i) * g.in_size,
         g.in_size);
}

void gradients(const RoutingBackward<float>& a, int64_t first, int64_t count, int64_t begin, int64_t end,
               float* scratch) {
  const int64_t of_x = count * a.in_size * lanes_;
  const Gradients g{count, a.in_size, a.out_size, a.inputs, scratch, scratch + of_x, scratch + 2 * of_x};
  for_lanes(begin, end, [&](auto lanes, int64_t i) { gradients_of_vector(a, g, lanes, first, i); });
}

}  // namespace

extern const RoutingTable<float> routing_float;
const RoutingTable<float> routing_float{forward, terms, gradients};

}  // namespace wxb::WXB_TARGET
