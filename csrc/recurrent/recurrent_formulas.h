#pragma once
#include "core/scalar.h"
#include "recurrent/recurrent_table.h"

// One unit of one sample, for the reference and CUDA.
namespace wxb {

// From x and z = h Wᵀ + b, by gate, to the gates in z. Returns the next h.
template <class T>
HD T advance(Cell cell, const T (&x)[4], T (&z)[4], T h, T c, T& c_next, T& reset) {
  if (cell == Cell::lstm) {
    const T i = sigmoid(x[0] + z[0]), f = sigmoid(x[1] + z[1]), g = tanh(x[2] + z[2]), o = sigmoid(x[3] + z[3]);
    z[0] = i, z[1] = f, z[2] = g, z[3] = o;
    c_next = f * c + i * g;
    return o * tanh(c_next);
  }
  if (cell == Cell::gru) {
    const T r = sigmoid(x[0] + z[0]), u = sigmoid(x[1] + z[1]), n = tanh(x[2] + r * z[2]);
    reset = z[2];
    z[0] = r, z[1] = u, z[2] = n;
    return (1 - u) * n + u * h;
  }
  const T u = x[0] + z[0];
  return z[0] = cell == Cell::tanh ? tanh(u) : max(u, T(0));
}

// What a unit hands on to the next step; c is an lstm's.
template <class T>
struct State {
  T h, c;
};
template <class T>
HD State<T> state_of(const Step<T>& s, int64_t n, int64_t j) {
  return {s.h[n * s.units + j], s.c ? s.c[n * s.units + j] : T(0)};
}

// Unit j of sample n in step s, from x, z and its state. Returns the next state.
template <class T>
HD State<T> finish(const Step<T>& s, int64_t n, int64_t j, const T (&x)[4], T (&z)[4], State<T> state) {
  const int64_t at = n * s.units + j, gates = gates_of(s.cell);
  const bool runs = !s.lengths || s.time < s.lengths[n];
  if (runs) {
    T reset = 0;
    state.h = advance(s.cell, x, z, state.h, state.c, state.c, reset);
    for (int g = 0; g < 4; ++g)
      if (g < gates) s.gates[(n * gates + g) * s.units + j] = z[g];
    if (s.reset) s.reset[at] = reset;
  }
  s.y[at] = runs ? state.h : T(0);
  s.h_next[at] = state.h;
  if (s.c) s.c_next[at] = state.c;
  return state;
}

// What a unit's gates z and the gradient dh of its output give: gradients of x and of the product, dc, and what of dh
// reaches h without the weight.
template <class T>
struct Derived {
  T dx[4], dz[4], dh, dc;
};
template <class T>
HD Derived<T> derive(Cell cell, const T (&z)[4], T dh, T dc, T h, T c, T c_next, T reset) {
  if (cell == Cell::lstm) {
    const T i = z[0], f = z[1], g = z[2], o = z[3], t = tanh(c_next);
    dc += dh * o * (1 - t * t);
    const T d[4] = {dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g * g), dh * t * o * (1 - o)};
    return {{d[0], d[1], d[2], d[3]}, {d[0], d[1], d[2], d[3]}, 0, dc * f};
  }
  if (cell == Cell::gru) {
    const T r = z[0], u = z[1], n = z[2], dn = dh * (1 - u) * (1 - n * n);
    const T dr = dn * reset * r * (1 - r), du = dh * (h - n) * u * (1 - u);
    return {{dr, du, dn, 0}, {dr, du, dn * r, 0}, dh * u, 0};
  }
  const T d = cell == Cell::tanh ? dh * (1 - z[0] * z[0]) : z[0] > 0 ? dh : T(0);
  return {{d, 0, 0, 0}, {d, 0, 0, 0}, 0, 0};
}

// Unit j of sample n in step s; `product` is what the step that follows owes h through the weight. The gradients of the
// product, by gate, stay in dz.
template <class T>
HD void derive(const BackwardStep<T>& s, int64_t n, int64_t j, T product, T (&dz)[4]) {
  const int64_t at = n * s.units + j, gates = gates_of(s.cell), first = n * gates * s.units + j;
  const T carried = s.dh[at] + product;
  Derived<T> d{{}, {}, carried, s.dc ? s.dc[at] : T(0)};
  if (!s.lengths || s.time < s.lengths[n]) {
    T z[4] = {};
    for (int g = 0; g < 4; ++g)
      if (g < gates) z[g] = s.gates[first + g * s.units];
    d = derive(s.cell, z, carried + (s.dy ? s.dy[at] : T(0)), d.dc, s.h[at], s.c ? s.c[at] : T(0),
               s.c ? s.c_next[at] : T(0), s.reset ? s.reset[at] : T(0));
  }
  for (int g = 0; g < 4; ++g) {
    dz[g] = d.dz[g];
    if (g >= gates) continue;
    s.dx[first + g * s.units] = d.dx[g];
    if (s.dz != s.dx) s.dz[first + g * s.units] = d.dz[g];
  }
  s.dh[at] = d.dh;
  if (s.dc) s.dc[at] = d.dc;
}

// ---- where a step lies ----

template <class T>
HD Step<T> step_of(const Recurrent<T>& a, int64_t k) {
  const RecurrentShape& s = a.shape;
  const int64_t t = s.reverse ? s.steps - 1 - k : k, next = s.reverse ? t - 1 : t + 1;
  const int64_t state = s.batch * s.units, gates = gates_of(s.cell) * state;
  const bool last = k + 1 == s.steps, cells = bool(a.cells);
  return {a.x.data + t * gates,
          a.before.data + t * state,
          cells ? a.cells.data + t * state : nullptr,
          a.gates.data + t * gates,
          last ? a.h_n.data : a.before.data + next * state,
          !cells ? nullptr
          : last ? a.c_n.data
                 : a.cells.data + next * state,
          a.y.data + t * state,
          a.reset ? a.reset.data + t * state : nullptr,
          a.weight.data,
          a.bias.data,
          a.packed.data,
          a.lengths.data,
          t,
          s.batch,
          s.units,
          s.cell};
}

template <class T>
HD BackwardStep<T> step_of(const RecurrentBackward<T>& a, int64_t k) {
  const RecurrentShape& s = a.shape;
  const int64_t t = s.reverse ? k : s.steps - 1 - k, next = s.reverse ? t - 1 : t + 1;
  const int64_t state = s.batch * s.units, gates = gates_of(s.cell) * state;
  const bool cells = bool(a.cells);
  T* const dx = a.dx.data + t * gates;
  return {a.dy ? a.dy.data + t * state : nullptr,
          a.before.data + t * state,
          cells ? a.cells.data + t * state : nullptr,
          !cells   ? nullptr
          : k == 0 ? a.c_n.data
                   : a.cells.data + next * state,
          a.reset ? a.reset.data + t * state : nullptr,
          a.gates.data + t * gates,
          dx,
          s.cell == Cell::gru ? a.gates.data + t * gates : dx,
          a.dh0.data,
          a.dc0.data,
          k == 0 ? nullptr : a.product.data,
          a.weight.data,
          a.packed.data,
          a.lengths.data,
          t,
          s.batch,
          s.units,
          s.cell};
}

}  // namespace wxb
