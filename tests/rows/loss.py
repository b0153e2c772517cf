"""Rows of wxb.ops.loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import wxb
from wxb import ops

from . import LENGTHS, Array, Fault, Row, Sample, normal
from .softmax import SIZES, log_softmax

SHAPES: list[tuple[int, ...]] = [*((n,) for n in (*LENGTHS, 4097)), (), (5, 1), (2, 3, 5), (0, 3), (33, 65)]


def average(x: Array) -> Array:
    return x.sum() / x.size if x.size else np.zeros(())


def huber(p: Array, t: Array, delta: float = 1.0) -> Array:
    d = np.abs(p - t)
    return average(np.where(d <= delta, d * d / 2, delta * (d - delta / 2)))


def errors_of(name: str, oracle: Callable[..., Any], *parameters: float, **more: Any) -> Row:
    shapes = Fault(
        lambda: (wxb.tensor(np.ones((4, 1))), wxb.tensor(np.ones(4))),
        ValueError,
        "prediction has shape (4, 1), target has shape (4,); they must be equal, reshape one of them",
    )
    mixed = Fault(lambda: (wxb.tensor([1.0]), wxb.tensor([1])), TypeError, "dtypes are float32 and int64")
    array = Fault(lambda: (wxb.tensor([1.0]), np.ones(1)), TypeError, "target is ndarray, it must be a Tensor")
    return Row(
        name,
        getattr(ops, name.partition("[")[0]),
        oracle,
        samples=lambda rng: [(normal(rng, *s, scale=2), normal(rng, *s), *parameters) for s in SHAPES],
        large=lambda rng: (normal(rng, 300, 170), normal(rng, 300, 170), *parameters),
        grad=(0, 1),
        roundings=lambda p, *_: 8.0 + p.size,
        errors=[shapes, mixed, array, *more.pop("errors", ())],
        **more,
    )


# ---- binary cross-entropy ----

FINITE_OR_NAN = (np.nan, -0.0, 2.0**-140)  # of an infinite logit the loss is NaN or infinite, as in PyTorch


def softplus(x: Array) -> Array:
    return np.logaddexp(0, x)


def bce(x: Array, t: Array, weight: Any = None, pos_weight: Any = None) -> Array:
    w, q = 1.0 if weight is None else weight, 1.0 if pos_weight is None else pos_weight
    return average(w * (q * t * softplus(-x) + (1 - t) * softplus(x)))


def chances(rng: np.random.Generator, *shape: int) -> Array:
    return np.asarray(rng.random(shape), np.float32).astype(np.float64)


def bce_samples(rng: np.random.Generator) -> list[Sample]:
    plain: list[Sample] = [(normal(rng, *s, scale=4), chances(rng, *s)) for s in SHAPES]
    x, t = normal(rng, 6, 5, scale=4), np.round(chances(rng, 6, 5))
    return [
        *plain,
        (x, t, chances(rng, 6, 5)),
        (x, t, chances(rng, 5)),
        (x, t, None, chances(rng, 5)),
        (x, t, chances(rng, 5), 2.5),
        (x, t, None, 3),
        (normal(rng, 6, 5, scale=200), t),
    ]


BCE_FAULTS = [
    Fault(lambda: (wxb.tensor(np.ones((4, 1))), wxb.tensor(np.ones(4))), ValueError, "they must be equal, reshape one"),
    Fault(
        lambda: (wxb.tensor(np.ones((4, 3))), wxb.tensor(np.ones((4, 3))), wxb.tensor(np.ones(4))),
        ValueError,
        "weight has shape (4,), it must be (4, 3) or (3,)",
    ),
    Fault(
        lambda: (wxb.tensor(np.ones((4, 3))), wxb.tensor(np.ones((4, 3))), None, wxb.tensor(np.ones((4, 3)))),
        ValueError,
        "pos_weight has shape (4, 3), it must be (3,)",
    ),
    Fault(
        lambda: (wxb.tensor([1.0]), wxb.tensor([1.0], requires_grad=True)),
        ValueError,
        "target requires a gradient, it gets none; pass target.detach()",
    ),
]


# ---- negative log-likelihood ----


def nll(x: Array, labels: Array, weight: Array | None = None, ignored: int = -100) -> Array:
    w = (np.ones(x.shape[-1]) if weight is None else weight)[np.where(labels == ignored, 0, labels)]
    w = np.where(labels == ignored, 0, w)
    chosen = np.take_along_axis(x, np.where(labels == ignored, 0, labels)[..., None], -1)[..., 0]
    return -np.where(labels == ignored, 0, w * chosen).sum() / w.sum() if w.sum() else np.zeros(())


def nll_samples(rng: np.random.Generator) -> list[Sample]:
    plain: list[Sample] = [
        (log_softmax(normal(rng, n, c)).astype(np.float32) * 1.0, rng.integers(0, c, n)) for n, c in SIZES
    ]
    x, labels, weight = normal(rng, 9, 5), rng.integers(0, 5, 9), chances(rng, 5)
    ignored = np.where(np.arange(9) % 3 == 0, -100, labels)
    plain = [(x.astype(np.float64), labels) for x, labels in plain]
    return [
        *plain,
        (normal(rng, 2, 3, 5), rng.integers(0, 5, (2, 3))),
        (normal(rng, 5), np.array(3)),
        (x, labels, weight),
        (x, ignored),
        (x, ignored, weight, -100),
        (x, labels, None, 2),
        (x, np.full(9, -100)),
    ]


NLL_FAULTS = [
    Fault(lambda: (wxb.tensor(np.zeros((2, 3))), wxb.tensor([0, 3])), IndexError, "an index or label is out of range"),
    Fault(lambda: (wxb.tensor(np.zeros((2, 3))), wxb.tensor([-1, 0])), IndexError, "nll_forward: at position 0"),
    Fault(lambda: (wxb.tensor(np.zeros((2, 3))), wxb.tensor([0])), ValueError, "labels have shape (1,) for"),
    Fault(lambda: (wxb.tensor(np.zeros((2, 3))), wxb.tensor([0.0, 1.0])), TypeError, "it must be int64"),
    Fault(lambda: (wxb.tensor(1.0), wxb.tensor(0)), ValueError, "they must be (..., classes)"),
]

ROWS = [
    errors_of("mse", lambda p, t: average((p - t) ** 2)),
    errors_of("mae", lambda p, t: average(np.abs(p - t))),
    errors_of("huber", huber),
    errors_of(
        "huber[0.3]",
        huber,
        0.3,
        errors=[
            Fault(lambda: (*[wxb.tensor([1.0])] * 2, 0.0), ValueError, "delta is 0.0, it must be positive and finite"),
            Fault(lambda: (*[wxb.tensor([1.0])] * 2, float("nan")), ValueError, "delta is nan"),
        ],
    ),
    Row(
        "bce_with_logits",
        ops.bce_with_logits,
        bce,
        bce_samples,
        large=lambda rng: (normal(rng, 300, 170), chances(rng, 300, 170)),
        roundings=lambda x, *_: 16.0 + x.size,
        magnitude=lambda x, t, *more: np.abs(bce(x, t, *more)) + (np.abs(x).mean() if x.size else 0),
        special=FINITE_OR_NAN,
        slope=1,
        errors=BCE_FAULTS,
    ),
    Row(
        "nll",
        ops.nll,
        nll,
        nll_samples,
        large=lambda rng: (normal(rng, 70000, 3), rng.integers(0, 3, 70000)),
        roundings=lambda x, *_: 8.0 + x.size,
        magnitude=lambda x, *more: np.abs(nll(x, *more)) + (np.abs(x).mean() if x.size else 0),
        errors=NLL_FAULTS,
    ),
]
