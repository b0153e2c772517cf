"""Random numbers (Philox 4x32-10) and dropout. ``wxb.seed`` restarts them; the same seed gives the same numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from ..autograd import Grads, record
from ..device import Array, Device
from ..device import device as _device
from ..tensor import Tensor, plain
from .reduce import expect_tensor

__all__ = ["bernoulli", "dropout", "normal", "permutation", "randint", "uniform"]

_STATE, _INT = numpy.dtype(numpy.uint64), numpy.dtype(numpy.int64)

Shape = int | Sequence[int]


def uniform(shape: Shape, low: float = 0.0, high: float = 1.0, dtype: Any = "float32", device: Any = None) -> Tensor:
    """Draw numbers evenly from ``[low, high)``, in steps of ``(high - low) / 2^24`` (float64: 2^53). -> shape.

    Raises ``ValueError`` if ``low`` is above ``high`` or one is not finite.
    """
    dev = _device(device)
    y = dev.empty(_shape("uniform", shape), numpy.dtype(dtype))
    dev.kernels.uniform(draw(dev, y.size), y, low, high)
    return plain(y, dev)


def normal(shape: Shape, mean: float = 0.0, std: float = 1.0, dtype: Any = "float32", device: Any = None) -> Tensor:
    """Draw normal numbers of this mean and standard deviation (Box, Muller 1958). -> shape.

    Raises ``ValueError`` if ``std`` is negative or one is not finite.
    """
    dev = _device(device)
    y = dev.empty(_shape("normal", shape), numpy.dtype(dtype))
    dev.kernels.normal(draw(dev, y.size), y, mean, std)
    return plain(y, dev)


def bernoulli(shape: Shape, p: float = 0.5, dtype: Any = "float32", device: Any = None) -> Tensor:
    """Draw 1 with probability ``p`` (in steps of 2^-24), else 0 -> shape. Raises ``ValueError`` for p not in [0, 1]."""
    dev = _device(device)
    y = dev.empty(_shape("bernoulli", shape), numpy.dtype(dtype))
    dev.kernels.bernoulli(draw(dev, y.size), y, p)
    return plain(y, dev)


def randint(shape: Shape, low: int, high: int, device: Any = None) -> Tensor:
    """Draw integers evenly from ``low, ..., high - 1``. -> shape, int64. Raises ``ValueError`` unless low < high."""
    dev = _device(device)
    y = dev.empty(_shape("randint", shape), _INT)
    dev.kernels.randint(draw(dev, y.size), y, low, high)
    return plain(y, dev)


def permutation(n: int, device: Any = None) -> Tensor:
    """Put ``0, ..., n - 1`` in random order. -> (n,), int64. Raises ``ValueError`` for a negative ``n``."""
    dev = _device(device)
    y = dev.empty(_shape("permutation", (n,)), _INT)
    dev.kernels.permutation(draw(dev, y.size), y)
    return plain(y, dev)


def dropout(x: Tensor, p: float = 0.5) -> Tensor:
    """Set each element to 0 with probability ``p`` and multiply the others by ``1 / (1 - p)``.

    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov 2014. No mask is stored: backward draws it again. Raises
    ``ValueError`` for p outside [0, 1].
    """
    expect_tensor("dropout", "x", x)
    dev, xa = x.device, x.data
    saved = draw(dev, xa.size)
    y = dev.empty(xa.shape, xa.dtype)
    dev.kernels.dropout_forward(xa, saved, y, p)

    def backward(dy: Array, grads: Grads) -> Array:
        dx = grads()
        dev.kernels.dropout_forward(dy, saved, dx, p)
        return dx

    return record(y, (x,), backward)


def draw(dev: Device, count: int) -> Array:
    """Return where the device's random numbers stand, and move them on by ``count``."""
    saved = dev.empty((2,), _STATE)
    dev.kernels.rng_advance(dev.rng, saved, count)
    return saved


def _shape(name: str, shape: Shape) -> tuple[int, ...]:
    sizes = (shape,) if isinstance(shape, (int, numpy.integer)) else tuple(shape)
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, (int, numpy.integer)):
            raise TypeError(f"{name}: shape is {shape!r}, it must be integers")
        if size < 0:
            raise ValueError(f"{name}: shape is {shape!r}, no axis may be negative")
    return sizes
