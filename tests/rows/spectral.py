"""Rows of wxb.ops.spectral."""

from __future__ import annotations

from typing import Any

import numpy as np
import wxb
from wxb import ops

from . import Array, Fault, Row, Sample, normal

# (shape of the weight, rows of its matrix): one row or column, around vectors, kernels of convolutions.
WEIGHTS: list[tuple[tuple[int, ...], int]] = [
    ((1, 1), 1),
    ((1, 7), 1),
    ((5, 1), 5),
    ((2, 3), 2),
    ((7, 9), 7),
    ((16, 17), 16),
    ((33, 15), 33),
    ((12,), 3),
    ((4, 3, 3, 5), 4),
    ((5, 4, 4, 3), 80),
    ((9, 257), 9),
]


def spectral_norm(weight: Array, u: Array, v: Array, iterations: int = 1, eps: float = 1e-12) -> Array:
    w = weight.reshape(len(u), len(v))
    for _ in range(iterations):
        u = w @ v
        u = u / np.maximum(np.linalg.norm(u), eps)
        v = w.T @ u
        v = v / np.maximum(np.linalg.norm(v), eps)
    return weight / (u @ (w @ v))


def unit(rng: np.random.Generator, n: int) -> Array:
    x = rng.standard_normal(n)
    return np.asarray(x / np.linalg.norm(x), np.float32).astype(np.float64)


def drawn(rng: np.random.Generator, shape: tuple[int, ...], rows: int, iterations: int) -> Sample:
    """Draw a weight with a first direction that stands out, and u and v not far from it: u · W v cancels little."""
    w = normal(rng, *shape)
    columns = w.size // rows
    u, v = unit(rng, rows), unit(rng, columns)
    w = np.asarray(w + (3 * w.size**0.5 * np.outer(u, v)).reshape(shape), np.float32).astype(np.float64)
    return w, u, v, iterations


def samples(rng: np.random.Generator, iterations: int) -> list[Sample]:
    return [drawn(rng, shape, rows, iterations) for shape, rows in WEIGHTS]


def ones(*shape: int, dtype: str = "float32", **more: Any) -> Any:
    return wxb.tensor(np.ones(shape), dtype, **more)


FAULTS = [
    Fault(lambda: (ones(2, 3), ones(2), ones(2)), ValueError, "weight has shape (2, 3), u (2,) and v (2,); wanted"),
    Fault(lambda: (ones(2, 3), ones(2, 1), ones(3)), ValueError, "u (2, 1) and v (3,); wanted (rows,) and (columns,)"),
    Fault(lambda: (ones(0, 3), ones(0), ones(3)), ValueError, "of the weight as a matrix, neither 0"),
    Fault(lambda: (ones(2, 3), ones(2), ones(3), -1), ValueError, "iterations is -1, it must not be negative"),
    Fault(lambda: (ones(2, 3), ones(2), ones(3), 1.0), TypeError, "iterations is 1.0, it must be an integer"),
    Fault(lambda: (ones(2, 3), ones(2), ones(3, dtype="float64")), TypeError, "spectral_norm: v is float64, weight"),
    Fault(lambda: (ones(2, 3), ones(2, requires_grad=True), ones(3)), ValueError, "u requires a gradient"),
]


def row(form: str, iterations: int, **more: Any) -> Row:
    return Row(
        f"spectral_norm{form}",
        ops.spectral_norm,
        spectral_norm,
        lambda rng: samples(rng, iterations),
        large=lambda rng: drawn(rng, (300, 700), 300, iterations),
        roundings=lambda w, *_: 16.0 + w.size**0.5,
        slope=1.0,
        special=(np.nan,),  # which makes all of W / σ NaN; what infinities give depends on the order of sums
        **more,
    )


ROWS = [
    row("", 0, errors=FAULTS),
    row("[moved]", 2, grad=()),  # its gradient takes the vectors it has moved as constants, the oracle's does not
]
