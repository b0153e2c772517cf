"""One launch of a kernel, to be checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy

Array = Any
Launch = Callable[..., None]  # launch(kernels, *inputs, *outputs)

DTYPES = ("float32", "float64", "int64", "uint8", "bool")
FLOATS = DTYPES[:2]


@dataclass
class Case:
    """Its arrays on the host, the outputs' shapes and dtypes, the call."""

    op: str
    dtype: str
    inputs: list[Array]
    outputs: list[tuple[tuple[int, ...], str]]
    launch: Launch
    tolerance: float | None = None  # where it is not that of the output's dtype


def gradient(rng: numpy.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    """Return random numbers: an infinite ``dy`` would make NaN of a derivative that only float32 rounds to 0."""
    return numpy.asarray(rng.standard_normal(shape), dtype)
