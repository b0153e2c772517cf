#include <cmath>

#include "attention/attention.h"
#include "core/plan.h"
#include "random/random_bind.h"

namespace wxb {

namespace {

using A = const Array&;
using O = const Optional&;

constexpr int64_t largest_size = 1024;  // of a head: blocks of keys of this size still lie in L2

// An operand's rows (batch, heads, length, size): an array of that shape, or the columns from `first` on of one of
// shape (batch, length, width).
struct Part {
  A array;
  int64_t first;
};

int64_t length_of(A x) { return x.ndim() == 4 ? x.shape(2) : x.shape(1); }

Heads heads_of(const Call& call, const char* what, const Part& part, int64_t length, int64_t batch, int64_t heads,
               int64_t size) {
  A x = part.array;
  const bool fits = x.ndim() == 4 ? part.first == 0 && x.shape(0) == batch && x.shape(1) == heads &&
                                        x.shape(2) == length && x.shape(3) == size
                                  : x.ndim() == 3 && x.shape(0) == batch && x.shape(1) == length && part.first >= 0 &&
                                        part.first <= x.shape(2) && heads * size <= x.shape(2) - part.first;
  if (!fits)
    value_error(call.name, ": ", what, " has shape ", shape_text(x), ", it must have ", batch, " samples, ", heads,
                " heads, length ", length, " and size ", size);
  if (x.ndim() == 4) return {heads * length * size, length * size, size};
  return {length * x.shape(2), size, x.shape(2)};
}

template <class T>
In<T> input(const Call& call, const char* what, const Part& part) {
  const In<T> whole = call.in<T>(what, part.array, part.array.size());
  return {whole.data + part.first, whole.size - part.first};
}

template <class T>
Out<T> output(const Call& call, const char* what, O array, int64_t first) {
  if (!array) return {};
  const Out<T> whole = call.out<T>(what, *array, array->size());
  return {whole.data + first, whole.size - first};
}

Spread spread(const Call& call, const char* what, O x, int64_t batch, int64_t heads, int64_t queries, int64_t keys) {
  if (!x) return {};
  const int64_t sizes[4] = {batch, heads, queries, keys};
  int64_t strides[4], step = 1;
  call.ndim(what, *x, 4, "(batch, heads, queries, keys)");
  for (int axis = 3; axis >= 0; --axis) {
    const int64_t given = x->shape(axis);
    if (given != 1 && given != sizes[axis])
      value_error(call.name, ": ", what, " has shape ", shape_text(*x), ", it must broadcast to (", batch, ", ", heads,
                  ", ", queries, ", ", keys, ")");
    strides[axis] = given == 1 ? 0 : step;
    step *= given;
  }
  return {strides[0], strides[1], strides[2], strides[3]};
}

struct Sizes {
  int64_t batch, heads, queries, keys, size;
  Heads at_y;
};

Sizes sizes_of(const Call& call, A y, A k, int64_t heads) {
  const bool apart = y.ndim() == 4;
  if ((!apart && y.ndim() != 3) || k.ndim() < 3 || k.ndim() > 4)
    value_error(call.name, ": y has shape ", shape_text(y), ", k ", shape_text(k),
                ", they must be (batch, heads, length, size) or (batch, length, heads size)");
  if (heads < 1 || (apart ? y.shape(1) != heads : y.shape(2) % heads != 0))
    value_error(call.name, ": ", heads, " heads do not divide y of shape ", shape_text(y));
  const int64_t size = apart ? y.shape(3) : y.shape(2) / heads;
  if (size < 1 || size > largest_size)
    value_error(call.name, ": heads have size ", size, ", it must be from 1 to ", largest_size);
  const int64_t queries = length_of(y);
  const Heads at =
      apart ? Heads{heads * queries * size, queries * size, size} : Heads{queries * y.shape(2), size, y.shape(2)};
  return {y.shape(0), heads, queries, length_of(k), size, at};
}

void expect_alike(const Call& call, O gradient, A x) {
  if (gradient && !alike(*gradient, x))
    value_error(call.name, ": a gradient has shape ", shape_text(*gradient), ", it must be ", shape_text(x));
}

template <class T>
Attention<T> attention(const Call& call, const Sizes& n, const Part& q, const Part& k, const Part& v, O bias, O mask,
                       O lengths, O saved, bool causal, double scale, double p) {
  if (!std::isfinite(scale)) value_error(call.name, ": scale is ", scale, ", it must be finite");
  const auto at = [&](const char* what, const Part& part, int64_t length) {
    return heads_of(call, what, part, length, n.batch, n.heads, n.size);
  };
  return {input<T>(call, "query", q),
          input<T>(call, "key", k),
          input<T>(call, "value", v),
          bias ? call.in<T>("attn_mask", *bias, bias->size()) : In<T>{},
          mask ? call.in<bool>("attn_mask", *mask, mask->size()) : In<bool>{},
          call.in<int64_t>("key_lengths", lengths, {n.batch}),
          call.in<uint64_t>("saved", saved, {2}),
          n.batch,
          n.heads,
          n.queries,
          n.keys,
          n.size,
          at("query", q, n.queries),
          at("key", k, n.keys),
          at("value", v, n.keys),
          n.at_y,
          spread(call, "attn_mask", bias, n.batch, n.heads, n.queries, n.keys),
          spread(call, "attn_mask", mask, n.batch, n.heads, n.queries, n.keys),
          causal,
          T(scale),
          threshold(call, p),
          kept_scale<T>(p)};
}

}  // namespace

void bind_attention(py::module_& m) {
  m.def(
      "attention_forward",
      [](A q, int64_t q_at, A k, int64_t k_at, A v, int64_t v_at, int64_t heads, O bias, O mask, O lengths, O saved,
         A y, A lse, bool causal, double scale, double p) {
        const Call call("attention");
        const Sizes n = sizes_of(call, y, k, heads);
        by_float(call.name, q, [&]<class T>() {
          const auto of =
              attention<T>(call, n, {q, q_at}, {k, k_at}, {v, v_at}, bias, mask, lengths, saved, causal, scale, p);
          launch<BACKEND::attention_forward<T>>(
              call.name, AttentionForward<T>{of, call.out<T>("y", y, y.size()),
                                             call.out<T>("lse", lse, {n.batch * n.heads, n.queries})});
        });
      },
      py::arg("q"), py::arg("q_at"), py::arg("k"), py::arg("k_at"), py::arg("v"), py::arg("v_at"), py::arg("heads"),
      py::arg("bias"), py::arg("mask"), py::arg("lengths"), py::arg("saved"), py::arg("y"), py::arg("lse"),
      py::arg("causal"), py::arg("scale"), py::arg("p"));
  m.def(
      "attention_backward",
      [](A q, int64_t q_at, A k, int64_t k_at, A v, int64_t v_at, int64_t heads, O bias, O mask, O lengths, O saved,
         A y, A lse, A dy, O dq, O dk, O dv, bool causal, double scale, double p) {
        const Call call("attention_backward");
        const Sizes n = sizes_of(call, y, k, heads);
        expect_alike(call, dq, q), expect_alike(call, dk, k), expect_alike(call, dv, v);
        by_float(call.name, q, [&]<class T>() {
          const auto of =
              attention<T>(call, n, {q, q_at}, {k, k_at}, {v, v_at}, bias, mask, lengths, saved, causal, scale, p);
          const Array delta(empty(py::make_tuple(n.batch * n.heads, n.queries), q.attr("dtype"), false));
          launch<BACKEND::attention_backward<T>>(
              call.name, AttentionBackward<T>{of, call.in<T>("y", y, y.size()),
                                              call.in<T>("lse", lse, {n.batch * n.heads, n.queries}),
                                              call.in<T>("dy", dy, y.size()), output<T>(call, "dq", dq, q_at),
                                              output<T>(call, "dk", dk, k_at), output<T>(call, "dv", dv, v_at),
                                              call.out<T>("delta", delta, {n.batch * n.heads, n.queries})});
        });
      },
      py::arg("q"), py::arg("q_at"), py::arg("k"), py::arg("k_at"), py::arg("v"), py::arg("v_at"), py::arg("heads"),
      py::arg("bias"), py::arg("mask"), py::arg("lengths"), py::arg("saved"), py::arg("y"), py::arg("lse"),
      py::arg("dy"), py::arg("dq"), py::arg("dk"), py::arg("dv"), py::arg("causal"), py::arg("scale"), py::arg("p"));
}

}  // namespace wxb
