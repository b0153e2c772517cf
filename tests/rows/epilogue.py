"""Rows of wxb.ops.epilogue."""

from __future__ import annotations

from typing import Any

import numpy as np
import wxb
from wxb import ops
from wxb.ops.elementwise import ACTIVATIONS

from . import Array, Fault, Row, Sample, normal
from .gemm import FUNCTIONS
from .random import fractions

# (rows, features) around groups of 64 elements, pieces of 512, tasks of 32 rows.
SHAPES: list[tuple[int, ...]] = [
    (3, 1),
    (5, 7),
    (1, 64),
    (9, 13),
    (3, 65),
    (4, 31),
    (7,),
    (0, 4),
    (3, 0),
    (2, 3, 5),
    (3, 511),
    (2, 513),
    (71, 257),
]


def oracle(
    x: Array, bias: Array | None = None, activation: str | None = None, p: float = 0.0, residual: Array | None = None
) -> Array:
    z = x if bias is None else x + bias
    y = z if activation is None else FUNCTIONS[activation](z)
    if p:
        y = np.where(fractions(x.shape, False) >= p, y, 0) / (1 - p) if p < 1 else np.zeros(x.shape)
    return y if residual is None else residual + y


def magnitude(
    x: Array, bias: Array | None = None, activation: str | None = None, p: float = 0.0, residual: Array | None = None
) -> Array:
    """All that is added up, grown by the scale of what is kept."""
    sizes = np.abs(x) + 1 + (0 if bias is None else np.abs(bias))
    return 2 * sizes / (1 - p if p < 1 else 1) + (0 if residual is None else np.abs(residual))


def row(name: str, activation: str | None, **more: Any) -> Row:
    def drawn(rng: np.random.Generator, *shape: int, p: float = 0.25) -> Sample:
        return normal(rng, *shape), normal(rng, shape[-1]), activation, p, normal(rng, *shape)

    def samples(rng: np.random.Generator) -> list[Sample]:
        return [
            *(drawn(rng, *shape) for shape in SHAPES),
            drawn(rng, 5, 33, p=0.0),
            drawn(rng, 5, 33, p=1.0),
            (normal(rng, 5, 33), None, activation, 0.5),
            (normal(rng, 40, 400), None, activation, 0.0, normal(rng, 40, 400)),
            (normal(rng, 5, 33), normal(rng, 33), activation),
        ]

    return Row(
        name,
        ops.bias_activation_dropout,
        oracle,
        samples,
        large=lambda rng: drawn(rng, 700, 130),
        grad=(0, 1, 4),
        roundings=16,
        magnitude=magnitude,
        special=(),  # what is dropped is 0, even if it was NaN or infinite
        **more,
    )


def ones(*shape: int) -> wxb.Tensor:
    return wxb.tensor(np.ones(shape))


FAULTS = [
    Fault(lambda: (wxb.tensor(1.0),), ValueError, "x is 0-d, it must be (..., features)"),
    Fault(lambda: (ones(2, 3), ones(2)), ValueError, "bias has shape (2,), x of shape (2, 3) wants (3,)"),
    Fault(
        lambda: (ones(2, 3), None, None, 0.0, ones(3)),
        ValueError,
        "residual has shape (3,), x of shape (2, 3) wants (2, 3)",
    ),
    Fault(lambda: (ones(2, 3), None, "rulu"), ValueError, "activation: 'rulu' is not one of"),
    Fault(lambda: (ones(2, 3), None, None, 1.5), ValueError, "p is 1.5, it must be from 0 to 1"),
    Fault(lambda: (ones(2, 3), None, None, float("nan")), ValueError, "p is nan"),
    Fault(lambda: (ones(2, 3), wxb.tensor(np.ones(3), "float64")), TypeError, "bias has dtype float64"),
    Fault(lambda: (wxb.tensor([1, 2]),), TypeError, "must be float32 or float64"),
]

ROWS = [
    row("bias_activation_dropout", None, errors=FAULTS),
    *(row(f"bias_activation_dropout[{name}]", name) for name in FUNCTIONS if name in ACTIVATIONS),
]
