"""Division of a weight by its largest singular value."""

from __future__ import annotations

import math

from ..autograd import Grads, record
from ..device import Array, Device
from ..tensor import Tensor
from .reduce import expect_constant, expect_tensor

__all__ = ["spectral_norm"]


def spectral_norm(weight: Tensor, u: Tensor, v: Tensor, iterations: int = 1, eps: float = 1e-12) -> Tensor:
    """Divide a weight by an estimate of its largest singular value, ``W / σ``, ``σ = u · W v``.

    Miyato, Kataoka, Koyama, Yoshida 2018, arXiv:1802.05957. First u and v, vectors of length 1, are moved in place by
    ``iterations`` of the power method, ``u = W v / max(|W v|, eps)``, then ``v = Wᵀ u / max(|Wᵀ u|, eps)``; to the
    gradient they are constants. weight (...), u (rows,), v (columns,), all of one float dtype -> as weight; W is the
    weight as a matrix of so many rows. A weight of zeros gives NaN. Raises ``ValueError`` where rows times columns is
    not the weight's size and for negative iterations, ``TypeError`` for dtypes.
    """
    _check(weight, u, v, iterations)
    dev, wa = weight.device, weight.data.reshape(u.size, v.size)
    left, right = _copy(dev, u.data), _copy(dev, v.data)  # u and v may move on before backward needs these
    for _ in range(iterations):
        left = _unit(dev, _times(dev, wa, right), eps)
        right = _unit(dev, _times(dev, wa, left, True), eps)
    if iterations:
        dev.kernels.cast(left, u.data)
        dev.kernels.cast(right, v.data)
    sigma = _times(dev, left, _times(dev, wa, right), True)
    y = dev.empty(wa.shape, wa.dtype)
    dev.kernels.binary_forward(dev.kernels.Binary.divide, wa, sigma, y)

    def backward(dy: Array, grads: Grads) -> Array:
        dx = grads()
        dy, into, ops = dy.reshape(wa.shape), dx.reshape(wa.shape), dev.kernels.Binary
        along = _times(dev, y.reshape(-1, 1), dy.reshape(-1, 1), True)  # how much of dy only scales W
        scaled, less = dev.empty(left.shape, dy.dtype), dev.empty(wa.shape, dy.dtype)
        dev.kernels.binary_forward(ops.multiply, left, along, scaled)
        dev.kernels.matmul(scaled, right, into, False, True)
        dev.kernels.binary_forward(ops.subtract, dy, into, less)
        dev.kernels.binary_forward(ops.divide, less, sigma, into)
        return dx

    return record(y.reshape(weight.shape), (weight,), backward)


def _check(weight: Tensor, u: Tensor, v: Tensor, iterations: int) -> None:
    expect_tensor("spectral_norm", "weight", weight)
    for what, value in (("u", u), ("v", v)):
        expect_constant("spectral_norm", what, value)
        if value.data.dtype != weight.data.dtype or value.data.dtype.kind != "f":
            raise TypeError(
                f"spectral_norm: {what} is {value.dtype}, weight {weight.dtype}; both must be one float dtype"
            )
    if u.ndim != 1 or v.ndim != 1 or u.size * v.size != math.prod(weight.shape) or not u.size * v.size:
        raise ValueError(
            f"spectral_norm: weight has shape {weight.shape}, u {u.shape} and v {v.shape}; wanted (rows,) and "
            "(columns,) of the weight as a matrix, neither 0"
        )
    if isinstance(iterations, bool) or not isinstance(iterations, int):
        raise TypeError(f"spectral_norm: iterations is {iterations!r}, it must be an integer")
    if iterations < 0:
        raise ValueError(f"spectral_norm: iterations is {iterations}, it must not be negative")


def _copy(dev: Device, x: Array) -> Array:
    y = dev.empty((x.size, 1), x.dtype)
    dev.kernels.cast(x.reshape(x.size, 1), y)
    return y


def _times(dev: Device, a: Array, x: Array, transposed: bool = False) -> Array:
    """Return a x, or aᵀ x, of a column x."""
    y = dev.empty((a.shape[1 if transposed else 0], 1), x.dtype)
    dev.kernels.matmul(a, x, y, transposed, False)
    return y


def _unit(dev: Device, x: Array, eps: float) -> Array:
    """Return a column divided by its length, or by ``eps`` if that is more."""
    ops, y = dev.kernels.Binary, dev.empty(x.shape, x.dtype)
    length, least = dev.empty((), x.dtype), dev.empty((), x.dtype)
    dev.kernels.reduce_forward(dev.kernels.Reduction.norm, x, length, 1, x.size, 1)
    dev.kernels.binary_forward(ops.maximum, length, dev.constant(eps, x.dtype), least)
    dev.kernels.binary_forward(ops.divide, x, least, y)
    return y
