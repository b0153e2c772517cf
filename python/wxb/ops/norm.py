"""Normalisation over the last axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..autograd import Grads, record
from ..device import Array
from ..tensor import Tensor
from .reduce import expect_tensor

__all__ = ["layer_norm", "rms_norm"]


def _features(name: str, x: Tensor, **parameters: Tensor | None) -> tuple[int, int]:
    """Return (rows, features) of ``x``; raise unless every parameter has the shape (features,)."""
    expect_tensor(name, "x", x)
    if not x.data.ndim:
        raise ValueError(f"{name}: x is 0-d, it must be (..., features)")
    features = x.data.shape[-1]
    for what, value in parameters.items():
        if value is None:
            continue
        expect_tensor(name, what, value)
        if value.data.shape != (features,):
            raise ValueError(
                f"{name}: {what} has shape {value.shape}, the last axis of x {x.shape} wants {(features,)}"
            )
    return math.prod(x.data.shape[:-1]), features


def layer_norm(x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5) -> Tensor:
    """Give each row mean 0 and variance 1, ``(x - mean) / sqrt(var + eps) * weight + bias``, over the last axis.

    Ba, Kiros, Hinton 2016, arXiv:1607.06450. x (..., features), weight and bias (features,) -> (..., features), all of
    one float dtype; ``var`` is the biased variance. Raises ``ValueError`` for shapes that do not fit and unless
    ``eps`` >= 0, ``TypeError`` for dtypes.
    """
    rows, _ = shape = _features("layer_norm", x, weight=weight, bias=bias)
    dev, xa = x.device, x.data.reshape(shape)
    wa, ba = None if weight is None else weight.data, None if bias is None else bias.data
    y = dev.empty(x.data.shape, xa.dtype)
    centre, rstd = dev.empty((rows,), xa.dtype), dev.empty((rows,), xa.dtype)
    dev.kernels.layer_norm_forward(xa, wa, ba, y.reshape(shape), centre, rstd, eps)

    def backward(dy: Array, grads: Grads) -> Sequence[Array]:
        dx, dw, db = given = grads()
        into = None if dx is None else dx.reshape(shape)
        dev.kernels.layer_norm_backward(xa, wa, centre, rstd, dy.reshape(shape), into, dw, db)
        return given  # type: ignore[no-any-return]

    return record(y, (x, weight, bias), backward)


def rms_norm(x: Tensor, weight: Tensor | None = None, eps: float = 1e-5) -> Tensor:
    """Divide each row by its root mean square, ``x / sqrt(mean(x^2) + eps) * weight``, over the last axis.

    Zhang, Sennrich 2019, arXiv:1910.07467. x (..., features), weight (features,) -> (..., features), all of one float
    dtype. Raises ``ValueError`` for shapes that do not fit and unless ``eps`` >= 0, ``TypeError`` for dtypes.
    """
    rows, _ = shape = _features("rms_norm", x, weight=weight)
    dev, xa, wa = x.device, x.data.reshape(shape), None if weight is None else weight.data
    y, rstd = dev.empty(x.data.shape, xa.dtype), dev.empty((rows,), xa.dtype)
    dev.kernels.rms_norm_forward(xa, wa, y.reshape(shape), rstd, eps)

    def backward(dy: Array, grads: Grads) -> Sequence[Array]:
        dx, dw = given = grads()
        into = None if dx is None else dx.reshape(shape)
        dev.kernels.rms_norm_backward(xa, wa, rstd, dy.reshape(shape), into, dw)
        return given  # type: ignore[no-any-return]

    return record(y, (x, weight), backward)
