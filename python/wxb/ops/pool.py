"""Pooling over windows of channels-last images (N, H, W, C) and sequences (N, L, C)."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy

from ..autograd import Grads, record
from ..device import Array
from ..tensor import Tensor
from .reduce import expect_tensor

__all__ = ["adaptive_avg_pool", "avg_pool", "max_pool"]

Size = int | Sequence[int]
_BYTE, _INT = numpy.dtype("uint8"), numpy.dtype("int32")


def spatial(name: str, x: Any) -> int:
    """Return how many axes of ``x`` are in space: 2 of (N, H, W, C), 1 of (N, L, C). Raise unless it is one of them."""
    expect_tensor(name, "x", x)
    if x.ndim not in (3, 4):
        raise ValueError(f"{name}: x has shape {x.shape}, it must be (N, H, W, C) or (N, L, C), channels last")
    return len(x.shape) - 2


def image(a: Array) -> tuple[int, ...]:
    """Return the shape of an array (N, H, W, C) or (N, L, C) as that of images: a sequence is one row."""
    return tuple(a.shape) if a.ndim == 4 else (a.shape[0], 1, *a.shape[1:])


def sizes(name: str, what: str, value: Any, axes: int) -> tuple[int, ...]:
    """Return one integer for each of ``axes`` axes: ``value`` itself, or it for all of them."""
    given = tuple(value) if isinstance(value, (tuple, list)) else (value,) * axes
    try:
        numbers = tuple(operator.index(v) for v in given)
    except TypeError:
        raise TypeError(f"{name}: {what} is {value!r}, it must be an integer or {axes} of them") from None
    if len(numbers) != axes:
        raise ValueError(f"{name}: {what} is {value!r}, it must be an integer or {axes} of them")
    return numbers


class _Windows:
    """Kernel, stride and padding as pairs, and the shape of what they make of x."""

    def __init__(self, name: str, x: Tensor, kernel_size: Size, stride: Size | None, padding: Size) -> None:
        axes = spatial(name, x)
        kernel = sizes(name, "kernel_size", kernel_size, axes)
        step = kernel if stride is None else sizes(name, "stride", stride, axes)
        edge = sizes(name, "padding", padding, axes)
        n, *space, channels = x.shape
        # The kernel says what does not fit; here it must only give a size.
        out = [_count(*size) for size in zip(space, kernel, step, edge)]
        self.shape = (n, *out, channels)
        lead = (1,) * (2 - axes)
        self.pairs = (lead + kernel, lead + step, (0,) * (2 - axes) + edge)


def _count(length: int, kernel: int, stride: int, padding: int) -> int:
    """Return the number of windows along an axis, 0 or another size that can be made for numbers that are wrong."""
    padded = length + 2 * min(padding, kernel // 2)
    return max(0, (padded - max(1, kernel)) // max(1, stride) + 1)


def max_pool(x: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> Tensor:
    """Take the largest element of each window, channel by channel.

    x (N, H, W, C) -> (N, H', W', C) or (N, L, C) -> (N, L', C) with ``H' = (H + 2 padding - kernel) // stride + 1``;
    sizes are an integer or one for each axis; ``stride`` is ``kernel_size`` by default. Padding never wins; of equal
    elements the first gets the gradient; NaN wins. Raises ``ValueError`` for a kernel larger than the padded input, a
    stride below 1, padding above half the kernel.
    """
    windows = _Windows("max_pool", x, kernel_size, stride, padding)
    dev, xa, (kernel, step, edge) = x.device, x.data, windows.pairs
    before, y = image(xa), dev.empty(windows.shape, xa.dtype)
    index = None
    if x.requires_grad:
        index = dev.empty(image(y), _BYTE if kernel[0] * kernel[1] <= 256 else _INT)
    dev.kernels.max_pool_forward(xa.reshape(before), y.reshape(image(y)), index, kernel, step, edge)
    after = image(y)

    def backward(dy: Array, grads: Grads) -> Array:
        dx = grads()
        dev.kernels.max_pool_backward(dy.reshape(after), index, dx.reshape(before), kernel, step, edge)
        return dx

    return record(y, (x,), backward)


def avg_pool(x: Tensor, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> Tensor:
    """Take the mean of each window, channel by channel; padding counts as zeros.

    x (N, H, W, C) -> (N, H', W', C) or (N, L, C) -> (N, L', C); sizes and errors as in ``max_pool``.
    """
    windows = _Windows("avg_pool", x, kernel_size, stride, padding)
    dev, xa, (kernel, step, edge) = x.device, x.data, windows.pairs
    before, y = image(xa), dev.empty(windows.shape, xa.dtype)
    after = image(y)
    dev.kernels.avg_pool_forward(xa.reshape(before), y.reshape(after), kernel, step, edge)

    def backward(dy: Array, grads: Grads) -> Array:
        dx = grads()
        dev.kernels.avg_pool_backward(dy.reshape(after), dx.reshape(before), kernel, step, edge)
        return dx

    return record(y, (x,), backward)


def adaptive_avg_pool(x: Tensor, output_size: Size) -> Tensor:
    """Take the mean of each of ``output_size`` windows that cut the image evenly; 1 is the mean of the whole image.

    x (N, H, W, C) -> (N, *output_size, C) or (N, L, C) -> (N, output_size, C); output i of n covers
    ``floor(i H / n)`` to ``ceil((i + 1) H / n)``. Raises ``ValueError`` for a size below 1 and for an empty image.
    """
    name = "adaptive_avg_pool"
    out = sizes(name, "output_size", output_size, spatial(name, x))
    if min(out) < 1:
        raise ValueError(f"{name}: output_size is {output_size!r}, it must be at least 1")
    dev, xa, before = x.device, x.data, image(x.data)
    y = dev.empty((x.shape[0], *out, x.shape[-1]), xa.dtype)
    after = image(y)
    dev.kernels.adaptive_avg_pool_forward(xa.reshape(before), y.reshape(after))

    def backward(dy: Array, grads: Grads) -> Array:
        dx = grads()
        dev.kernels.adaptive_avg_pool_backward(dy.reshape(after), dx.reshape(before))
        return dx

    return record(y, (x,), backward)
