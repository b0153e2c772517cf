"""A row says everything the loops of check.py need to know of an op; one file of rows per room of wxb.ops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray
Sample = tuple[Any, ...]  # positional arguments: float64, int64 and bool arrays become Tensors, lists of them too

SEED = 7  # what wxb.seed gets before an op runs

# NaN, infinities, zero with a sign, and what is subnormal in float32
SPECIAL = (np.nan, np.inf, -np.inf, -0.0, 2.0**-140, -(2.0**-140))

# Lengths around the widths of vectors (4, 8, 16) and of pairs of them, with primes between.
LENGTHS = (0, 1, 2, 3, 4, 5, 7, 8, 9, 13, 15, 16, 17, 23, 31, 32, 33, 63, 64, 65, 127, 257, 1009)


@dataclass(frozen=True)
class Fault:
    """A call that must raise ``error`` with ``message`` in its text; ``args`` are made when it is tried."""

    args: Callable[[], Sample]
    error: type[Exception]
    message: str


@dataclass(frozen=True)
class Row:
    """An op, how to try it, and what it must give."""

    name: str  # of the function in wxb.ops; in brackets, which of its forms
    op: Callable[..., Any]
    oracle: Callable[..., Any]  # of numpy float64 arrays, written without a look at the op
    samples: Callable[[np.random.Generator], list[Sample]]
    large: Callable[[np.random.Generator], Sample]  # enough work to be split between threads
    grad: tuple[int, ...] = (0,)  # positions of the arguments that have a gradient
    # |error| <= eps * roundings * magnitude, the sizes of the sums that round: what the tolerance is derived from.
    roundings: Callable[..., float] | float = 4
    magnitude: Callable[..., Any] | None = None  # of each output element, where terms cancel; |output| otherwise
    exact: bool = False  # bit-exact on small integers
    slope: float = 0.0  # of a function whose derivative is a difference (1 - y² where y is near 1): its largest value
    gives: Any = None  # dtype of the output, where it is another float than that of the inputs
    special: tuple[float, ...] = SPECIAL  # which the oracle rules of: a row with fewer says why
    errors: Sequence[Fault] = field(default_factory=tuple)

    @property
    def function(self) -> str:
        return self.name.partition("[")[0]


def normal(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> Array:
    """Draw normal numbers that float32 holds exactly."""
    return np.asarray(scale * rng.standard_normal(shape), np.float32).astype(np.float64)


def positive(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> Array:
    """Draw positive numbers, scattered by some e."""
    return np.asarray(scale * np.exp(rng.standard_normal(shape)), np.float32).astype(np.float64)


def shapes_of_one() -> list[tuple[int, ...]]:
    """Shapes for ops that treat all elements alike."""
    return [(n,) for n in LENGTHS] + [(), (1, 1, 1), (3, 0, 2), (2, 3, 5), (17, 9)]
