"""Recursive networks over batches of trees: all nodes of one height, of all trees, in one product."""

from __future__ import annotations

from typing import Any

from ..autograd import Grads, record
from ..device import Array, cpu
from ..tensor import Tensor
from .indexing import _index
from .reduce import expect_tensor

__all__ = ["child_sum_lstm", "tree_lstm", "tree_rnn", "tree_tensor"]

_Cell = cpu.kernels.TreeCell
_ACTIVATIONS = ("tanh", "relu")


def tree_rnn(x: Tensor, children: Any, weight: Tensor, bias: Tensor | None = None, activation: str = "tanh") -> Tensor:
    """Give each node of a batch of trees a state, ``h = act(x + W [h_1 .. h_K] + b)``, h_k those of its children.

    Socher, Lin, Ng, Manning 2011. x (M, H): the first M of N nodes have an input, of the others it is 0; children
    (N, K) integers: the rows of each node's children, -1 for none; weight (H, K H), bias (H,) -> (N, H), all of one
    float dtype. The state of a missing child is 0. act is tanh or relu. Rows are in an order in which children come
    before their parents; the higher the levels that are whole in it, the faster (`wxb.data.TreeBatch` sorts by height).
    Raises ``ValueError`` for shapes that do not fit, ``IndexError`` for a child that is no earlier row, or a second
    parent's.
    """
    return _tree("tree_rnn", _Cell.rnn, x, children, weight, bias, _relu("tree_rnn", activation))


def tree_tensor(
    x: Tensor, children: Any, weight: Tensor, bias: Tensor | None = None, activation: str = "tanh"
) -> Tensor:
    """Give each node a state by a tensor, ``h = act(x + sᵀ V s + W s + b)``, s = [h_1 .. h_K] of its children.

    Socher, Perelygin, Wu, Chuang, Manning, Ng, Potts 2013. weight (H, K H, K H + 1): ``weight[..., :-1]`` is V,
    ``weight[..., -1]`` W. All else as for ``tree_rnn``.
    """
    return _tree("tree_tensor", _Cell.tensor, x, children, weight, bias, _relu("tree_tensor", activation))


def tree_lstm(x: Tensor, children: Any, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Give each node a state and a memory: the N-ary Tree-LSTM (Tai, Socher, Manning 2015, arXiv:1503.00075).

    ``[i, g, o, f_1 .. f_K] = x + W [h_1 .. h_K] + b``, ``c = σ(i) tanh(g) + Σ σ(f_k) c_k``, ``h = σ(o) tanh(c)``.
    x (M, (3 + K) H), weight ((3 + K) H, K H), bias ((3 + K) H,): gates in this order, one f for each child -> h (N, H).
    All else as for ``tree_rnn``.
    """
    return _tree("tree_lstm", _Cell.lstm, x, children, weight, bias)


def child_sum_lstm(x: Tensor, children: Any, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Give each node a state and a memory: the child-sum Tree-LSTM (Tai, Socher, Manning 2015, arXiv:1503.00075).

    ``[i, g, o] = x + W (Σ h_k) + b``, ``f_k = x_f + W_f h_k + b_f``, then as ``tree_lstm``; children have no order.
    x (M, 4 H), weight (4 H, H), bias (4 H,): gates i, g, o, f -> h (N, H). All else as for ``tree_rnn``; K is the
    largest number of children.
    """
    return _tree("child_sum_lstm", _Cell.child_sum, x, children, weight, bias)


def _relu(name: str, activation: str) -> bool:
    if activation not in _ACTIVATIONS:
        raise ValueError(f"{name}: activation is {activation!r}, it must be one of {', '.join(_ACTIVATIONS)}")
    return activation == "relu"


def _sizes(name: str, cell: Any, x: Tensor, children: Array) -> tuple[int, tuple[int, ...]]:
    """Return the hidden size and the shape of the weight."""
    if children.ndim != 2 or not children.shape[1]:
        raise ValueError(f"{name}: children has shape {children.shape}, it must be (nodes, children of each)")
    gates = {_Cell.lstm: 3 + int(children.shape[1]), _Cell.child_sum: 4}.get(cell, 1)
    if x.data.ndim != 2 or x.shape[1] % gates or not x.shape[1]:
        wanted = f"{gates} hidden" if gates > 1 else "hidden"
        raise ValueError(f"{name}: x has shape {x.shape}, it must be (nodes with an input, {wanted})")
    if len(x.data) > len(children):
        raise ValueError(f"{name}: x has {len(x.data)} rows, it must have at most {len(children)}, one for each node")
    hidden = x.shape[1] // gates
    states = hidden if cell == _Cell.child_sum else int(children.shape[1]) * hidden
    return hidden, (x.shape[1], states, states + 1) if cell == _Cell.tensor else (x.shape[1], states)


def _tree(
    name: str, cell: Any, x: Tensor, children: Any, weight: Tensor, bias: Tensor | None, relu: bool = False
) -> Tensor:
    expect_tensor(name, "x", x)
    expect_tensor(name, "weight", weight)
    if bias is not None:
        expect_tensor(name, "bias", bias)
    dev, xa, (t, ca) = x.device, x.data, _index(name, children, x.device)
    hidden, shape = _sizes(name, cell, x, ca)
    nodes, inputs = len(ca), len(xa)
    if weight.data.shape != shape:
        raise ValueError(f"{name}: weight has shape {weight.shape}, it must be {shape}")
    if bias is not None and bias.data.shape != shape[:1]:
        raise ValueError(f"{name}: bias has shape {bias.shape}, it must be {shape[:1]}")
    flat = shape[0], weight.data.size // shape[0]
    wa, ba = weight.data.reshape(flat), None if bias is None else bias.data
    h, parent = dev.empty((nodes, hidden), xa.dtype), dev.empty((nodes,), ca.dtype)
    remembers = cell in (_Cell.lstm, _Cell.child_sum)
    c = dev.empty((nodes, hidden), xa.dtype) if remembers else None
    gates = dev.empty((nodes, shape[0]), xa.dtype) if remembers else None
    features = dev.empty((nodes, flat[1]), xa.dtype)
    dev.kernels.tree_forward(cell, relu, xa, wa, ba, ca, h, c, gates, features, parent)

    def backward(dy: Array, grads: Grads) -> tuple[Array, None, Array, Array]:
        dx, _, dweight, dbias = grads()
        dz = dx if inputs == nodes and dx is not None else dev.empty((nodes, shape[0]), dy.dtype)
        into = None if dweight is None else dweight.reshape(flat)
        dev.kernels.tree_backward(cell, relu, wa, h, c, gates, features, ca, parent, dy, dz, into, dbias)
        return dz[:inputs] if dx is not None else None, None, dweight, dbias

    return record(h, (x, t, weight, bias), backward)
