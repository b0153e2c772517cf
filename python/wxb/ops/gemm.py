"""Ops whose work is a matrix product: the W x + b of everything."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy

from ..autograd import Grads, record
from ..device import Array, Device
from ..tensor import Tensor
from .elementwise import SAVES_OUTPUT, activation_named
from .reduce import expect_tensor, sum_to

__all__ = ["linear", "matmul"]


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None, activation: str | None = None) -> Tensor:
    """Affine map with a fused activation, ``y = act(x Wᵀ + b)``.

    x (..., in), weight (out, in), bias (out,) -> (..., out), all of one float dtype. Raises ``ValueError`` for shapes
    that do not fit, ``TypeError`` for dtypes that differ.
    """
    expect_tensor("linear", "input", x)
    expect_tensor("linear", "weight", weight)
    if bias is not None:
        expect_tensor("linear", "bias", bias)
    dev, (act, alpha) = x.device, activation_named(activation)
    xa, wa, ba = x.data, weight.data, None if bias is None else bias.data
    if wa.ndim != 2 or not xa.ndim or xa.shape[-1] != wa.shape[1]:
        raise ValueError(f"linear: input has shape {xa.shape}, its last axis must be {wa.shape[-1]}")
    lead = xa.shape[:-1]
    if xa.ndim != 2:
        xa = xa.reshape(math.prod(lead), wa.shape[1])
    flat = xa.shape[0], wa.shape[0]
    y = dev.empty(flat, xa.dtype)
    pre = dev.empty(flat, xa.dtype) if activation is not None and act not in SAVES_OUTPUT else None
    dev.kernels.linear_forward(xa, wa, ba, y, pre, act, alpha)
    saved = None if activation is None else y if pre is None else pre

    def backward(dy: Array, grads: Grads) -> Sequence[Array]:
        given = grads()
        dx, dw, db = (*given, None)[:3]
        dx = None if dx is None else dx.reshape(xa.shape)
        dev.kernels.linear_backward(xa, wa, saved, dy.reshape(flat), dx, dw, db, act, alpha)
        return given  # type: ignore[no-any-return]

    inputs = (x, weight) if bias is None else (x, weight, bias)
    return record(y if len(lead) == 1 else y.reshape(*lead, wa.shape[0]), inputs, backward)


def _sides(a: Array, b: Array, transpose_a: bool, transpose_b: bool) -> tuple[int, int, int]:
    m, k = a.shape[-2:][::-1] if transpose_a else a.shape[-2:]
    k2, n = b.shape[-2:][::-1] if transpose_b else b.shape[-2:]
    if k != k2:
        hint = "transposed " if transpose_a or transpose_b else ""
        raise ValueError(f"matmul: {hint}shapes are {a.shape} and {b.shape}, the inner axes {k} and {k2} must be equal")
    return m, n, k


def _product(dev: Device, a: Array, b: Array, transpose_a: bool, transpose_b: bool, y: Array | None = None) -> Array:
    """Return the product of the last two axes over broadcast batch axes, in ``y`` if given."""
    m, n, _ = _sides(a, b, transpose_a, transpose_b)
    batch = numpy.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    if y is None:
        y = dev.empty((*batch, m, n), a.dtype)
    count = math.prod(batch)
    a, b = _batched(dev, a, batch, count), _batched(dev, b, batch, count)
    dev.kernels.matmul(a, b, y.reshape(count, m, n), transpose_a, transpose_b)
    return y


def _batched(dev: Device, a: Array, batch: tuple[int, ...], count: int) -> Array:
    """Return ``a`` as (count, rows, columns), or (1, rows, columns) where the whole batch shares it."""
    own = math.prod(a.shape[:-2])
    if own != count and own != 1:  # some batch axes are broadcast, others not: lay it out in full
        full = dev.empty((*batch, *a.shape[-2:]), a.dtype)
        dev.kernels.binary_forward(dev.kernels.Binary.multiply, a, dev.constant(1, a.dtype), full)
        a, own = full, count
    return a.reshape(own, *a.shape[-2:])


def matmul(a: Tensor, b: Tensor, transpose_a: bool = False, transpose_b: bool = False) -> Tensor:
    """Matrix product of the last two axes, ``a @ b``; leading axes broadcast, a 1-d operand is a vector as in numpy.

    a (..., M, K), b (..., K, N) -> (..., M, N). ``transpose_a``, ``transpose_b`` take the operand as (..., K, M) or
    (..., N, K) without copying it. Raises ``ValueError`` for shapes that do not fit.
    """
    expect_tensor("matmul", "a", a)
    expect_tensor("matmul", "b", b)
    if a.data.dtype != b.data.dtype:
        raise TypeError(f"matmul: dtypes are {a.dtype} and {b.dtype}, they must be equal; convert one with .astype()")
    dev, aa, ba = a.device, a.data, b.data
    if not aa.ndim or not ba.ndim:
        raise ValueError(f"matmul: shapes are {aa.shape} and {ba.shape}, neither may be 0-d; use *")
    vector_a, vector_b = aa.ndim == 1, ba.ndim == 1
    if vector_a:
        aa, transpose_a = aa.reshape(1, -1), False
    if vector_b:
        ba, transpose_b = ba.reshape(-1, 1), False
    try:
        product = _product(dev, aa, ba, transpose_a, transpose_b)
    except ValueError as error:
        raise ValueError(
            str(error) if "matmul" in str(error) else f"matmul: batch axes of {a.shape} and {b.shape} do not broadcast"
        ) from None
    shape = product.shape
    y = product.reshape(shape[:-2] + (() if vector_a else shape[-2:-1]) + (() if vector_b else shape[-1:]))
    a_shape, b_shape = a.shape, b.shape

    def backward(dy: Array, grads: Grads) -> tuple[Array, Array]:
        want_a, want_b = grads.wanted
        dy = dy.reshape(shape)
        da = db = None
        if want_a:
            da = (
                _product(dev, ba, dy, transpose_b, True)
                if transpose_a
                else _product(dev, dy, ba, False, not transpose_b)
            )
            da = sum_to(dev, da, aa.shape).reshape(a_shape)
        if want_b:
            db = (
                _product(dev, dy, aa, True, transpose_a)
                if transpose_b
                else _product(dev, aa, dy, not transpose_a, False)
            )
            db = sum_to(dev, db, ba.shape).reshape(b_shape)
        return da, db

    return record(y, (a, b), backward)
