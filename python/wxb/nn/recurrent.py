"""Recurrent layers: RNN, LSTM, GRU over sequences, their cells, and the carrying of a state from batch to batch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, TypeVar

from .. import ops
from ..device import cpu
from ..tensor import Parameter, Tensor, parameter
from .linear import positive
from .module import Module

__all__ = ["GRU", "LSTM", "RNN", "Carried", "GRUCell", "LSTMCell", "RNNCell"]

State = tuple[Tensor, ...]
T = TypeVar("T")


class _Weights(Module):
    """What layers and cells share: the weights of one pass, named as in torch, and its step or loop."""

    layer: str
    gates: int
    states: int = 1  # of a layer: h, or h and c
    nonlinearity: str = "tanh"

    def _add(self, suffix: str, inputs: int, hidden: int, bias: bool, dtype: Any) -> None:
        """Draw weights evenly from ``±1 / sqrt(hidden)``, as torch does."""
        bound, rows = 1 / math.sqrt(hidden), self.gates * hidden

        def draw(name: str, *shape: int) -> Parameter:
            return parameter(cpu.generator.uniform(-bound, bound, shape), dtype, name + suffix)

        setattr(self, f"weight_ih{suffix}", draw("weight_ih", rows, inputs))
        setattr(self, f"weight_hh{suffix}", draw("weight_hh", rows, hidden))
        setattr(self, f"bias_ih{suffix}", draw("bias_ih", rows) if bias else None)
        setattr(self, f"bias_hh{suffix}", draw("bias_hh", rows) if bias else None)

    def _pass(
        self, suffix: str, x: Tensor, state: State | None, lengths: Any, reverse: bool, index: Tensor | None = None
    ) -> tuple[Tensor, State]:
        """Run one layer in one direction: x (T, N, I), state of (N, H) each -> (T, N, H) and the last state.

        With ``index`` (T, N), x is a table (rows, I) that it looks into.
        """
        weight, of_h = getattr(self, f"weight_ih{suffix}"), getattr(self, f"weight_hh{suffix}")
        bias, bias_h = getattr(self, f"bias_ih{suffix}"), getattr(self, f"bias_hh{suffix}")
        if bias is not None and self.gates != 3:  # gru's n has it within the product with r
            bias = ops.add(bias, bias_h)
        inputs = _projected(x, weight, bias, index, self.precision)
        h, c = (*(state or (None,)), None)[:2]
        if self.layer.startswith("lstm"):
            y, h, c = ops.lstm(inputs, of_h, h, c, lengths, reverse)
            return y, (h, c)
        if self.layer.startswith("gru"):
            y, h = ops.gru(inputs, of_h, bias_h, h, lengths, reverse)
        else:
            y, h = ops.rnn(inputs, of_h, h, lengths, reverse, self.nonlinearity)
        return y, (h,)


def _projected(x: Tensor, weight: Tensor, bias: Tensor | None, index: Tensor | None, precision: str) -> Tensor:
    """Return ``x Wᵀ + b``, of the rows of x that index names; of the whole table first if that has fewer rows."""
    if index is None:
        return ops.linear(x, weight, bias, None, precision)
    if x.shape[0] <= index.size:
        return ops.embedding(index, ops.linear(x, weight, bias, None, precision))
    return ops.linear(ops.embedding(index, x), weight, bias, None, precision)


class _Recurrent(_Weights):
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
        dtype: Any = None,
    ) -> None:
        positive(self.layer, input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        if not 0 <= dropout < 1:
            raise ValueError(f"{self.layer}: dropout is {dropout}, it must be in [0, 1)")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout, self.bidirectional = bias, batch_first, dropout, bidirectional
        for number, _, suffix in self._passes():
            inputs = input_size if number == 0 else hidden_size * self.directions
            self._add(suffix, inputs, hidden_size, bias, dtype)

    @property
    def directions(self) -> int:
        """2 if it goes both ways, else 1."""
        return 2 if self.bidirectional else 1

    def _passes(self) -> Iterator[tuple[int, bool, str]]:
        """Yield (layer, reverse, suffix of its weights)."""
        for number in range(self.num_layers):
            for reverse in (False, True)[: self.directions]:
                yield number, reverse, f"_l{number}" + ("_reverse" if reverse else "")

    def forward(self, x: Tensor, state: Any = None, lengths: Any = None, index: Tensor | None = None) -> Any:
        """X (N, T, input_size), (T, N, input_size) unless ``batch_first``, -> outputs, last state.

        Outputs are as x with ``directions * hidden_size`` at the end, forward first. A state is h, of LSTM (h, c), each
        (num_layers directions, N, hidden_size), None for zeros. lengths (N,): integers; beyond them outputs are 0 and
        states stay. ``index`` of integers (N, T) makes x a table (rows, input_size) of which it names the rows, as an
        embedding before the layer would; where rows are fewer than indices that is much faster.
        """
        self._check(x, index)
        if self.batch_first:
            x, index = (x, ops.transpose(index)) if index is not None else (ops.transpose(x, (1, 0, 2)), None)
        batch = (x if index is None else index).shape[1]
        before, last = self._states(state, batch), []
        passes = list(self._passes())
        for number in range(self.num_layers):
            if number and self.dropout and self.training:
                x = ops.dropout(x, self.dropout)
            outputs = []
            for i, (at, reverse, suffix) in enumerate(passes):
                if at == number:
                    y, now = self._pass(suffix, x, before[i] if before else None, lengths, reverse, index)
                    outputs.append(y)
                    last.append(now)
            x, index = outputs[0] if len(outputs) == 1 else ops.concat(outputs, 2), None
        if self.batch_first:
            x = ops.transpose(x, (1, 0, 2))
        joined = tuple(ops.stack(parts) for parts in zip(*last))
        return x, joined if self.states > 1 else joined[0]

    def _check(self, x: Tensor, index: Tensor | None) -> None:
        axes = "(N, T, input_size)" if self.batch_first else "(T, N, input_size)"
        if index is None and (x.ndim != 3 or x.shape[2] != self.input_size):
            raise ValueError(
                f"{self.layer}: input has shape {x.shape}, it must be {axes}, input_size {self.input_size}"
            )
        given = x if index is None else index
        if given.ndim > 1 and given.shape[1 if self.batch_first else 0] == 0:
            raise ValueError(f"{self.layer}: input has shape {given.shape}, it must have a step at least")
        if index is not None and (x.ndim != 2 or x.shape[1] != self.input_size or index.ndim != 2):
            raise ValueError(
                f"{self.layer}: the table has shape {x.shape} and the index {index.shape}, they must be "
                f"(rows, {self.input_size}) and {axes[:5]})"
            )

    def _states(self, state: Any, batch: int) -> list[State] | None:
        """Return the state of each pass, or None for zeros."""
        if state is None:
            return None
        parts = tuple(state) if isinstance(state, (tuple, list)) else (state,)
        wanted = (self.num_layers * self.directions, batch, self.hidden_size)
        names = ("h", "c")[: self.states]
        if len(parts) != self.states or not all(isinstance(part, Tensor) for part in parts):
            given = ", ".join(type(part).__name__ for part in parts)
            raise TypeError(f"{self.layer}: state is ({given}), it must be {' and '.join(names)}, a Tensor each")
        for name, part in zip(names, parts):
            if part.shape != wanted:
                raise ValueError(f"{self.layer}: state {name} has shape {part.shape}, it must be {wanted}")
        return [tuple(part[i] for part in parts) for i in range(wanted[0])]

    def multiply_adds(self, output_shape: tuple[int, ...]) -> int:
        """Return the multiply-adds of one forward pass that gives ``output_shape``."""
        weights = sum(p.size for p in self.parameters() if p.ndim == 2)
        return math.prod(output_shape[:-1]) * weights

    def extra_repr(self) -> str:
        """Return the sizes and what differs from the usual."""
        usual = {"num_layers": 1, "bias": True, "batch_first": True, "dropout": 0.0, "bidirectional": False}
        more = "".join(
            f", {name}={getattr(self, name)}" for name, value in usual.items() if getattr(self, name) != value
        )
        return f"{self.input_size}, {self.hidden_size}{more}"


class RNN(_Recurrent):
    """Plain recurrent layers, ``h' = tanh(W_ih x + b_ih + W_hh h + b_hh)`` or with relu (Elman 1990).

    ``y, h = rnn(x)`` or ``rnn(x, h, lengths=...)``; see ``forward``. Weights have torch's names and shapes:
    weight_ih_l0 (H, input_size), weight_hh_l0 (H, H), bias_ih_l0, bias_hh_l0 (H,), l1 the next layer, ``_reverse`` the
    other direction; drawn evenly from ``±1 / sqrt(H)``. ``dropout`` is between layers.
    """

    layer, gates = "rnn", 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
        dtype: Any = None,
    ) -> None:
        _check_nonlinearity("rnn", nonlinearity)
        self.nonlinearity = nonlinearity
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, dtype)


class LSTM(_Recurrent):
    """Layers of long short-term memory (Hochreiter, Schmidhuber 1997; Gers, Schmidhuber, Cummins 2000).

    ``i, f, g, o = W_ih x + b_ih + W_hh h + b_hh``, in this order as in torch; ``c' = σ(f) c + σ(i) tanh(g)``, ``h' =
    σ(o) tanh(c')``. ``y, (h, c) = lstm(x)`` or ``lstm(x, (h, c), lengths=...)``; see ``forward``. Weights as for
    ``RNN`` with 4 H rows.
    """

    layer, gates, states = "lstm", 4, 2


class GRU(_Recurrent):
    """Layers of gated recurrent units (Cho et al. 2014, arXiv:1406.1078), the reset after the product as in torch.

    ``r, z, n`` in this order: ``r = σ(W_ir x + b_ir + W_hr h + b_hr)``, z alike, ``n = tanh(W_in x + b_in + r (W_hn h +
    b_hn))``, ``h' = (1 - z) n + z h``. ``y, h = gru(x)`` or ``gru(x, h, lengths=...)``; see ``forward``. Weights as for
    ``RNN`` with 3 H rows.
    """

    layer, gates = "gru", 3


# ---- one step at a time ----


class _Cell(_Weights):
    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, dtype: Any = None) -> None:
        positive(self.layer, input_size=input_size, hidden_size=hidden_size)
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        self._add("", input_size, hidden_size, bias, dtype)

    def forward(self, x: Tensor, state: Any = None) -> Any:
        """X (N, input_size), state h, of an LSTMCell (h, c), each (N, hidden_size) or None for zeros -> new state."""
        if x.ndim != 2 or x.shape[1] != self.input_size:
            raise ValueError(f"{self.layer}: input has shape {x.shape}, it must be (N, {self.input_size})")
        given = None if state is None else tuple(state) if isinstance(state, (tuple, list)) else (state,)
        if given is not None and len(given) != self.states:
            raise ValueError(f"{self.layer}: state has {len(given)} parts, it must have {self.states}")
        _, now = self._pass("", ops.expand_dims(x, 0), given, None, False)
        return now if self.states > 1 else now[0]

    def multiply_adds(self, output_shape: tuple[int, ...]) -> int:
        """Return the multiply-adds of one forward pass that gives ``output_shape``."""
        return math.prod(output_shape) * self.gates * (self.input_size + self.hidden_size)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.input_size}, {self.hidden_size}{'' if self.bias else ', bias=False'}"


class RNNCell(_Cell):
    """One step of ``RNN``: ``h = cell(x, h)``. Weights weight_ih, weight_hh, bias_ih, bias_hh."""

    layer, gates = "rnn_cell", 1

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", dtype: Any = None
    ) -> None:
        _check_nonlinearity("rnn_cell", nonlinearity)
        self.nonlinearity = nonlinearity
        super().__init__(input_size, hidden_size, bias, dtype)


class LSTMCell(_Cell):
    """One step of ``LSTM``: ``h, c = cell(x, (h, c))``. Weights weight_ih, weight_hh, bias_ih, bias_hh."""

    layer, gates, states = "lstm_cell", 4, 2


class GRUCell(_Cell):
    """One step of ``GRU``: ``h = cell(x, h)``. Weights weight_ih, weight_hh, bias_ih, bias_hh."""

    layer, gates = "gru_cell", 3


def _check_nonlinearity(layer: str, nonlinearity: str) -> None:
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"{layer}: nonlinearity is {nonlinearity!r}, it must be 'tanh' or 'relu'")


# ---- from batch to batch ----


class _Kept:
    """The states that a Carried layer has at hand, by batch size and mode: no part of its weights."""

    def __init__(self) -> None:
        self.states: dict[tuple[int, bool], State] = {}


class Carried(Module):
    """A recurrent layer that goes on where its last batch ended: truncated backpropagation through time.

    Row n of a batch continues row n of the batch before; gradients stop there (Williams, Peng 1990). Training and
    ``eval()`` each have a state for each batch size, zeros at first and after ``reset()``. ``y = carried(x)``, x as for
    the layer. A captured step carries it, too.
    """

    def __init__(self, layer: Module) -> None:
        if not isinstance(layer, _Recurrent):
            raise TypeError(f"carried: layer is a {type(layer).__name__}, it must be an RNN, LSTM or GRU")
        self.layer, self._kept = layer, _Kept()

    def reset(self) -> None:
        """Begin again from zeros."""
        for state in self._kept.states.values():
            for part in state:
                part[...] = 0

    def forward(self, x: Tensor, lengths: Any = None, index: Tensor | None = None) -> Tensor:
        """X as for the layer -> the layer's outputs."""
        layer: Any = self.layer
        given = x if index is None else index
        batch = given.shape[0 if layer.batch_first else 1]
        state = self._state(batch, x)
        y, last = layer(x, state if layer.states > 1 else state[0], lengths, index)
        for part, now in zip(state, last if layer.states > 1 else (last,)):
            part.device.kernels.cast(now.data, part.data)
        return y  # type: ignore[no-any-return]

    def _state(self, batch: int, x: Tensor) -> State:
        layer: Any = self.layer
        key = batch, self.training
        if key not in self._kept.states:
            shape = (layer.num_layers * layer.directions, batch, layer.hidden_size)
            dtype = layer.weight_hh_l0.dtype
            zeros = [x.device.empty(shape, dtype, True) for _ in range(layer.states)]
            for part in zeros:
                part[...] = 0
            self._kept.states[key] = tuple(Tensor(part) for part in zeros)
        return self._kept.states[key]
