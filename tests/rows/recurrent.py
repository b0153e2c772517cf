"""Rows of wxb.ops.recurrent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import wxb
from wxb import ops

from . import Array, Fault, Row, Sample, normal

# (steps, batch, units): around tiles of 6 rows, vectors and strips of 64 units, chunks of 128; few steps, which are not
# packed; no sequences at all.
SIZES = [
    (5, 2, 3),
    (1, 1, 1),
    (1, 5, 9),
    (3, 7, 17),
    (4, 1, 8),
    (7, 6, 16),
    (5, 13, 33),
    (4, 3, 64),
    (4, 7, 65),
    (4, 2, 131),
    (4, 0, 5),
]


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def loop(
    x: Array, states: list[Array], lengths: Array | None, reverse: bool, step: Callable[..., list[Array]]
) -> list[Array]:
    """Go through the steps; beyond its length a row's state stays and its output is 0."""
    outputs = np.zeros((*x.shape[:2], states[0].shape[1]))
    for t in range(len(x))[:: -1 if reverse else 1]:
        runs = np.ones(x.shape[1], bool) if lengths is None else t < lengths
        now = step(x[t], *states)
        states = [np.where(runs[:, None], a, b) for a, b in zip(now, states)]
        outputs[t] = np.where(runs[:, None], now[0], 0)
    return [outputs, *states]


def start(x: Array, units: int, given: Array | None) -> Array:
    return np.zeros((x.shape[1], units)) if given is None else given


def rnn(
    x: Array, w: Array, h0: Any = None, lengths: Any = None, reverse: bool = False, nonlinearity: str = "tanh"
) -> list[Array]:
    act = np.tanh if nonlinearity == "tanh" else lambda u: np.maximum(u, 0)
    return loop(x, [start(x, w.shape[1], h0)], lengths, reverse, lambda x, h: [act(x + h @ w.T)])


def lstm(x: Array, w: Array, h0: Any = None, c0: Any = None, lengths: Any = None, reverse: bool = False) -> list[Array]:
    def step(x: Array, h: Array, c: Array) -> list[Array]:
        i, f, g, o = np.split(x + h @ w.T, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        return [sigmoid(o) * np.tanh(c), c]

    return loop(x, [start(x, w.shape[1], s) for s in (h0, c0)], lengths, reverse, step)


def gru(x: Array, w: Array, b: Any = None, h0: Any = None, lengths: Any = None, reverse: bool = False) -> list[Array]:
    def step(x: Array, h: Array) -> list[Array]:
        of_x, of_h = np.split(x, 3, axis=1), np.split(h @ w.T + (0 if b is None else b), 3, axis=1)
        r, z = (sigmoid(p + q) for p, q in zip(of_x[:2], of_h[:2]))
        return [(1 - z) * np.tanh(of_x[2] + r * of_h[2]) + z * h]

    return loop(x, [start(x, w.shape[1], h0)], lengths, reverse, step)


def samples(gates: int, states: int, bias: bool, *end: Any) -> Callable[[np.random.Generator], list[Sample]]:
    def draw(rng: np.random.Generator, steps: int, batch: int, units: int, given: int, reverse: bool) -> Sample:
        x = normal(rng, steps, batch, gates * units)
        w = normal(rng, gates * units, units, scale=0.5 / np.sqrt(units))
        b = normal(rng, gates * units) if given else None
        first = [normal(rng, batch, units) if given else None for _ in range(states)]
        lengths = rng.integers(1, steps + 1, batch) if given > 1 else None
        return (x, w, *([b] if bias else []), *first, lengths, reverse, *end)

    def all_of_them(rng: np.random.Generator) -> list[Sample]:
        return [draw(rng, *size, given=i % 3, reverse=i % 2 == 1) for i, size in enumerate((*SIZES, *SIZES[2:6]))]

    return all_of_them


def size_of(oracle: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *sample: [1 + np.abs(y) for y in oracle(*sample)]


def roundings(x: Array, w: Array, *_: Any) -> float:
    return 24.0 + 2 * w.shape[1] + 4 * len(x)


def ones(*shape: int) -> Any:
    return wxb.tensor(np.ones(shape))


def faults(name: str, gates: int, *before: Any) -> list[Fault]:
    """Return what is wrong for each of the three; ``before``: arguments ahead of lengths."""
    x, w = (lambda: ones(4, 2, gates * 3)), (lambda: ones(gates * 3, 3))
    length = (4, 5)
    return [
        Fault(
            lambda: (ones(2, gates * 3), w()), ValueError, f"{name}: x has shape (2, {gates * 3}), it must be (T, N,"
        ),
        Fault(lambda: (ones(0, 2, gates * 3), w()), ValueError, "with at least one step"),
        Fault(lambda: (x(), ones(gates * 3, 2)), ValueError, f"and weight ({gates * 3}, 2), they must be (T, N,"),
        Fault(lambda: (ones(4, 2, 0), ones(0, 0)), ValueError, "with H at least 1"),
        Fault(lambda: (x(), w(), *before, [4]), ValueError, "lengths have shape (1,), they must be (2,)"),
        Fault(lambda: (x(), w(), *before, [4.0, 1.0]), TypeError, "they must be integers"),
        Fault(lambda: (x(), w(), *before, [0, 4]), IndexError, "length 0 is 0, it must be from 1 to 4"),
        Fault(lambda: (x(), w(), *before, list(length)), IndexError, "length 1 is 5, it must be from 1 to 4"),
        Fault(lambda: (x(), w(), *before, wxb.tensor(length)), IndexError, f"{name}: length 1 is"),
        Fault(lambda: (x(), wxb.tensor(np.ones((gates * 3, 3)), "float64")), TypeError, "weight has dtype float64"),
        Fault(lambda: (wxb.tensor(np.ones((4, 2, gates * 3), np.int64)), w()), TypeError, "float32 or float64"),
    ]


def row(
    name: str, gates: int, states: int, oracle: Callable[..., Any], *end: Any, bias: bool = False, errors: Any = ()
) -> Row:
    def large(rng: np.random.Generator) -> Sample:
        units = 50
        x, w = normal(rng, 5, 50, gates * units), normal(rng, gates * units, units, scale=0.07)
        first = [normal(rng, gates * units)] * bias + [normal(rng, 50, units) for _ in range(states)]
        return (x, w, *first, rng.integers(1, 6, 50), False, *end)

    function = name.partition("[")[0]
    return Row(
        name,
        getattr(ops, function),
        oracle,
        samples(gates, states, bias, *end),
        large=large,
        grad=tuple(range(2 + bias + states)),
        roundings=roundings,
        magnitude=size_of(oracle),
        slope=1.0,
        errors=errors,
    )


ROWS = [
    row(
        "rnn",
        1,
        1,
        rnn,
        errors=[
            *faults("rnn", 1, None),
            Fault(
                lambda: (ones(4, 2, 3), ones(3, 3), ones(3, 2)), ValueError, "h0 has shape (3, 2), it must be (2, 3)"
            ),
            Fault(
                lambda: (ones(4, 2, 3), ones(3, 3), None, None, False, "gelu"),
                ValueError,
                "rnn: nonlinearity is 'gelu', it must be 'tanh' or 'relu'",
            ),
        ],
    ),
    row("rnn[relu]", 1, 1, rnn, "relu"),
    row(
        "lstm",
        4,
        2,
        lstm,
        errors=[
            *faults("lstm", 4, None, None),
            Fault(lambda: (ones(4, 2, 12), ones(12, 3), None, ones(1, 2, 3)), ValueError, "c0 has shape (1, 2, 3)"),
        ],
    ),
    row(
        "gru",
        3,
        1,
        gru,
        bias=True,
        errors=[
            *faults("gru", 3, None, None),
            Fault(lambda: (ones(4, 2, 9), ones(9, 3), ones(3)), ValueError, "bias has shape (3,), it must be (9,)"),
        ],
    ),
]
