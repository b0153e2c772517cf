"""Rows of wxb.ops.tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import wxb
from wxb import ops

from . import Array, Fault, Row, Sample, normal


def forest(rng: np.random.Generator, leaves: int, arity: int, roots: int, nodes: int) -> Array:
    """Draw trees of at most ``nodes``: children (nodes, arity) sorted by height, -1 for none and in rows left over."""
    waiting = [(0, number) for number in range(leaves)]  # (height, name) of what has no parent yet
    family: list[tuple[int, int, list[int]]] = [(0, number, []) for number in range(leaves)]
    while len(waiting) >= max(roots, 2) and len(family) < nodes:
        least = 1 if arity == 1 or rng.random() < 0.2 else 2
        count = int(rng.integers(least, min(arity, len(waiting)) + 1))
        taken = [waiting.pop(int(rng.integers(len(waiting)))) for _ in range(count)]
        node = max(height for height, _ in taken) + 1, len(family)
        family.append((*node, [name for _, name in taken]))
        waiting.append(node)
    family.sort()
    row = {name: i for i, (_, name, _) in enumerate(family)}
    children = np.full((nodes, arity), -1, np.int64)
    for i, (_, _, names) in enumerate(family):
        for slot, name in zip(sorted(rng.permutation(arity)[: len(names)]), names):
            children[i, slot] = row[name]
    return children


# ---- oracles: node by node ----


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def by_node(
    x: Array, children: Array, hidden: int, step: Callable[[Array | None, list[Any]], tuple[Array, Array]]
) -> Array:
    h, c = np.zeros((len(children), hidden)), np.zeros((len(children), hidden))
    for n, family in enumerate(children):
        known = [(h[k], c[k]) if k >= 0 else (None, None) for k in family]
        h[n], c[n] = step(x[n] if n < len(x) else None, known)
    return h


def given(state: Array | None, hidden: int) -> Array:
    return np.zeros(hidden) if state is None else state


def rnn(x: Array, children: Array, weight: Array, bias: Array | None = None, activation: str = "tanh") -> Array:
    hidden = len(weight)
    act = {"tanh": np.tanh, "relu": lambda z: np.where(z < 0, 0, z)}[activation]

    def step(own: Array | None, known: list[Any]) -> tuple[Array, Array]:
        z = given(own, hidden) + (0 if bias is None else bias)
        if any(state is not None for state, _ in known):
            s = np.concatenate([given(state, hidden) for state, _ in known])
            z = z + (weight @ s if weight.ndim == 2 else s @ (weight[..., :-1] @ s + weight[..., -1]).T)
        return act(z), z

    return by_node(x, children, hidden, step)


def lstm(x: Array, children: Array, weight: Array, bias: Array | None = None) -> Array:
    arity = children.shape[1]
    hidden = x.shape[1] // (3 + arity)

    def step(own: Array | None, known: list[Any]) -> tuple[Array, Array]:
        z = given(own, (3 + arity) * hidden) + (0 if bias is None else bias)
        if any(state is not None for state, _ in known):
            z = z + weight @ np.concatenate([given(state, hidden) for state, _ in known])
        i, g, o, *f = np.split(z, 3 + arity)
        c = sigmoid(i) * np.tanh(g)
        for gate, (_, memory) in zip(f, known):
            c = c + (0 if memory is None else sigmoid(gate) * memory)
        return sigmoid(o) * np.tanh(c), c

    return by_node(x, children, hidden, step)


def child_sum(x: Array, children: Array, weight: Array, bias: Array | None = None) -> Array:
    hidden = x.shape[1] // 4

    def step(own: Array | None, known: list[Any]) -> tuple[Array, Array]:
        z = given(own, 4 * hidden) + (0 if bias is None else bias)
        states = [(h, c) for h, c in known if h is not None]
        if states:
            z = z + np.concatenate([weight[: 3 * hidden] @ sum(h for h, _ in states), np.zeros(hidden)])
        i, g, o, f = np.split(z, 4)
        c = sigmoid(i) * np.tanh(g) + sum(sigmoid(f + weight[3 * hidden :] @ h) * m for h, m in states)
        return sigmoid(o) * np.tanh(c), c

    return by_node(x, children, hidden, step)


# ---- samples ----

# (leaves, arity, roots, nodes, hidden): hidden around the widths of vectors; one tree and many, deep and flat.
CASES = [
    (1, 2, 1, 1, 3),
    (2, 2, 1, 3, 1),
    (5, 2, 1, 10, 7),
    (9, 2, 2, 20, 8),
    (9, 3, 1, 18, 9),
    (13, 2, 3, 30, 15),
    (4, 1, 4, 12, 5),
    (6, 4, 1, 9, 16),
    (20, 2, 1, 45, 17),
    (17, 3, 17, 17, 4),
    (40, 2, 5, 80, 6),
]
SHAPES: dict[str, Callable[[int, int], tuple[int, ...]]] = {  # of the weight; x has as many columns as it has rows
    "tree_rnn": lambda k, h: (h, k * h),
    "tree_tensor": lambda k, h: (h, k * h, k * h + 1),
    "tree_lstm": lambda k, h: ((3 + k) * h, k * h),
    "child_sum_lstm": lambda k, h: (4 * h, h),
}


def drawn(rng: np.random.Generator, name: str, case: tuple[int, ...], whole: bool, *more: Any) -> Sample:
    leaves, arity, roots, nodes, hidden = case
    children, shape = forest(rng, leaves, arity, roots, nodes), SHAPES[name](arity, hidden)
    weight = normal(rng, *shape, scale=float(1 / np.sqrt(np.prod(shape[1:]))))
    return normal(rng, nodes if whole else leaves, shape[0]), children, weight, normal(rng, shape[0]), *more


def samples(rng: np.random.Generator, name: str, *more: Any) -> list[Sample]:
    cases = [case for case in CASES if name != "tree_tensor" or case[4] < 10]
    several = [drawn(rng, name, case, i % 2 == 0, *more) for i, case in enumerate(cases)]
    x, children, weight, _, *rest = several[3]
    none = drawn(rng, name, (4, 2, 4, 4, 3), True, *more)
    return [*several, (x, children, weight, None, *rest), (none[0][:0], none[1][:0], *none[2:])]


def roundings(x: Array, children: Array, weight: Array, *_: Any) -> float:
    """A level passes its errors on to the next, and adds those of its sums."""
    height = np.zeros(len(children))
    for n, family in enumerate(children):
        height[n] = max((height[k] + 1 for k in family if k >= 0), default=0)
    return (20.0 + 2 * np.prod(weight.shape[1:])) * (1 + height.max(initial=0))


def bounded(x: Array, children: Array, weight: Array, *_: Any) -> Array:
    sums = weight.ndim == 2 and len(weight) == 4 * weight.shape[1]  # of children's states, not one behind the other
    return np.ones((len(children), weight.shape[1] // (1 if sums else children.shape[1])))


def grown(x: Array, children: Array, weight: Array, bias: Array | None = None, activation: str = "relu") -> Array:
    return rnn(np.abs(x), children, np.abs(weight), None if bias is None else np.abs(bias), "relu")


def wrong(name: str) -> list[Fault]:
    weight = SHAPES[name](2, 3)

    def call(x: Any = (3, weight[0]), children: Any = ((-1, -1), (-1, -1), (0, 1)), w: Any = weight, b: int = 0) -> Any:
        rows = np.asarray(children, np.int64)
        bias = np.ones(b or weight[0])
        return lambda: (wxb.tensor(np.ones(x)), wxb.tensor(rows), wxb.tensor(np.ones(w)), wxb.tensor(bias))

    return [
        Fault(call(x=(3,)), ValueError, f"{name}: x has shape (3,), it must be (nodes with an input, "),
        Fault(call(x=(4, weight[0])), ValueError, f"{name}: x has 4 rows, it must have at most 3"),
        Fault(call(children=(1, 2)), ValueError, f"{name}: children has shape (2,), it must be (nodes,"),
        Fault(call(w=(5, 5)), ValueError, f"{name}: weight has shape (5, 5), it must be {weight}"),
        Fault(call(b=2), ValueError, f"{name}: bias has shape (2,), it must be ({weight[0]},)"),
        Fault(call(children=((-1, -1), (-1, -1), (0, 2))), IndexError, f"{name}: at position 5"),  # its own child
        Fault(call(children=((-1, -1), (0, -1), (1, 0))), IndexError, f"{name}: at position 5"),  # two parents
        Fault(call(children=((-1, -1), (-1, -1), (-2, 1))), IndexError, f"{name}: at position 4"),
        Fault(lambda: (wxb.tensor(np.ones(weight)), [[0.5, 1.0]], wxb.tensor(1.0)), TypeError, "must be integers"),
    ]


def row(name: str, oracle: Callable[..., Any], *more: Any, **settings: Any) -> Row:
    form = f"{name}[{more[0]}]" if more else name
    large = (200, 2, 9, 420, 12 if name == "tree_tensor" else 40)
    return Row(
        form,
        getattr(ops, name),
        oracle,
        lambda rng: samples(rng, name, *more),
        large=lambda rng: drawn(rng, name, large, False, *more),
        grad=(0, 2, 3),
        roundings=roundings,
        **{"magnitude": bounded, **settings},
    )


ROWS = [
    row(
        "tree_rnn",
        rnn,
        errors=[
            *wrong("tree_rnn"),
            Fault(
                lambda: (wxb.tensor(np.ones((1, 1))), [[-1]], wxb.tensor(np.ones((1, 1))), None, "selu"),
                ValueError,
                "tree_rnn: activation is 'selu', it must be one of tanh, relu",
            ),
        ],
    ),
    row("tree_rnn", rnn, "relu", magnitude=grown),
    row("tree_tensor", rnn, errors=wrong("tree_tensor")),
    row("tree_lstm", lstm, errors=wrong("tree_lstm")),
    row("child_sum_lstm", child_sum, errors=wrong("child_sum_lstm")),
]
