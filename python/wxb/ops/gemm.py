"""Ops whose work is a matrix product: the W x + b of everything."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy

from ..autograd import Grads, record
from ..device import Array, Device, cpu
from ..tensor import Tensor
from .elementwise import SAVES_OUTPUT, activation_named
from .reduce import expect_tensor, sum_to

__all__ = ["linear", "matmul"]

PRECISIONS: dict[str, Any] = dict(cpu.kernels.Precision.__members__)  # by name, what the kernels call it


def precision_named(name: str, precision: str) -> Any:
    """Return what the kernels call a precision; raise unless it is one."""
    try:
        return PRECISIONS[precision]
    except (KeyError, TypeError):
        known = ", ".join(PRECISIONS)
        raise ValueError(f"{name}: precision is {precision!r}, it must be one of {known}") from None


def linear(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, activation: str | None = None, precision: str = "fp32"
) -> Tensor:
    """Affine map with a fused activation, ``y = act(x Wᵀ + b)``.

    x (..., in), weight (out, in), bias (out,) -> (..., out), all of one float dtype.

    precision: to what a GPU may round the factors of float32 products, for y and for the gradients: "fp32" not at all,
    "tf32" to 10 bits of mantissa (a relative error of 5e-4 each), "bf16" to 7 (4e-3). Sums and results stay float32. It
    permits and does not order: the CPU computes in float32 whatever it is told, and float64 is never rounded.

    Raises ``ValueError`` for shapes that do not fit and for an unknown precision, ``TypeError`` for dtypes that differ.
    """
    expect_tensor("linear", "input", x)
    expect_tensor("linear", "weight", weight)
    if bias is not None:
        expect_tensor("linear", "bias", bias)
    dev, (act, alpha), how = x.device, activation_named(activation), precision_named("linear", precision)
    xa, wa, ba = x.data, weight.data, None if bias is None else bias.data
    if wa.ndim != 2 or not xa.ndim or xa.shape[-1] != wa.shape[1]:
        raise ValueError(f"linear: input has shape {xa.shape}, its last axis must be {wa.shape[-1]}")
    shape = (*xa.shape[:-1], wa.shape[0])
    if xa.ndim != 2:
        xa = xa.reshape(math.prod(shape[:-1]), wa.shape[1])
    flat = xa.shape[0], wa.shape[0]
    y = dev.empty(flat, xa.dtype)
    pre = dev.empty(flat, xa.dtype) if activation is not None and act not in SAVES_OUTPUT else None
    dev.kernels.linear_forward(xa, wa, ba, y, pre, act, alpha, how)
    saved = None if activation is None else y if pre is None else pre

    def backward(dy: Array, grads: Grads) -> Sequence[Array]:
        given = grads()
        dx, dw, db = given
        if len(shape) != 2:
            dy, dx = dy.reshape(flat), None if dx is None else dx.reshape(xa.shape)
        dev.kernels.linear_backward(xa, wa, saved, dy, dx, dw, db, act, alpha, how)
        return given  # type: ignore[no-any-return]

    return record(y if len(shape) == 2 else y.reshape(shape), (x, weight, bias), backward)


def _product(dev: Device, a: Array, b: Array, transpose_a: bool, transpose_b: bool, how: Any, y: Array = None) -> Array:
    """Return the product of the last two axes over broadcast batch axes, in ``y`` if given."""
    m, k = a.shape[-2:][::-1] if transpose_a else a.shape[-2:]
    k2, n = b.shape[-2:][::-1] if transpose_b else b.shape[-2:]
    if k != k2:
        hint = "transposed " if transpose_a or transpose_b else ""
        raise ValueError(f"matmul: {hint}shapes are {a.shape} and {b.shape}, the inner axes {k} and {k2} must be equal")
    batch: tuple[int, ...] = ()
    if a.ndim > 2 or b.ndim > 2:
        batch = _batch(a, b)
        a, b = _in_full(dev, a, batch), _in_full(dev, b, batch)
    if y is None:
        y = dev.empty((*batch, m, n), a.dtype)
    dev.kernels.matmul(a, b, y, transpose_a, transpose_b, how)
    return y


def _batch(a: Array, b: Array) -> tuple[int, ...]:
    try:
        return numpy.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    except ValueError:
        raise ValueError(f"matmul: batch axes of {a.shape} and {b.shape} do not broadcast") from None


def _in_full(dev: Device, a: Array, batch: tuple[int, ...]) -> Array:
    """Return ``a``, laid out anew if it has some of the batch axes and lacks others."""
    if math.prod(a.shape[:-2]) in (1, math.prod(batch)):
        return a
    full = dev.empty((*batch, *a.shape[-2:]), a.dtype)
    dev.kernels.binary_forward(dev.kernels.Binary.multiply, a, dev.constant(1, a.dtype), full)
    return full


def matmul(
    a: Tensor, b: Tensor, transpose_a: bool = False, transpose_b: bool = False, precision: str = "fp32"
) -> Tensor:
    """Matrix product of the last two axes, ``a @ b``; leading axes broadcast, a 1-d operand is a vector as in numpy.

    a (..., M, K), b (..., K, N) -> (..., M, N). ``transpose_a``, ``transpose_b`` take the operand as (..., K, M) or
    (..., N, K) without copying it. precision: that of ``linear``. Raises ``ValueError`` for shapes that do not fit and
    for an unknown precision.
    """
    expect_tensor("matmul", "a", a)
    expect_tensor("matmul", "b", b)
    dev, aa, ba, how = a.device, a.data, b.data, precision_named("matmul", precision)
    if aa.dtype != ba.dtype:
        raise TypeError(f"matmul: dtypes are {a.dtype} and {b.dtype}, they must be equal; convert one with .astype()")
    if aa.ndim < 2 or ba.ndim < 2:
        aa, ba, transpose_a, transpose_b = _as_matrices(aa, ba, transpose_a, transpose_b)
    product = _product(dev, aa, ba, transpose_a, transpose_b, how)
    shape, y = product.shape, product
    if a.data.ndim < 2 or b.data.ndim < 2:
        y = product.reshape(shape[:-2] + shape[-2:-1] * (a.data.ndim > 1) + shape[-1:] * (b.data.ndim > 1))

    def backward(dy: Array, grads: Grads) -> list[Array]:
        da, db = grads()
        dy = dy.reshape(shape)
        if da is not None:
            sides = (ba, dy, transpose_b, True, how) if transpose_a else (dy, ba, False, not transpose_b, how)
            da = _gradient(dev, sides, da, aa.shape)
        if db is not None:
            sides = (dy, aa, True, transpose_a, how) if transpose_b else (aa, dy, not transpose_a, False, how)
            db = _gradient(dev, sides, db, ba.shape)
        return [da, db]

    return record(y, (a, b), backward)


def _as_matrices(a: Array, b: Array, transpose_a: bool, transpose_b: bool) -> tuple[Array, Array, bool, bool]:
    """Return the operands with a vector as one row (a) or one column (b)."""
    if not a.ndim or not b.ndim:
        raise ValueError(f"matmul: shapes are {a.shape} and {b.shape}, neither may be 0-d; use *")
    if a.ndim == 1:
        a, transpose_a = a.reshape(1, -1), False
    if b.ndim == 1:
        b, transpose_b = b.reshape(-1, 1), False
    return a, b, transpose_a, transpose_b


def _gradient(dev: Device, sides: tuple[Array, Array, bool, bool, Any], given: Array, shape: tuple[int, ...]) -> Array:
    """Return the product of ``sides`` in the array given for it, or its sum over the axes that were broadcast."""
    batch = _batch(*sides[:2])
    if batch == shape[:-2]:
        _product(dev, *sides, given.reshape(shape))
        return given
    return sum_to(dev, _product(dev, *sides), shape).reshape(given.shape)
