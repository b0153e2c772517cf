#pragma once
#include "tree/tree_table.h"

// What is done with each node, once for numbers (reference), for vectors and for the threads of a block. The file that
// includes this defines, in namespace WXB_TARGET,
//   for_columns<T>(n, f): f(lanes, j) for the columns [0, n), lanes.load(p), lanes.store(v, p) read and write them,
//   number<V>(s): s in all lanes,
// and has the functions of V in sight.
#ifdef __CUDACC__
#define DEVICE __device__ __forceinline__
#else
#define DEVICE
#endif

namespace wxb::WXB_TARGET {

namespace {

template <class T>
DEVICE void fill_zero(T* to, int64_t n) {
  for_columns<T>(n, [&](auto lanes, int64_t j) {
    using V = decltype(lanes.load(to));
    lanes.store(number<V>(T(0)), to + j);
  });
}

// s_i, i = k hidden + j: state j of child k.
template <class T>
DEVICE T state(const T* h, const Family& family, int64_t hidden, int64_t n, int64_t i) {
  const int64_t child = family.child(n, i / hidden);
  return child < 0 ? T(0) : h[child * hidden + i % hidden];
}

// s_i s_j at i (states + 1) + j, and s_i at its end.
template <class T>
DEVICE void outer(const TreeForward<T>& a, const Family& family, int64_t n, T* to) {
  const int64_t hidden = a.trees.hidden, states = a.trees.states();
  for (int64_t i = 0; i < states; ++i, to += states + 1) {
    const T s = state(a.h.data, family, hidden, n, i);
    for (int64_t k = 0; k < a.trees.arity; ++k) {
      const int64_t child = family.child(n, k);
      T* const part = to + k * hidden;
      if (child < 0)
        fill_zero(part, hidden);
      else
        for_columns<T>(hidden, [&](auto lanes, int64_t j) {
          const auto v = lanes.load(a.h.data + child * hidden + j);
          lanes.store(v * number<decltype(v)>(s), part + j);
        });
    }
    to[states] = s;
  }
}

template <class T>
DEVICE void gather(const TreeForward<T>& a, int64_t begin, int64_t end) {
  const Family relatives = family(a);
  const int64_t hidden = a.trees.hidden, width = a.trees.features();
  for (int64_t n = begin; n < end; ++n) {
    T* const to = a.features.data + n * width;
    if (a.trees.cell == TreeCell::tensor) {
      outer(a, relatives, n, to);
      continue;
    }
    const bool adds = a.trees.cell == TreeCell::child_sum;
    if (adds) fill_zero(to, hidden);
    for (int64_t k = 0; k < a.trees.arity; ++k) {
      const int64_t child = relatives.child(n, k);
      T* const part = adds ? to : to + k * hidden;
      const T* const from = a.h.data + child * hidden;
      if (child < 0 && !adds) fill_zero(part, hidden);
      if (child >= 0)
        for_columns<T>(hidden, [&](auto lanes, int64_t j) {
          lanes.store(adds ? lanes.load(part + j) + lanes.load(from + j) : lanes.load(from + j), part + j);
        });
    }
  }
}

// A row of z = x + bias + product, of each what there is.
template <class T>
struct Sum {
  const T *x, *bias, *product;
  template <class Lanes>
  DEVICE auto operator()(Lanes lanes, int64_t j) const {
    using V = decltype(lanes.load(bias));
    const T* const first = x ? x : bias;
    if (!first) return product ? lanes.load(product + j) : number<V>(T(0));
    V z = lanes.load(first + j);
    if (x && bias) z = z + lanes.load(bias + j);
    return product ? z + lanes.load(product + j) : z;
  }
};

template <class T>
DEVICE void forward_rnn(const TreeForward<T>& a, int64_t begin, int64_t end, bool inner) {
  const int64_t hidden = a.trees.hidden;
  for (int64_t n = begin; n < end; ++n) {
    T* const h = a.h.data + n * hidden;
    const Sum<T> z{n < a.trees.inputs ? a.x.data + n * hidden : nullptr, a.bias.data, inner ? h : nullptr};
    for_columns<T>(hidden, [&](auto lanes, int64_t j) {
      const auto v = z(lanes, j), zero = number<decltype(v)>(T(0));
      lanes.store(a.trees.relu ? select(v < zero, zero, v) : tanh(v), h + j);
    });
  }
}

// Where the forget gate of child k of node n is: beside the node's others, or where the child is.
template <class Args>
DEVICE int64_t forget_place(const Args& a, int64_t n, int64_t k, int64_t child) {
  const int64_t hidden = a.trees.hidden, width = a.trees.width();
  return a.trees.cell == TreeCell::lstm ? n * width + (3 + k) * hidden : child * width + 3 * hidden;
}

template <class T>
DEVICE void forward_lstm(const TreeForward<T>& a, int64_t begin, int64_t end, bool inner) {
  const Family relatives = family(a);
  const int64_t hidden = a.trees.hidden, width = a.trees.width();
  const bool is_sum = a.trees.cell == TreeCell::child_sum;
  for (int64_t n = begin; n < end; ++n) {
    T *const gates = a.gates.data + n * width, *const c = a.c.data + n * hidden, *const h = a.h.data + n * hidden;
    const T* const x = n < a.trees.inputs ? a.x.data + n * width : nullptr;
    const Sum<T> z{x, a.bias.data, inner ? gates : nullptr};
    for_columns<T>(hidden, [&](auto lanes, int64_t j) {
      const auto i = sigmoid(z(lanes, j)), g = tanh(z(lanes, hidden + j)), o = sigmoid(z(lanes, 2 * hidden + j));
      auto memory = i * g;
      for (int64_t k = 0; inner && k < a.trees.arity; ++k) {
        const int64_t child = relatives.child(n, k);
        if (child < 0) continue;
        T* const at = a.gates.data + forget_place(a, n, k, child) + j;
        const Sum<T> z_f{x, a.bias.data, at - 3 * hidden - j};
        const auto f = sigmoid(is_sum ? z_f(lanes, 3 * hidden + j) : z(lanes, (3 + k) * hidden + j));
        lanes.store(f, at);
        memory = memory + f * lanes.load(a.c.data + child * hidden + j);
      }
      lanes.store(i, gates + j), lanes.store(g, gates + hidden + j), lanes.store(o, gates + 2 * hidden + j);
      lanes.store(memory, c + j);
      lanes.store(o * tanh(memory), h + j);
    });
  }
}

template <class T>
DEVICE void forward(const TreeForward<T>& a, int64_t begin, int64_t end, bool inner) {
  a.trees.has_memory() ? forward_lstm(a, begin, end, inner) : forward_rnn(a, begin, end, inner);
}

// ---- backward ----

// The gradient of h of node n: dy, and what its parent owes it.
template <class T>
struct Owed {
  const T *dy, *ds, *dedge;
  DEVICE Owed(const TreeBackward<T>& a, int64_t n, int64_t place)
      : dy(a.dy.data + n * a.trees.hidden), ds(nullptr), dedge(nullptr) {
    if (place < 0) return;
    ds = a.ds.data + (a.dedge ? place / a.trees.arity : place) * a.trees.hidden;
    if (a.dedge) dedge = a.dedge.data + n * a.trees.hidden;
  }
  template <class Lanes>
  DEVICE auto operator()(Lanes lanes, int64_t j) const {
    auto sum = lanes.load(dy + j);
    if (ds) sum = sum + lanes.load(ds + j);
    return dedge ? sum + lanes.load(dedge + j) : sum;
  }
};

template <class T>
DEVICE void edges(const TreeBackward<T>& a, int64_t begin, int64_t end) {
  const Family relatives = family(a);
  const int64_t hidden = a.trees.hidden, width = a.trees.width();
  for (int64_t n = begin; n < end; ++n) {
    const int64_t place = relatives.place(n);
    T* const to = a.edge.data + n * hidden;
    if (place < 0) {
      fill_zero(to, hidden);
      continue;
    }
    const T *const forget = a.gates.data + n * width + 3 * hidden, *const c = a.c.data + n * hidden,
                   *const dc = a.dc.data + place / a.trees.arity * hidden;
    for_columns<T>(hidden, [&](auto lanes, int64_t j) {
      const auto f = lanes.load(forget + j), one = number<decltype(f)>(T(1));
      lanes.store(lanes.load(dc + j) * lanes.load(c + j) * f * (one - f), to + j);
    });
  }
}

template <class T>
DEVICE void backward_rnn(const TreeBackward<T>& a, int64_t begin, int64_t end) {
  const Family relatives = family(a);
  const int64_t hidden = a.trees.hidden;
  for (int64_t n = begin; n < end; ++n) {
    const Owed<T> dh(a, n, relatives.place(n));
    const T* const h = a.h.data + n * hidden;
    for_columns<T>(hidden, [&](auto lanes, int64_t j) {
      const auto y = lanes.load(h + j), d = dh(lanes, j), one = number<decltype(y)>(T(1)), zero = one - one;
      lanes.store(a.trees.relu ? select(y <= zero, zero, d) : d * (one - y * y), a.dz.data + n * hidden + j);
    });
  }
}

// dz of node n's forget gates, from its dc.
template <class T>
DEVICE void forget_gradients(const TreeBackward<T>& a, const Family& relatives, int64_t n) {
  const int64_t hidden = a.trees.hidden, width = a.trees.width();
  const bool is_sum = a.trees.cell == TreeCell::child_sum;
  const T* const dc = a.dc.data + n * hidden;
  if (is_sum) fill_zero(a.dz.data + n * width + 3 * hidden, hidden);
  for (int64_t k = 0; k < a.trees.arity; ++k) {
    const int64_t child = relatives.child(n, k);
    T* const to = a.dz.data + n * width + (is_sum ? 3 : 3 + k) * hidden;
    if (child < 0) {
      if (!is_sum) fill_zero(to, hidden);
      continue;
    }
    const T *const forget = a.gates.data + forget_place(a, n, k, child), *const c = a.c.data + child * hidden;
    for_columns<T>(hidden, [&](auto lanes, int64_t j) {
      const auto f = lanes.load(forget + j), one = number<decltype(f)>(T(1));
      const auto d = lanes.load(dc + j) * lanes.load(c + j) * f * (one - f);
      lanes.store(is_sum ? lanes.load(to + j) + d : d, to + j);
    });
  }
}

template <class T>
DEVICE void backward_lstm(const TreeBackward<T>& a, int64_t begin, int64_t end) {
  const Family relatives = family(a);
  const int64_t hidden = a.trees.hidden, width = a.trees.width(), arity = a.trees.arity;
  for (int64_t n = begin; n < end; ++n) {
    const int64_t place = relatives.place(n);
    const Owed<T> dh(a, n, place);
    const T *const gates = a.gates.data + n * width, *const c = a.c.data + n * hidden;
    T *const dz = a.dz.data + n * width, *const dc = a.dc.data + n * hidden;
    const T *from = nullptr, *forget = nullptr;
    if (place >= 0) {
      from = a.dc.data + place / arity * hidden;
      forget = a.gates.data + forget_place(a, place / arity, place % arity, n);
    }
    for_columns<T>(hidden, [&](auto lanes, int64_t j) {
      const auto i = lanes.load(gates + j), g = lanes.load(gates + hidden + j), o = lanes.load(gates + 2 * hidden + j);
      const auto t = tanh(lanes.load(c + j)), d = dh(lanes, j), one = number<decltype(d)>(T(1));
      auto dmemory = d * o * (one - t * t);
      if (from) dmemory = dmemory + lanes.load(from + j) * lanes.load(forget + j);
      lanes.store(dmemory, dc + j);
      lanes.store(dmemory * g * i * (one - i), dz + j);
      lanes.store(dmemory * i * (one - g * g), dz + hidden + j);
      lanes.store(d * t * o * (one - o), dz + 2 * hidden + j);
    });
    forget_gradients(a, relatives, n);
  }
}

template <class T>
DEVICE void backward(const TreeBackward<T>& a, int64_t begin, int64_t end) {
  a.trees.has_memory() ? backward_lstm(a, begin, end) : backward_rnn(a, begin, end);
}

}  // namespace

}  // namespace wxb::WXB_TARGET
