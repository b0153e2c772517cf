"""Initialisers of weights: functions ``(shape, fan_in, fan_out, rng) -> array`` and the table of their names.

Layers draw from the generator that ``wxb.seed`` restarts, so a network is reproducible from one number.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy

__all__ = ["INITIALISERS", "Initialiser", "glorot", "he", "lecun", "orthogonal", "zeros"]

Array = numpy.ndarray[Any, Any]
Initialiser = Callable[[tuple[int, ...], int, int, numpy.random.Generator], Array]


def glorot(shape: tuple[int, ...], fan_in: int, fan_out: int, rng: numpy.random.Generator) -> Array:
    """Uniform in ``±sqrt(6 / (fan_in + fan_out))`` (Glorot, Bengio 2010): for tanh and sigmoid."""
    bound = math.sqrt(6 / max(1, fan_in + fan_out))
    return rng.uniform(-bound, bound, shape)


def he(shape: tuple[int, ...], fan_in: int, fan_out: int, rng: numpy.random.Generator) -> Array:
    """Normal with variance ``2 / fan_in`` (He et al. 2015, arXiv:1502.01852): for relu and its kin."""
    return rng.normal(0, math.sqrt(2 / max(1, fan_in)), shape)


def lecun(shape: tuple[int, ...], fan_in: int, fan_out: int, rng: numpy.random.Generator) -> Array:
    """Normal with variance ``1 / fan_in`` (LeCun et al. 1998): for selu and layers without activation."""
    return rng.normal(0, math.sqrt(1 / max(1, fan_in)), shape)


def orthogonal(shape: tuple[int, ...], fan_in: int, fan_out: int, rng: numpy.random.Generator) -> Array:
    """Orthonormal rows or columns, whichever are fewer (Saxe et al. 2013, arXiv:1312.6120)."""
    rows, columns = shape[0], math.prod(shape[1:])
    q, r = numpy.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
    q = q * numpy.where(numpy.diag(r) < 0, -1.0, 1.0)  # uniform over the orthogonal matrices (Mezzadri 2007)
    return (q if rows >= columns else q.T).reshape(shape)


def zeros(shape: tuple[int, ...], fan_in: int, fan_out: int, rng: numpy.random.Generator) -> Array:
    """Zeros: for biases."""
    return numpy.zeros(shape)


INITIALISERS: dict[str, Initialiser] = {f.__name__: f for f in (glorot, he, lecun, orthogonal, zeros)}

_RECTIFIERS = {"relu", "leaky_relu", "elu", "gelu", "gelu_tanh", "silu", "hardswish", "softplus"}


def initialiser(chosen: str | Initialiser | None, activation: str | None) -> Initialiser:
    """Return an initialiser by name or the one that suits ``activation``; ``ValueError`` lists the names."""
    if callable(chosen):
        return chosen
    if chosen is None:
        chosen = "he" if activation in _RECTIFIERS else "lecun" if activation == "selu" else "glorot"
    if chosen not in INITIALISERS:
        raise ValueError(f"init: {chosen!r} is not one of {', '.join(INITIALISERS)}, nor a function")
    return INITIALISERS[chosen]
