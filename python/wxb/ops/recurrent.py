"""Recurrent layers over whole sequences, time first: RNN, LSTM and GRU. What the inputs give the gates comes in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from ..autograd import Grads, record_each
from ..device import Array, Device, cpu
from ..tensor import Tensor, as_array
from .reduce import expect_constant, expect_tensor

__all__ = ["gru", "lstm", "rnn"]

_INT = numpy.dtype(numpy.int64)
_Cell = cpu.kernels.Cell
_GATES = {_Cell.tanh: 1, _Cell.relu: 1, _Cell.lstm: 4, _Cell.gru: 3}


def rnn(
    x: Tensor,
    weight: Tensor,
    h0: Tensor | None = None,
    lengths: Any = None,
    reverse: bool = False,
    nonlinearity: str = "tanh",
) -> tuple[Tensor, Tensor]:
    """Run a plain recurrent layer over sequences, ``h' = tanh(x + h Wᵀ)``, or relu (Elman 1990).

    x (T, N, H): what the inputs give, ``linear(inputs, weight_ih, bias)``; weight (H, H), h0 (N, H) or None for zeros
    -> outputs (T, N, H), last state (N, H). lengths (N,) integers, at least 1: beyond them a sequence's output is 0 and
    its state stays. ``reverse`` goes from the last step to the first. Raises ``ValueError`` for shapes that do not fit
    and no steps, ``IndexError`` for a length that is not in 1, ..., T.
    """
    if nonlinearity not in ("tanh", "relu"):
        raise ValueError(f"rnn: nonlinearity is {nonlinearity!r}, it must be 'tanh' or 'relu'")
    y, h = _run("rnn", getattr(_Cell, nonlinearity), x, weight, None, h0, None, lengths, reverse)
    return y, h


def lstm(
    x: Tensor,
    weight: Tensor,
    h0: Tensor | None = None,
    c0: Tensor | None = None,
    lengths: Any = None,
    reverse: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Run a layer of long short-term memory over sequences (Hochreiter, Schmidhuber 1997; Gers et al. 2000).

    ``i, f, g, o = x + h Wᵀ`` in this order, ``c' = σ(f) c + σ(i) tanh(g)``, ``h' = σ(o) tanh(c')``. x (T, N, 4H):
    ``linear(inputs, weight_ih, bias)``; weight (4H, H); h0 and c0 (N, H) or None for zeros -> outputs (T, N, H), last h
    and last c (N, H). lengths, reverse and errors as for ``rnn``.
    """
    y, h, c = _run("lstm", _Cell.lstm, x, weight, None, h0, c0, lengths, reverse)
    return y, h, c


def gru(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    h0: Tensor | None = None,
    lengths: Any = None,
    reverse: bool = False,
) -> tuple[Tensor, Tensor]:
    """Run a layer of gated recurrent units over sequences (Cho et al. 2014, arXiv:1406.1078), reset after the product.

    With ``x_r, x_z, x_n`` the parts of x and ``r, z, n`` those of ``h Wᵀ + b``, in this order: ``r = σ(x_r + r)``,
    ``z = σ(x_z + z)``, ``h' = (1 - z) tanh(x_n + r n) + z h``. x (T, N, 3H): ``linear(inputs, weight_ih, bias_ih)``;
    weight (3H, H), bias (3H,), h0 (N, H) or None for zeros -> outputs (T, N, H), last state (N, H). lengths, reverse
    and errors as for ``rnn``.
    """
    y, h = _run("gru", _Cell.gru, x, weight, bias, h0, None, lengths, reverse)
    return y, h


def _run(
    name: str,
    cell: Any,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    h0: Tensor | None,
    c0: Tensor | None,
    lengths: Any,
    reverse: bool,
) -> tuple[Tensor, ...]:
    steps, batch, units = _sizes(name, _GATES[cell], x, weight, bias=bias, h0=h0, c0=c0)
    dev, xa, wa = x.device, x.data, weight.data
    ba, ha, ca = (None if t is None else t.data for t in (bias, h0, c0))
    la = _lengths(name, dev, lengths, steps, batch)
    state, all_states, reverse = (batch, units), (steps, batch, units), bool(reverse)

    def room(shape: tuple[int, ...], wanted: bool = True) -> Array:
        return dev.empty(shape, xa.dtype) if wanted else None

    is_lstm = cell == _Cell.lstm
    y, h_n, c_n = room(all_states), room(state), room(state, is_lstm)
    gates, before, cells = room(xa.shape), room(all_states), room(all_states, is_lstm)
    reset = room(all_states, cell == _Cell.gru)
    dev.kernels.recurrent_forward(cell, xa, wa, ba, ha, ca, la, y, h_n, c_n, gates, before, cells, reset, reverse)

    def backward(dys: list[Array], grads: Grads) -> Sequence[Array]:
        dx, dw, db, dh0, dc0 = given = grads()
        if reset is None:
            dx = given[0] = gates  # which nobody needs afterwards: memory that is at hand is faster
        elif dx is None:
            dx = room(xa.shape)
        dh0 = room(state) if dh0 is None else dh0
        dc0 = room(state, is_lstm) if dc0 is None else dc0
        dys = [*dys, None] if len(dys) < 3 else dys
        dev.kernels.recurrent_backward(cell, wa, before, cells, c_n, reset, *dys, la, gates, dx, dh0, dc0, reverse)
        if dw is not None or db is not None:
            dz = (dx if reset is None else gates).reshape(steps * batch, wa.shape[0])
            inputs = before.reshape(steps * batch, units)
            dev.kernels.linear_backward(inputs, wa, None, dz, None, dw, db, dev.kernels.Unary.none, 0.0)
        return given  # type: ignore[no-any-return]

    return record_each([t for t in (y, h_n, c_n) if t is not None], (x, weight, bias, h0, c0), backward)


def _sizes(name: str, gates: int, x: Tensor, weight: Tensor, **rest: Tensor | None) -> tuple[int, int, int]:
    """Return (steps, batch, units); raise unless all shapes fit."""
    expect_tensor(name, "x", x)
    expect_tensor(name, "weight", weight)
    if x.ndim != 3 or x.shape[0] == 0:
        raise ValueError(f"{name}: x has shape {x.shape}, it must be (T, N, {gates} H) with at least one step")
    steps, batch, width = x.shape
    if weight.ndim != 2 or not weight.shape[1] or weight.shape != (width, width // gates) or width % gates:
        raise ValueError(
            f"{name}: x has shape {x.shape} and weight {weight.shape}, "
            f"they must be (T, N, {gates} H) and ({gates} H, H) with H at least 1"
        )
    wanted = {"bias": (width,), "h0": (batch, width // gates), "c0": (batch, width // gates)}
    for what, value in rest.items():
        if value is None:
            continue
        expect_tensor(name, what, value)
        if value.shape != wanted[what]:
            raise ValueError(f"{name}: {what} has shape {value.shape}, it must be {wanted[what]} for x {x.shape}")
    return steps, batch, width // gates


def _lengths(name: str, dev: Device, lengths: Any, steps: int, batch: int) -> Array:
    """Return the lengths as an array for the kernel, which checks those that a recorded step reads."""
    if lengths is None:
        return None
    if isinstance(lengths, Tensor):
        expect_constant(name, "lengths", lengths)
        given = lengths.data
    else:
        given = as_array(lengths)
    if given.dtype.kind not in "iu":
        raise TypeError(f"{name}: lengths have dtype {given.dtype}, they must be integers")
    if given.shape != (batch,):
        raise ValueError(f"{name}: lengths have shape {given.shape}, they must be ({batch},), one of each sequence")
    if given.dtype != _INT:
        raise TypeError(f"{name}: lengths have dtype {given.dtype}, they must be int64; convert them with .astype()")
    readable = (dev is cpu or not isinstance(lengths, Tensor)) and not dev.recording()
    for i, length in enumerate(given.tolist() if readable else ()):
        if not 1 <= length <= steps:
            raise IndexError(f"{name}: length {i} is {length}, it must be from 1 to {steps}, the steps of x")
    return given if isinstance(lengths, Tensor) else dev.array(given, _INT)
