"""Rows of wxb.ops.norm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import wxb
from wxb import ops

from . import Array, Fault, Row, Sample, normal

# (rows, features) around the widths of vectors, the tasks of 32 rows, and chunks of 4096.
SHAPES: list[tuple[int, ...]] = [
    *((3, n) for n in (1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 257)),
    (5,),
    (0, 4),
    (3, 0),
    (2, 3, 5),
    (31, 300),
    (33, 300),
    (2, 4099),
]


def layer_norm(x: Array, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5) -> Array:
    if x.shape[-1] == 0:
        return x
    centred = x - x.mean(-1, keepdims=True)
    y = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + eps)
    return y * (1 if weight is None else weight) + (0 if bias is None else bias)


def rms_norm(x: Array, weight: Array | None = None, eps: float = 1e-5) -> Array:
    if x.shape[-1] == 0:
        return x
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * (1 if weight is None else weight)


def differences(x: Array, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5) -> Array:
    """How large is what is subtracted: the row less its first element, in units of the deviation."""
    if x.shape[-1] == 0:
        return x
    apart = np.abs(x - x[..., :1]) + np.abs(x - x[..., :1]).mean(-1, keepdims=True)
    scaled = apart / np.sqrt(x.var(-1, keepdims=True) + eps) * (1 if weight is None else np.abs(weight))
    return scaled + (0 if bias is None else np.abs(bias))


def samples(rng: np.random.Generator, parameters: int) -> list[Sample]:
    def drawn(*shape: int, given: int = parameters) -> Sample:
        return (normal(rng, *shape, scale=3), *(normal(rng, shape[-1]) for _ in range(given)))

    return [
        *(drawn(*shape) for shape in SHAPES),
        drawn(9, 33, given=0),
        drawn(40, 257, given=0),
        (*drawn(4, 20), 0.25),
        (normal(rng, 3, 20, scale=1e4), *drawn(20)[1:]),
    ]


def roundings(x: Array, *_: Any) -> float:
    return 12.0 + x.shape[-1]


def wrong(name: str, *more: Fault) -> list[Fault]:
    shape = f"{name}: weight has shape (2,), the last axis of x (2, 3) wants (3,)"
    ones = np.ones((2, 3))
    eps = {"layer_norm": (None, None), "rms_norm": (None,)}[name]
    return [
        Fault(lambda: (wxb.tensor(1.0),), ValueError, f"{name}: x is 0-d, it must be (..., features)"),
        Fault(lambda: (wxb.tensor(ones), wxb.tensor(np.ones(2))), ValueError, shape),
        Fault(lambda: (wxb.tensor(ones), wxb.tensor(np.ones(3), "float64")), TypeError, "weight has dtype float64"),
        Fault(lambda: (wxb.tensor([1, 2]),), TypeError, "must be float32 or float64"),
        Fault(lambda: (wxb.tensor(ones), *eps, -1.0), ValueError, f"{name}: eps is -1"),
        Fault(lambda: (wxb.tensor(ones), *eps, float("nan")), ValueError, f"{name}: eps is nan"),
        *more,
    ]


def row(name: str, oracle: Callable[..., Any], parameters: int, **more: Any) -> Row:
    return Row(
        name,
        getattr(ops, name),
        oracle,
        lambda rng: samples(rng, parameters),
        large=lambda rng: (normal(rng, 700, 130), *(normal(rng, 130) for _ in range(parameters))),
        grad=tuple(range(1 + parameters)),
        roundings=roundings,
        **more,
    )


ROWS = [
    row(
        "layer_norm",
        layer_norm,
        2,
        magnitude=differences,
        slope=10,
        errors=wrong(
            "layer_norm",
            Fault(
                lambda: (wxb.tensor(np.ones((2, 3))), None, wxb.tensor(np.ones((3, 1)))),
                ValueError,
                "layer_norm: bias has shape (3, 1), the last axis of x (2, 3) wants (3,)",
            ),
        ),
    ),
    row("rms_norm", rms_norm, 1, slope=10, errors=wrong("rms_norm")),
]
