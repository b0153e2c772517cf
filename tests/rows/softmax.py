"""Rows of wxb.ops.softmax."""

from __future__ import annotations

from typing import Any

import numpy as np
import wxb
from wxb import ops

from . import LENGTHS, Array, Fault, Row, Sample, normal

AXES: list[tuple[tuple[int, ...], int]] = [
    *(((3, n), -1) for n in LENGTHS if n),
    ((7,), 0),
    ((0, 5), -1),
    ((5, 0), 0),
    ((5, 7), 0),
    ((2, 3, 5), 1),
    ((2, 3, 5), -3),
    ((17, 1), 1),
    ((2, 4099), 1),
]


def log_softmax(x: Array, axis: int = -1) -> Array:
    shifted = x - (x.max(axis, keepdims=True) if x.size else 0)
    return shifted - np.log(np.exp(shifted).sum(axis, keepdims=True))


def softmax(x: Array, axis: int = -1) -> Array:
    e = np.exp(x - (x.max(axis, keepdims=True) if x.size else 0))
    return e / e.sum(axis, keepdims=True)


def largest(x: Array, axis: int) -> Array:
    return np.abs(x).max(axis, keepdims=True) if x.size else np.zeros(())


def spread(x: Array, axis: int = -1) -> float:
    """The exponent x - max is rounded before exp is taken of it."""
    apart = [x.max(axis, keepdims=True) - x] if x.size and np.isfinite(x).all() else [np.zeros(1)]
    return 8.0 + float(apart[0].max()) + x.shape[axis]


def samples(rng: np.random.Generator) -> list[Sample]:
    several: list[Sample] = [(normal(rng, *shape, scale=3), axis) for shape, axis in AXES]
    return [*several, (normal(rng, 3, 9, scale=1000),), (np.full((2, 9), 1e30),)]


FAULTS = [
    Fault(lambda: (wxb.tensor(np.ones((2, 3))), 2), ValueError, "axis 2 is out of range for shape (2, 3)"),
    Fault(lambda: (wxb.tensor(1.0),), ValueError, "axis -1 is out of range for shape ()"),
    Fault(lambda: (wxb.tensor(np.ones((2, 3))), None), TypeError, "axis is None, it must be an integer"),
    Fault(lambda: (wxb.tensor([1, 2]),), TypeError, "must be float32 or float64"),
]


def large(rng: np.random.Generator) -> Sample:
    return normal(rng, 700, 130), -1


# ---- cross-entropy ----


def cross_entropy(
    x: Array, labels: Array, weight: Array | None = None, smoothing: float = 0.0, ignored: int = -100
) -> Array:
    classes = x.shape[-1]
    w = np.ones(classes) if weight is None else weight
    if labels.dtype.kind == "f":
        target, total = labels, float(np.prod(x.shape[:-1]))
        counts = np.ones((*x.shape[:-1], 1))
    else:
        counts = (labels != ignored)[..., None].astype(float)
        target = (labels[..., None] == np.arange(classes)).astype(float)
        total = float((target * w * counts).sum())
    q = ((1 - smoothing) * target + smoothing / classes) * counts
    terms = np.where(q * w == 0, 0, -w * q * log_softmax(x))
    terms = np.where(np.isnan(x).any(-1, keepdims=True) & (counts > 0), np.nan, terms)
    return terms.sum() / total if total else np.zeros(())


def loss_size(x: Array, *more: Any) -> float:
    return float(np.abs(cross_entropy(x, *more)) + (np.abs(x).max() if x.size else 0) + 1)


def label_samples(rng: np.random.Generator) -> list[Sample]:
    plain: list[Sample] = [(normal(rng, n, c, scale=2), rng.integers(0, c, n)) for n, c in SIZES]
    x, labels, weight = normal(rng, 9, 5), rng.integers(0, 5, 9), np.exp(normal(rng, 5)).astype(np.float32) * 1.0
    ignored = np.where(np.arange(9) % 3 == 0, -100, labels)
    weight = weight.astype(np.float64)
    return [
        *plain,
        (normal(rng, 2, 3, 5), rng.integers(0, 5, (2, 3))),
        (normal(rng, 5), np.array(3)),
        (x, labels, weight),
        (x, labels, None, 0.1),
        (x, labels, weight, 0.25),
        (x, ignored),
        (x, ignored, weight, 0.1, -100),
        (x, np.where(labels == 2, 2, labels), None, 0.0, 2),
        (x, np.full(9, -100)),
        (normal(rng, 9, 5, scale=300), labels),
    ]


SIZES = [
    (0, 3),
    (1, 1),
    (1, 2),
    (3, 1),
    (2, 7),
    (5, 8),
    (7, 9),
    (8, 10),
    (9, 15),
    (3, 16),
    (4, 17),
    (33, 10),
    (6, 1009),
    (2, 4099),
]


def target_samples(rng: np.random.Generator) -> list[Sample]:
    weight = np.exp(normal(rng, 5)).astype(np.float32).astype(np.float64)
    few: list[Sample] = [(normal(rng, n, c), probabilities(rng, n, c)) for n, c in SIZES]
    return [
        *few,
        (normal(rng, 9, 5), probabilities(rng, 9, 5), weight, 0.1),
        (normal(rng, 2, 3, 5), probabilities(rng, 2, 3, 5)),
    ]


def probabilities(rng: np.random.Generator, *shape: int) -> Array:
    return softmax(normal(rng, *shape)).astype(np.float32).astype(np.float64)


def labels_of(labels: Any, *shape: int) -> tuple[wxb.Tensor, wxb.Tensor]:
    return wxb.tensor(np.zeros(shape)), wxb.tensor(labels)


CROSS_ENTROPY_FAULTS = [
    Fault(lambda: labels_of([0, 3], 2, 3), IndexError, "an index or label is out of range"),
    Fault(lambda: labels_of([-1, 0], 2, 3), IndexError, "cross_entropy_forward: at position 0"),
    Fault(
        lambda: labels_of([0, 1, 2], 2, 3), ValueError, "labels have shape (3,) for logits (2, 3), they must be (2,)"
    ),
    Fault(lambda: labels_of([[0], [1]], 2, 3), ValueError, "labels have shape (2, 1) for logits (2, 3)"),
    Fault(lambda: labels_of([0.0, 1.0], 2, 3), TypeError, "class numbers must be int64; use .astype()"),
    Fault(
        lambda: (*labels_of([0, 1], 2, 3), wxb.tensor(np.ones(2))), ValueError, "weight has shape (2,), it must be (3,)"
    ),
    Fault(lambda: labels_of(0), ValueError, "logits have shape (), they must be (..., classes)"),
    Fault(lambda: (*labels_of([0, 1], 2, 3), None, 1.5), ValueError, "label_smoothing is 1.5"),
    Fault(lambda: (*labels_of([0, 1], 2, 3), None, float("nan")), ValueError, "label_smoothing is nan"),
    Fault(lambda: (wxb.tensor([[1, 2]]), wxb.tensor([0])), TypeError, "must be float32 or float64"),
]

ROWS = [
    Row("softmax", ops.softmax, softmax, samples, large, roundings=spread, slope=1, errors=FAULTS),
    Row(
        "log_softmax",
        ops.log_softmax,
        log_softmax,
        samples,
        large,
        roundings=lambda x, axis=-1: 8.0 + x.shape[axis],
        magnitude=lambda x, axis=-1: np.abs(x) + np.abs(log_softmax(x, axis)) + largest(x, axis),
        slope=1,
        errors=FAULTS,
    ),
    Row(
        "cross_entropy",
        ops.cross_entropy,
        cross_entropy,
        label_samples,
        large=lambda rng: (normal(rng, 700, 130), rng.integers(0, 130, 700)),
        roundings=lambda x, *_: 16.0 + x.shape[-1],
        magnitude=loss_size,
        errors=CROSS_ENTROPY_FAULTS,
        special=(np.nan, -0.0, 2.0**-140),  # an infinite logit makes the loss infinite or NaN
    ),
    Row(
        "cross_entropy[probabilities]",
        ops.cross_entropy,
        cross_entropy,
        target_samples,
        large=lambda rng: (normal(rng, 700, 130), probabilities(rng, 700, 130)),
        roundings=lambda x, *_: 16.0 + x.shape[-1],
        magnitude=loss_size,
        special=(np.nan, -0.0, 2.0**-140),  # probabilities are finite
    ),
]
