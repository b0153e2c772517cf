"""Recursive layers: the state of a tree's node is made of its children's, for whole batches of trees at once.

A batch is two arrays, the inputs x (M, input_size) of its first M nodes and ``children`` (N, arity), the rows of each
node's children; `wxb.data.TreeBatch` makes them. All nodes of one height are one product, and the structure is data: a
recorded step serves every batch of so many rows.
"""

from __future__ import annotations

import math
from typing import Any

from .. import ops
from ..device import cpu
from ..tensor import Parameter, Tensor, parameter
from .linear import positive
from .module import Module

__all__ = ["RNTN", "ChildSumTreeLSTM", "TreeLSTM", "TreeRNN"]


class _TreeLayer(Module):
    """Weights of a recursive layer: weight_ih (gates, input_size), weight_hh, bias (gates,) at first 0.

    The weights are drawn uniformly from ±1 / sqrt(hidden_size), as those of torch's recurrent layers.
    """

    layer: str

    def __init__(
        self, input_size: int, hidden_size: int, arity: int, shape: tuple[int, ...], bias: bool, dtype: Any
    ) -> None:
        self.input_size, self.hidden_size, self.arity = input_size, hidden_size, arity
        bound = 1 / math.sqrt(hidden_size)
        if len(shape) == 3:  # a tensor's rows are as many times longer
            bound /= math.sqrt(shape[1])
        self.weight_ih = parameter(
            cpu.generator.uniform(-1 / math.sqrt(hidden_size), 1 / math.sqrt(hidden_size), (shape[0], input_size)),
            dtype,
            "weight_ih",
        )
        self.weight_hh = parameter(cpu.generator.uniform(-bound, bound, shape), dtype, "weight_hh")
        self.bias: Parameter | None = parameter([0.0] * shape[0], dtype, "bias") if bias else None

    def _inputs(self, x: Tensor) -> Tensor:
        if x.ndim != 2 or x.shape[1] != self.input_size:
            raise ValueError(f"{self.layer}: x has shape {x.shape}, it must be (nodes, {self.input_size})")
        return ops.linear(x, self.weight_ih, precision=self.precision)

    def extra_repr(self) -> str:
        """Return the sizes and what differs from the usual."""
        arity = f", arity={self.arity}" if self.arity != 2 else ""
        return f"{self.input_size}, {self.hidden_size}{arity}{'' if self.bias is not None else ', bias=False'}"


class TreeRNN(_TreeLayer):
    """Recursive network, ``h = act(W_ih x + W_hh [h_1 .. h_K] + b)`` over the K = ``arity`` children of each node.

    Socher, Lin, Ng, Manning 2011. x (M, input_size), children (N, arity) -> h (N, hidden_size); weight_ih
    (hidden_size, input_size), weight_hh (hidden_size, arity hidden_size), bias (hidden_size,). ``activation``: tanh or
    relu. Raises ``IndexError`` for children that make no trees: see ``ops.tree_rnn``.
    """

    layer = "tree_rnn"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        arity: int = 2,
        activation: str = "tanh",
        bias: bool = True,
        dtype: Any = None,
    ) -> None:
        positive(self.layer, input_size=input_size, hidden_size=hidden_size, arity=arity)
        if activation not in ("tanh", "relu"):
            raise ValueError(f"{self.layer}: activation is {activation!r}, it must be 'tanh' or 'relu'")
        super().__init__(input_size, hidden_size, arity, (hidden_size, arity * hidden_size), bias, dtype)
        self.activation = activation

    def forward(self, x: Tensor, children: Tensor) -> Tensor:
        """X (M, input_size), children (N, arity) -> (N, hidden_size)."""
        return ops.tree_rnn(self._inputs(x), children, self.weight_hh, self.bias, self.activation)


class RNTN(_TreeLayer):
    """Recursive neural tensor network, ``h = tanh(W_ih x + sᵀ V s + W s + b)``, s the children's states in a row.

    Socher, Perelygin, Wu, Chuang, Manning, Ng, Potts 2013. weight_hh (hidden_size, S, S + 1) with S = arity
    hidden_size holds V and, in the last column, W; all else as for ``TreeRNN``. Work grows with hidden_size³: sizes of
    25 to 35 are usual.
    """

    layer = "rntn"

    def __init__(self, input_size: int, hidden_size: int, arity: int = 2, bias: bool = True, dtype: Any = None) -> None:
        positive(self.layer, input_size=input_size, hidden_size=hidden_size, arity=arity)
        states = arity * hidden_size
        super().__init__(input_size, hidden_size, arity, (hidden_size, states, states + 1), bias, dtype)

    def forward(self, x: Tensor, children: Tensor) -> Tensor:
        """X (M, input_size), children (N, arity) -> (N, hidden_size)."""
        return ops.tree_tensor(self._inputs(x), children, self.weight_hh, self.bias)


class TreeLSTM(_TreeLayer):
    """N-ary Tree-LSTM, binary by default: a forget gate for each child, which knows all children's states.

    ``[i, g, o, f_1 .. f_K] = W_ih x + W_hh [h_1 .. h_K] + b``, ``c = σ(i) tanh(g) + Σ σ(f_k) c_k``,
    ``h = σ(o) tanh(c)`` (Tai, Socher, Manning 2015, arXiv:1503.00075). x (M, input_size), children (N, arity) -> h (N,
    hidden_size); weight_ih (gates, input_size), weight_hh (gates, arity hidden_size), bias (gates,), gates = (3 +
    arity) hidden_size in the order i, g, o, f_1 .. f_K. Raises ``IndexError`` for children that make no trees.
    """

    layer = "tree_lstm"

    def __init__(self, input_size: int, hidden_size: int, arity: int = 2, bias: bool = True, dtype: Any = None) -> None:
        positive(self.layer, input_size=input_size, hidden_size=hidden_size, arity=arity)
        shape = ((3 + arity) * hidden_size, arity * hidden_size)
        super().__init__(input_size, hidden_size, arity, shape, bias, dtype)

    def forward(self, x: Tensor, children: Tensor) -> Tensor:
        """X (M, input_size), children (N, arity) -> (N, hidden_size)."""
        return ops.tree_lstm(self._inputs(x), children, self.weight_hh, self.bias)


class ChildSumTreeLSTM(_TreeLayer):
    """Child-sum Tree-LSTM: children in any number and of no order, as in dependency trees.

    ``[i, g, o] = W_ih x + W_hh Σ h_k + b``, ``f_k = W_f x + U_f h_k + b_f``, ``c = σ(i) tanh(g) + Σ σ(f_k) c_k``,
    ``h = σ(o) tanh(c)`` (Tai, Socher, Manning 2015, arXiv:1503.00075). x (M, input_size), children (N, the most a node
    has) -> h (N, hidden_size); weight_ih (4 hidden_size, input_size), weight_hh (4 hidden_size, hidden_size), bias
    (4 hidden_size,), in the order i, g, o, f. Raises ``IndexError`` for children that make no trees.
    """

    layer = "child_sum_lstm"

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, dtype: Any = None) -> None:
        positive(self.layer, input_size=input_size, hidden_size=hidden_size)
        super().__init__(input_size, hidden_size, 2, (4 * hidden_size, hidden_size), bias, dtype)

    def forward(self, x: Tensor, children: Tensor) -> Tensor:
        """X (M, input_size), children (N, K) -> (N, hidden_size)."""
        return ops.child_sum_lstm(self._inputs(x), children, self.weight_hh, self.bias)
