"""Rows of wxb.ops.pool."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import wxb
from wxb import ops

from . import Array, Fault, Row, Sample, normal

# x, kernel, stride, padding: windows apart, that overlap, that leave out, wider than the image; channels around the
# widths of vectors; sequences.
CASES: list[tuple[Any, ...]] = [
    *(((2, 4, 6, c), 2) for c in (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64)),
    ((1, 1, 1, 1), 1),
    ((2, 5, 5, 3), 2),
    ((2, 7, 5, 3), 3, 2, 1),
    ((2, 7, 5, 3), 3, 1, 1),
    ((1, 6, 8, 5), (2, 3), (1, 2), (0, 1)),
    ((1, 9, 7, 2), 2, 3),
    ((1, 3, 3, 2), 5, 1, 2),
    ((1, 20, 19, 2), 17, 2, 3),
    ((0, 4, 4, 3), 2),
    ((2, 4, 4, 0), 2),
    ((2, 9, 5), 2),
    ((2, 9, 3), 3, 2, 1),
    ((1, 300, 2), 270, 7, 100),
]
ADAPTIVE: list[tuple[Any, ...]] = [
    ((2, 7, 7, 17), 1),
    ((2, 6, 4, 3), 2),
    ((2, 7, 5, 3), 3),
    ((1, 5, 7, 9), (2, 5)),
    ((1, 3, 2, 4), (5, 3)),
    ((2, 11, 3), 4),
    ((1, 130, 70, 2), 1),
    ((0, 4, 4, 3), 2),
    ((2, 4, 4, 0), 2),
]


def as_image(x: Array) -> Array:
    return x if x.ndim == 4 else x[:, None]


def pair(value: Any, ndim: int, alone: int) -> tuple[int, int]:
    if isinstance(value, tuple):
        return value
    return (value, value) if ndim == 4 else (alone, value)


def over_windows(image: Array, cuts: Any, take: Callable[[Array], Array]) -> Array:
    y = [[take(image[:, rows, columns]) for columns in cuts[1]] for rows in cuts[0]]
    return np.moveaxis(np.array(y).reshape(len(cuts[0]), len(cuts[1]), len(image), image.shape[-1]), 2, 0)


def padded(x: Array, kernel: Any, stride: Any, padding: Any, fill: float, take: Callable[[Array], Array]) -> Array:
    k, s = pair(kernel, x.ndim, 1), pair(kernel if stride is None else stride, x.ndim, 1)
    p = pair(padding, x.ndim, 0)
    image = np.pad(as_image(x), ((0, 0), (p[0], p[0]), (p[1], p[1]), (0, 0)), constant_values=fill)
    cuts = tuple([slice(a, a + k[i]) for a in range(0, image.shape[1 + i] - k[i] + 1, s[i])] for i in (0, 1))
    y = over_windows(image, cuts, take)
    return y if x.ndim == 4 else y[:, 0]


def max_pool(x: Array, kernel: Any, stride: Any = None, padding: Any = 0) -> Array:
    return padded(x, kernel, stride, padding, -np.inf, lambda w: w.max((1, 2)))


def avg_pool(x: Array, kernel: Any, stride: Any = None, padding: Any = 0) -> Array:
    return padded(x, kernel, stride, padding, 0.0, lambda w: w.mean((1, 2)))


def adaptive_avg_pool(x: Array, size: Any) -> Array:
    image = as_image(x)
    out = pair(size, x.ndim, 1)
    edges = [(np.arange(n + 1) * image.shape[1 + i]) / n for i, n in enumerate(out)]
    cuts = tuple([slice(int(np.floor(a)), int(np.ceil(b))) for a, b in zip(e, e[1:])] for e in edges)
    y = over_windows(image, cuts, lambda w: w.mean((1, 2)))
    return y if x.ndim == 4 else y[:, 0]


def of_sizes(oracle: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, *more: oracle(np.abs(x), *more)


def roundings(x: Array, kernel: Any, *_: Any) -> float:
    return 4.0 + sum(pair(kernel, x.ndim, 1))


def adaptive_roundings(x: Array, *_: Any) -> float:
    return 4.0 + sum(x.shape[1:-1])


def drawn(cases: list[tuple[Any, ...]]) -> Callable[[np.random.Generator], list[Sample]]:
    def samples(rng: np.random.Generator) -> list[Sample]:
        return [(normal(rng, *shape), *more) for shape, *more in cases]

    return samples


def image(*shape: int) -> Any:
    return wxb.tensor(np.ones(shape))


def faults(name: str) -> list[Fault]:
    return [
        Fault(lambda: (image(4, 4), 2), ValueError, f"{name}: x has shape (4, 4), it must be (N, H, W, C)"),
        Fault(lambda: (image(1, 4, 4, 2), 5), ValueError, "kernel_size is 5 along the height, which has 4 elements"),
        Fault(lambda: (image(1, 7, 4, 2), 5), ValueError, "kernel_size is 5 along the width, which has 4 elements"),
        Fault(lambda: (image(1, 4, 4, 2), 0), ValueError, "kernel_size is 0 and stride 0 along the height"),
        Fault(lambda: (image(1, 4, 4, 2), -(2**62)), ValueError, "both must be at least 1"),
        Fault(lambda: (image(1, 4, 4, 2), 2, 0), ValueError, "kernel_size is 2 and stride 0 along the height"),
        Fault(
            lambda: (image(1, 4, 4, 2), 3, 1, 2), ValueError, "padding is 2 along the height, it must be from 0 to 1"
        ),
        Fault(lambda: (image(1, 4, 4, 2), 3, 1, 2**62), ValueError, "it must be from 0 to 1, half of kernel_size"),
        Fault(lambda: (image(1, 4, 4, 2), 3, 1, -1), ValueError, "padding is -1 along the height"),
        Fault(lambda: (image(1, 0, 4, 2), 2, 1, 1), ValueError, "the height is 0, it must be at least 1"),
        Fault(
            lambda: (image(1, 4, 4, 2), (2, 2, 2)), ValueError, "kernel_size is (2, 2, 2), it must be an integer or 2"
        ),
        Fault(lambda: (image(1, 4, 4, 2), 2.5), TypeError, "kernel_size is 2.5, it must be an integer or 2 of them"),
        Fault(lambda: (wxb.tensor(np.ones((1, 4, 4, 1), np.int64)), 2), TypeError, "must be float32 or float64"),
    ]


ROWS = [
    Row(
        "max_pool",
        ops.max_pool,
        max_pool,
        drawn(CASES),
        large=lambda rng: (rng.integers(-9, 9, (3, 40, 37, 21)).astype(np.float64), 3, 2, 1),
        exact=True,
        errors=faults("max_pool"),
    ),
    Row(
        "avg_pool",
        ops.avg_pool,
        avg_pool,
        drawn(CASES),
        large=lambda rng: (normal(rng, 3, 40, 37, 21), 3, 2, 1),
        roundings=roundings,
        magnitude=of_sizes(avg_pool),
        errors=faults("avg_pool"),
    ),
    Row(
        "adaptive_avg_pool",
        ops.adaptive_avg_pool,
        adaptive_avg_pool,
        drawn(ADAPTIVE),
        large=lambda rng: (normal(rng, 3, 40, 37, 21), (5, 7)),
        roundings=adaptive_roundings,
        magnitude=of_sizes(adaptive_avg_pool),
        errors=[
            Fault(lambda: (image(4, 4), 2), ValueError, "x has shape (4, 4), it must be (N, H, W, C)"),
            Fault(lambda: (image(1, 4, 4, 2), 0), ValueError, "output_size is 0, it must be at least 1"),
            Fault(lambda: (image(1, 4, 0, 2), 2), ValueError, "the width is 0 and output_size 2"),
            Fault(lambda: (image(1, 4, 4, 2), "2"), TypeError, "output_size is '2', it must be an integer"),
            Fault(lambda: (wxb.tensor(np.ones((1, 4, 4, 1), np.int64)), 2), TypeError, "must be float32 or float64"),
        ],
    ),
]
