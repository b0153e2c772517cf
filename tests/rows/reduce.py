"""Rows of wxb.ops.reduce."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import wxb
from wxb import ops

from . import LENGTHS, Array, Fault, Row, Sample, normal

# Shapes and axes; lengths around chunks of 4096 of a row and groups of 16 rows, axes apart, nothing to reduce.
WHOLE = [(n,) for n in (*LENGTHS, 4095, 4097, 9001)]
AXES: list[tuple[tuple[int, ...], Any]] = [
    ((), None),
    ((3, 0), 0),
    ((2, 0, 3), (0, 2)),
    ((5, 7), 0),
    ((5, 7), 1),
    ((5, 7), -1),
    ((5, 7), (0, 1)),
    ((1, 9), 0),
    ((9, 1), 0),
    ((15, 33), 0),
    ((17, 64), 0),
    ((65, 3), 0),
    ((4, 130), 0),
    ((3, 257), 1),
    ((2, 3, 5), 1),
    ((2, 3, 5), (0, 2)),
    ((2, 3, 5), (1, 2)),
    ((2, 3, 5), [-1, 0]),
    ((2, 3, 2, 5), (0, 2)),
    ((2, 3, 5), ()),
    ((31, 4097), 1),
]


def samples(rng: np.random.Generator, empty: bool, *more: Any) -> list[Sample]:
    chosen: list[Sample] = [(normal(rng, *s),) for s in WHOLE if empty or s[0]]
    for shape, axis in AXES:
        axes = tuple(axis) if isinstance(axis, list) else axis
        if empty or 0 not in shape:
            chosen += [(normal(rng, *shape), axes, False, *more), (normal(rng, *shape), axes, True, *more)]
    return chosen


def count(x: Array, axis: Any) -> int:
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return int(np.prod([x.shape[a] for a in axes]))


def mean(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    return x.sum(axis, keepdims=keepdims) / np.float64(count(x, axis))


def var(x: Array, axis: Any = None, keepdims: bool = False, correction: float = 0.0) -> Array:
    squares = (x - mean(x, axis, True)) ** 2
    return squares.sum(axis, keepdims=keepdims) / np.float64(max(count(x, axis) - correction, 0))


def norm(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    return np.sqrt((x * x).sum(axis, keepdims=keepdims))


def of_sizes(oracle: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, *more: oracle(np.abs(x), *more)


def roundings(x: Array, axis: Any = None, *_: Any) -> float:
    return 4.0 + count(x, axis)


FAULTS = [
    Fault(lambda: (wxb.tensor(np.ones((2, 3))), 2), ValueError, "axis 2 is out of range for shape (2, 3)"),
    Fault(lambda: (wxb.tensor(np.ones((2, 3))), -3), ValueError, "axis -3 is out of range for shape (2, 3)"),
    Fault(lambda: (wxb.tensor(np.ones((2, 3))), (0, -2)), ValueError, "names an axis of shape (2, 3) twice"),
    Fault(lambda: (wxb.tensor(np.ones((2, 3))), 1.5), TypeError, "axis is 1.5, it must be an integer"),
    Fault(lambda: (wxb.tensor([1, 2]),), TypeError, "must be float32 or float64"),
]
NOTHING = Fault(lambda: (wxb.tensor(np.ones((0, 3))), 0), ValueError, "there is nothing to choose from along axis 0")


def not_finite(bad: float, dtype: type) -> Fault:
    message = "check_finite: at position 2 a value is not finite"
    return Fault(lambda: (wxb.tensor([[1.0, 2.0], [bad, np.nan]], dtype),), FloatingPointError, message)


def reduction(name: str, oracle: Callable[..., Any], empty: bool = True, **more: Any) -> Row:
    return Row(
        name,
        getattr(ops, name.partition("[")[0]),
        oracle,
        samples=lambda rng: samples(rng, empty),
        large=lambda rng: (normal(rng, 70, 40, 50), (0, 2)),
        errors=FAULTS if empty else [*FAULTS, NOTHING],
        **more,
    )


def along(name: str, oracle: Callable[..., Any]) -> Row:
    """A reduction along one axis that gives places."""

    def places(rng: np.random.Generator) -> list[Sample]:
        whole: list[Sample] = [(normal(rng, *s),) for s in WHOLE if s[0]]
        ties: list[Sample] = [(rng.integers(-2, 3, (9, 70)).astype(np.float64), axis) for axis in (None, 0, 1)]
        return [*whole, *ties, *((normal(rng, *s), a) for s, a in AXES if isinstance(a, int) and 0 not in s)]

    return Row(
        name,
        getattr(ops, name),
        oracle,
        places,
        large=lambda rng: (rng.integers(-9, 9, (300, 170)).astype(np.float64), 0),
        grad=(),
        errors=[FAULTS[0], FAULTS[1], FAULTS[3], FAULTS[4], NOTHING],
    )


ROWS = [
    reduction("sum", lambda x, a=None, k=False: x.sum(a, keepdims=k), roundings=roundings, magnitude=of_sizes(
        lambda x, a=None, k=False: x.sum(a, keepdims=k)), exact=True),
    reduction("mean", mean, roundings=roundings, magnitude=of_sizes(mean)),
    reduction("max", lambda x, a=None, k=False: x.max(a, keepdims=k), empty=False, roundings=0),
    reduction("min", lambda x, a=None, k=False: x.min(a, keepdims=k), empty=False, roundings=0),
    reduction("norm", norm, roundings=roundings),
    Row(
        "var",
        ops.var,
        var,
        samples=lambda rng: [*samples(rng, True), *samples(rng, False, 1.0)],
        large=lambda rng: (normal(rng, 70, 40, 50), (0, 2)),
        roundings=roundings,
        magnitude=lambda x, a=None, k=False, c=0.0: var(x, a, k, c) + mean(x, a, k) ** 2,
        errors=FAULTS,
    ),
    along("argmax", lambda x, axis=None: x.argmax(axis)),
    along("argmin", lambda x, axis=None: x.argmin(axis)),
    Row(
        "check_finite",
        ops.check_finite,
        lambda x: x,
        samples=lambda rng: [(normal(rng, *s, scale=1e30),) for s in [*WHOLE, (2, 3, 5), ()]],
        large=lambda rng: (normal(rng, 90, 1000),),
        roundings=0,
        special=(),  # what is not finite raises
        errors=[
            *(not_finite(bad, dtype) for bad in (np.nan, np.inf, -np.inf) for dtype in (np.float32, np.float64)),
            Fault(lambda: (wxb.tensor([1]),), TypeError, "check_finite: dtype is int64, it must be float32 or float64"),
        ],
    ),
]  # fmt: skip
