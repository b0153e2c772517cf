"""Ops that take axes together: sums, means, extremes, and where the extremes lie."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy

from ..autograd import Grads, record
from ..device import Array, Device
from ..tensor import Tensor, plain

__all__ = ["argmax", "argmin", "check_finite", "max", "mean", "min", "norm", "sum", "var"]

Axis = int | Sequence[int] | None
_INT64 = numpy.dtype(numpy.int64)


def expect_tensor(name: str, what: str, value: Any) -> None:
    """Raise ``TypeError`` unless ``value`` is a Tensor."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name}: {what} is {type(value).__name__}, it must be a Tensor; use wxb.tensor")


def expect_constant(name: str, what: str, value: Any) -> None:
    """Raise unless ``value`` is a Tensor that wants no gradient."""
    expect_tensor(name, what, value)
    if value.requires_grad:
        raise ValueError(f"{name}: {what} requires a gradient, it gets none; pass {what}.detach()")


def axes_of(name: str, axis: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the axes that ``axis`` (an int, several, or None for all) names in an array of ``shape``, ascending."""
    ndim = len(shape)
    if axis is None:
        return tuple(range(ndim))
    given = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
    try:
        numbers = [operator.index(a) for a in given]
    except TypeError:
        raise TypeError(f"{name}: axis is {axis!r}, it must be an integer, a tuple of integers or None") from None
    for a in numbers:
        if not -ndim <= a < ndim:
            raise ValueError(f"{name}: axis {a} is out of range for shape {shape}")
    axes = sorted({a % ndim for a in numbers})
    if len(axes) < len(numbers):
        raise ValueError(f"{name}: axis {axis} names an axis of shape {shape} twice")
    return tuple(axes)


def _sizes(shape: tuple[int, ...], axes: Sequence[int]) -> tuple[int, int, int]:
    """Return (outer, count, inner): the products of the sizes before, of and after adjacent ``axes``."""
    first, end = (axes[0], axes[-1] + 1) if axes else (len(shape), len(shape))
    return math.prod(shape[:first]), math.prod(shape[first:end]), math.prod(shape[end:])


def _groups(axes: Sequence[int]) -> list[list[int]]:
    """Split ascending axes into runs of adjacent ones."""
    groups: list[list[int]] = []
    for a in axes:
        if groups and groups[-1][-1] == a - 1:
            groups[-1].append(a)
        else:
            groups.append([a])
    return groups


def _transposed(dev: Device, x: Array, order: Sequence[int]) -> Array:
    y = dev.empty(tuple(x.shape[i] for i in order), x.dtype)
    dev.kernels.transpose_forward(x, y, tuple(order))
    return y


class _Cut(NamedTuple):
    """How a reduction sees its array: (outer, count, inner), perhaps after its axes were brought to the end."""

    order: tuple[int, ...] | None
    sizes: tuple[int, int, int]
    result: tuple[int, ...]


# The same few shapes come again and again, and this takes longer than a small kernel.
@functools.lru_cache(maxsize=1024)
def _cut(name: str, axis: int | tuple[int, ...] | None, shape: tuple[int, ...], keepdims: bool) -> _Cut:
    axes, order = axes_of(name, axis, shape), None
    if len(_groups(axes)) > 1:
        order = tuple([i for i in range(len(shape)) if i not in axes] + list(axes))
        sizes = _sizes(tuple(shape[i] for i in order), range(len(shape) - len(axes), len(shape)))
    else:
        sizes = _sizes(shape, axes)
    if name in ("max", "min", "argmax", "argmin") and not sizes[1] and sizes[0] * sizes[2]:
        raise ValueError(f"{name}: shape is {shape}, there is nothing to choose from along axis {axis}")
    if keepdims:
        return _Cut(order, sizes, tuple(1 if i in axes else n for i, n in enumerate(shape)))
    return _Cut(order, sizes, tuple(n for i, n in enumerate(shape) if i not in axes))


def _reduce(name: str, x: Tensor, axis: Axis, keepdims: bool, correction: float = 0.0) -> Tensor:
    expect_tensor(name, "x", x)
    dev, xa = x.device, x.data
    if axis is not None and type(axis) is not int:
        axis = axes_of(name, axis, xa.shape)
    order, sizes, result = _cut(name, axis, xa.shape, bool(keepdims))
    if order is not None:
        xa = _transposed(dev, xa, order)
    y = dev.empty(result, xa.dtype)
    dev.kernels.reduce_forward(getattr(dev.kernels.Reduction, name), xa, y, *sizes, correction)
    moved = xa.shape
    saved_x, saved_y = (None, None) if name in ("sum", "mean") else (xa, y)
    del xa  # what backward does not need may be freed

    def backward(dy: Array, grads: Grads) -> Array:
        dx = grads()
        into = dx if order is None else dev.empty(moved, dx.dtype)
        _gradient(name, dev, saved_x, saved_y, dy, into, sizes, correction)
        if order is not None:
            dev.kernels.transpose_forward(into, dx, tuple(order.index(i) for i in range(len(order))))
        return dx

    return record(y, (x,), backward)


def _gradient(
    name: str, dev: Device, x: Array, y: Array, dy: Array, dx: Array, sizes: tuple[int, int, int], correction: float
) -> None:
    """Write ``dx``. The gradient of a variance is in terms of the mean, that of an extreme is shared among the ties."""
    kernels, ties = dev.kernels, None
    if name == "var":
        y = dev.empty(dy.shape, dy.dtype)
        kernels.reduce_forward(kernels.Reduction.mean, x, y, *sizes)
    elif name in ("max", "min"):
        ties = dev.empty(dy.shape, dy.dtype)
        kernels.reduce_forward(kernels.Reduction.ties, x, ties, *sizes, 0.0, y)
    kernels.reduce_backward(getattr(kernels.Reduction, name), x, y, ties, dy, dx, *sizes, correction)


def sum(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Sum over ``axis``: an int, a tuple, or None for all; ``keepdims`` leaves the axes with size 1.

    This and the other reductions raise ``ValueError`` for an axis that ``x`` does not have or that is named twice,
    ``TypeError`` unless ``x`` is float32 or float64.
    """
    return _reduce("sum", x, axis, keepdims)


def mean(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Arithmetic mean over ``axis``; of nothing it is NaN."""
    return _reduce("mean", x, axis, keepdims)


def max(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Largest element over ``axis``; equal ones share the gradient, NaN wins. Of nothing it is a ``ValueError``."""
    return _reduce("max", x, axis, keepdims)


def min(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Smallest element over ``axis``; equal ones share the gradient, NaN wins. Of nothing it is a ``ValueError``."""
    return _reduce("min", x, axis, keepdims)


def norm(x: Tensor, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """Euclidean norm over ``axis``, ``sqrt(sum x²)``; its gradient at 0 is 0."""
    return _reduce("norm", x, axis, keepdims)


def var(x: Tensor, axis: Axis = None, keepdims: bool = False, correction: float = 0.0) -> Tensor:
    """Variance over ``axis``, ``sum (x - mean)² / (n - correction)``; ``correction=1`` is the unbiased estimate.

    Where ``n <= correction`` it is NaN or infinite, as in numpy.
    """
    return _reduce("var", x, axis, keepdims, correction)


def _place(name: str, x: Tensor, axis: int | None) -> Tensor:
    expect_tensor(name, "x", x)
    dev = x.device
    if not (axis is None or isinstance(axis, (int, numpy.integer))):
        raise TypeError(f"{name}: axis is {axis!r}, it must be an integer or None")
    _, sizes, result = _cut(name, None if axis is None else int(axis), x.data.shape, False)
    place = dev.empty(result, _INT64)
    dev.kernels.argreduce(getattr(dev.kernels.Reduction, name), x.data, place, *sizes)
    return plain(place, dev)


def argmax(x: Tensor, axis: int | None = None) -> Tensor:
    """Place of the largest element along ``axis`` (None: of flattened ``x``), int64; the first of equals, NaN wins."""
    return _place("argmax", x, axis)


def argmin(x: Tensor, axis: int | None = None) -> Tensor:
    """Place of the smallest element along ``axis`` (None: of flattened ``x``), int64; the first of equals, NaN wins."""
    return _place("argmin", x, axis)


def check_finite(x: Tensor) -> Tensor:
    """Return ``x`` itself; raise ``FloatingPointError`` if an element is NaN or infinite.

    A captured step raises when it has been replayed: what it updates after this check stays as it was.
    """
    expect_tensor("check_finite", "x", x)
    x.device.kernels.check_finite(x.data)
    return x


def sum_to(dev: Device, array: Array, shape: tuple[int, ...]) -> Array:
    """Sum ``array`` to ``shape``, which broadcasts to its own: what broadcasting spread, its gradient gathers."""
    if array.shape == shape:
        return array
    sizes, lead = list(array.shape), array.ndim - len(shape)
    wanted = (1,) * lead + tuple(shape)
    if lead < 0 or any(n not in (1, size) for n, size in zip(wanted, sizes)):
        raise ValueError(f"sum_to: shape {shape} does not broadcast to {array.shape}")
    for group in reversed(_groups([i for i, n in enumerate(wanted) if n != sizes[i]])):
        outer, count, inner = _sizes(tuple(sizes), group)
        summed = dev.empty((outer * inner,), array.dtype)
        dev.kernels.reduce_forward(dev.kernels.Reduction.sum, array, summed, outer, count, inner)
        array = summed
        sizes[group[0] : group[-1] + 1] = [1] * len(group)
    return array.reshape(shape)
