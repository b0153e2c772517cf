"""Rows of wxb.ops.capsule."""

from __future__ import annotations

from typing import Any

import numpy as np
import wxb
from wxb import ops

from . import Array, Fault, Row, Sample, normal

# ---- squash ----

SQUASH_SHAPES: list[tuple[int, ...]] = [
    *((5, n) for n in (1, 2, 3, 7, 8, 9, 15, 16, 17, 33)),
    (7,),
    (0, 4),
    (3, 0),
    (2, 3, 5),
    (2, 4099),
]


def squash(x: Array) -> Array:
    length = np.sqrt((x * x).sum(-1, keepdims=True))
    return x * length / (1 + length**2)


# ---- routing ----

# n, inputs, in_size, outputs, out_size, iterations: around vectors (4, 8, 16) and strips of four of them, and around
# the 4 examples whose votes are made together and the 32 whose couplings are kept.
ROUTINGS = [
    (1, 1, 1, 1, 1, 1),
    (2, 3, 2, 3, 2, 1),
    (3, 5, 3, 4, 7, 3),
    (4, 16, 8, 10, 16, 3),
    (5, 17, 2, 3, 3, 2),
    (0, 5, 3, 4, 2, 3),
    (6, 63, 4, 2, 5, 3),
    (2, 65, 9, 3, 4, 4),
    (33, 15, 3, 2, 3, 3),
    (1, 129, 8, 5, 1, 3),
]


def routing(x: Array, weight: Array, iterations: int = 3, detach: bool = False) -> Array:
    votes = np.einsum("jdki,nik->nijd", weight, x)
    logits = np.zeros(votes.shape[:3])
    for _ in range(iterations):
        e = np.exp(logits - logits.max(2, keepdims=True))
        v = squash(((e / e.sum(2, keepdims=True))[..., None] * votes).sum(1))
        logits = logits + (votes * v[:, None]).sum(-1)
    return v


def routing_sample(rng: np.random.Generator, n: int, i: int, k: int, j: int, d: int, t: int) -> Sample:
    return normal(rng, n, i, k), normal(rng, j, d, k, i, scale=(3 / (k * i)) ** 0.5), t


def routing_size(x: Array, weight: Array, iterations: int = 3, detach: bool = False) -> Array:
    """How large is what is added up: the votes in absolute values, and how far a change of the logits carries."""
    votes = np.einsum("jdki,nik->njd", np.abs(weight), np.abs(x))
    largest = np.nanmax(np.sqrt((votes**2).sum(-1, keepdims=True)), 1, keepdims=True, initial=0)
    return votes * (1 + largest) ** 2


def ones(*shape: int, dtype: str = "float32") -> Any:
    return wxb.tensor(np.ones(shape), dtype)


ROUTING_FAULTS = [
    Fault(lambda: (ones(2, 3), ones(4, 5, 3, 2)), ValueError, "routing: x and weight have shapes (2, 3) and (4, 5, 3"),
    Fault(
        lambda: (ones(2, 5, 3), ones(4, 5, 3, 2)), ValueError, "x has shape (2, 5, 3), weight (4, 5, 3, 2) wants (n, 2"
    ),
    Fault(lambda: (ones(2, 5, 3), ones(4, 0, 3, 5)), ValueError, "(4, 0, 3, 5), none of its axes may be 0"),
    Fault(lambda: (ones(2, 5, 3), ones(4, 2, 3, 5), 0), ValueError, "routing: iterations is 0, it must be from 1"),
    Fault(lambda: (ones(2, 5, 3), ones(4, 2, 3, 5), -1), ValueError, "routing: iterations is -1, it must be from 1"),
    Fault(
        lambda: (ones(2, 5, 3), ones(4, 2, 3, 5), 2.0), TypeError, "routing: iterations is 2.0, it must be an integer"
    ),
    Fault(lambda: (ones(2, 5, 3), ones(4, 2, 3, 5, dtype="float64")), TypeError, "routing: weight has dtype float64"),
]

# ---- margin loss ----


def margin_loss(length: Array, t: Array, positive: float = 0.9, negative: float = 0.1, down: float = 0.5) -> Array:
    t = np.eye(length.shape[1])[t] if t.ndim == 1 else t
    missed, invented = np.maximum(0, positive - length) ** 2, np.maximum(0, length - negative) ** 2
    return (t * missed + down * (1 - t) * invented).sum(1).mean()


def margin_samples(rng: np.random.Generator) -> list[Sample]:
    def lengths(*shape: int) -> Array:
        return normal(rng, *shape, scale=0.5)

    shapes = [(1, 1), (1, 3), (3, 10), (5, 2), (17, 9)]
    several = (lengths(4, 5), np.round(rng.random((4, 5))), 0.8, 0.25, 1.0)
    return [*((lengths(*s), rng.integers(0, s[1], s[0])) for s in shapes), (lengths(3, 4), rng.random((3, 4))), several]


MARGIN_FAULTS = [
    Fault(lambda: (ones(2, 3), ones(3)), ValueError, "lengths have shape (2, 3), labels (3,)"),
    Fault(lambda: (ones(2), ones(2)), ValueError, "lengths have shape (2,), labels (2,)"),
    Fault(lambda: (ones(2, 3), wxb.tensor([0, 3])), IndexError, "index"),
    Fault(lambda: (ones(2, 3), ones(2, 3), 0.1, 0.9), ValueError, "negative must not be above positive"),
    Fault(
        lambda: (ones(2, 3), wxb.tensor(np.ones((2, 3)), requires_grad=True)),
        ValueError,
        "margin_loss: labels requires a gradient",
    ),
]

ROWS = [
    Row(
        "squash",
        ops.squash,
        squash,
        lambda rng: [(normal(rng, *shape, scale=s),) for shape in SQUASH_SHAPES for s in (1.0, 0.01)],
        large=lambda rng: (normal(rng, 5000, 16),),
        roundings=lambda x: 8.0 + x.shape[-1] ** 0.5,
        slope=1.0,
        errors=[
            Fault(lambda: (wxb.tensor(1.0),), ValueError, "squash: x is 0-d, it must be (..., size)"),
            Fault(lambda: (wxb.tensor([1, 2]),), TypeError, "must be float32 or float64"),
        ],
    ),
    Row(
        "routing",
        ops.routing,
        routing,
        lambda rng: [routing_sample(rng, *sizes) for sizes in ROUTINGS],
        large=lambda rng: routing_sample(rng, 37, 300, 8, 5, 8, 3),
        grad=(0, 1),
        roundings=lambda x, w, *_: 16.0 + float(np.sqrt(x.shape[1] * x.shape[2])),
        magnitude=routing_size,
        slope=1.0,
        errors=ROUTING_FAULTS,
    ),
    Row(
        "margin_loss",
        ops.margin_loss,
        margin_loss,
        margin_samples,
        large=lambda rng: (normal(rng, 3000, 10, scale=0.5), rng.integers(0, 10, 3000)),
        roundings=lambda x, *_: 8.0 + x.size**0.5,
        slope=1.0,
        errors=MARGIN_FAULTS,
    ),
]
