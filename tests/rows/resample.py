"""Rows of wxb.ops.resample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import wxb
from wxb import ops

from . import Array, Fault, Row, Sample, normal

# x, size, scale_factor: larger, smaller, the same, one pixel; factors whose result is cut off; sequences.
CASES: list[tuple[Any, ...]] = [
    *(((2, 3, 4, c), None, 2) for c in (1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 33)),
    ((2, 3, 4, 3), (7, 5)),
    ((2, 7, 5, 3), (3, 4)),
    ((1, 5, 5, 2), 5),
    ((1, 1, 1, 2), 3),
    ((1, 4, 6, 2), 1),
    ((1, 3, 5, 2), None, 1.5),
    ((1, 9, 8, 2), None, (0.4, 2.75)),
    ((0, 4, 4, 3), None, 2),
    ((2, 4, 4, 0), 6),
    ((2, 9, 3), 14),
    ((2, 9, 3), None, 3),
]


def rows_of(mode: str, n: int, out: int, factor: Any) -> Array:
    """Return the matrix (out, n) that resamples an axis."""
    matrix = np.zeros((out, n))
    for o in range(out):
        if mode == "nearest":
            at = o / factor if factor else o * n / out
            matrix[o, min(int(np.floor(at)), n - 1)] = 1
            continue
        at = max(0.0, ((o + 0.5) / factor if factor else (o + 0.5) * n / out) - 0.5)
        low = min(int(np.floor(at)), n - 1)
        weight = at - low if low < n - 1 else 0.0
        matrix[o, low] += 1 - weight
        matrix[o, min(low + 1, n - 1)] += weight
    return matrix


def upsample(x: Array, size: Any = None, factor: Any = None, mode: str = "nearest") -> Array:
    axes = x.ndim - 2
    factors = factor if isinstance(factor, tuple) else (factor,) * axes
    out = size if isinstance(size, tuple) else (size,) * axes
    for i in range(axes):
        n = x.shape[1 + i]
        count = out[i] if size is not None else int(np.floor(n * factors[i]))
        x = np.moveaxis(applied(rows_of(mode, n, count, factors[i]), np.moveaxis(x, 1 + i, 0)), 0, 1 + i)
    return x


def applied(matrix: Array, x: Array) -> Array:
    """Return matrix @ x without the products by 0, which infinities would make NaN of."""
    y = np.zeros((len(matrix), *x.shape[1:]))
    for o, row in enumerate(matrix):
        for i in np.flatnonzero(row):
            y[o] += row[i] * x[i]
    return y


def samples(mode: str) -> Callable[[np.random.Generator], list[Sample]]:
    def drawn(rng: np.random.Generator) -> list[Sample]:
        cases = [(*case, None)[:3] for case in CASES]
        return [
            (normal(rng, *shape), size, factor, "linear" if mode == "bilinear" and len(shape) == 3 else mode)
            for shape, size, factor in cases
        ]

    return drawn


def image(*shape: int) -> Any:
    return wxb.tensor(np.ones(shape))


FAULTS = [
    Fault(lambda: (image(4, 4), 2), ValueError, "upsample: x has shape (4, 4), it must be (N, H, W, C) or (N, L, C)"),
    Fault(lambda: (image(1, 4, 4, 2),), ValueError, "size is None and scale_factor None, one of them must be given"),
    Fault(lambda: (image(1, 4, 4, 2), 2, 2), ValueError, "size is 2 and scale_factor 2, one of them must be given"),
    Fault(lambda: (image(1, 4, 4, 2), 0), ValueError, "size is 0, it must be at least 1"),
    Fault(lambda: (image(1, 4, 4, 2), None, 0.1), ValueError, "the height is 4 and is to be 0"),
    Fault(lambda: (image(1, 0, 4, 2), None, 2), ValueError, "the height is 0 and is to be 0, both must be at least 1"),
    Fault(lambda: (image(1, 4, 4, 2), None, -1.0), ValueError, "scale_factor is -1.0, it must be finite and above 0"),
    Fault(lambda: (image(1, 4, 4, 2), None, (2, 2, 2)), TypeError, "it must be a number or 2 of them"),
    Fault(lambda: (image(1, 4, 4, 2), None, 2, "cubic"), ValueError, "mode is 'cubic', it must be 'nearest' or"),
    Fault(lambda: (image(1, 4, 2), None, 2, "bilinear"), ValueError, "must be 'nearest' or 'linear' for 3 axes"),
    Fault(lambda: (wxb.tensor(np.ones((1, 4, 4, 1), np.int64)), 2), TypeError, "must be float32 or float64"),
]

ROWS = [
    Row(
        "upsample",
        ops.upsample,
        upsample,
        samples("nearest"),
        large=lambda rng: (normal(rng, 3, 20, 17, 21), None, 2, "nearest"),
        errors=FAULTS,
    ),
    Row(
        "upsample[bilinear]",
        ops.upsample,
        upsample,
        samples("bilinear"),
        large=lambda rng: (normal(rng, 3, 20, 17, 21), None, 2, "bilinear"),
        roundings=10,
        magnitude=lambda x, *more: upsample(np.abs(x), *more),
        special=(np.nan, -0.0, 2.0**-140),  # infinity times a weight of 0 is NaN, as PyTorch's is
    ),
]
