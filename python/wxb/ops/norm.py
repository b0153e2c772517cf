"""Normalisation over the last axis, or of its channels over the others."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..autograd import Grads, record
from ..device import Array
from ..tensor import Tensor
from .elementwise import activation_named
from .reduce import expect_constant, expect_tensor

__all__ = ["batch_norm", "group_norm", "layer_norm", "rms_norm"]


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


def batch_norm(
    x: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float | None = 0.1,
    eps: float = 1e-5,
    num_batches_tracked: Tensor | None = None,
    activation: str | None = None,
) -> Tensor:
    """Give each channel mean 0 and variance 1, ``act((x - mean) / sqrt(var + eps) * weight + bias)``.

    Ioffe, Szegedy 2015, arXiv:1502.03167. x (..., channels), the others (channels,) -> (..., channels), all of one
    float dtype. With ``training`` mean and biased variance are those of x over all other axes, and the running ones are
    moved in place: ``running = (1 - momentum) running + momentum now``, with the unbiased variance; ``momentum=None``
    makes them the mean over ``num_batches_tracked`` (0-d int64, counted up if given). Without, the running ones are
    used. ``activation`` is one of those of ``linear``; what it is taken of is not kept, backward computes it again.
    Raises ``ValueError`` for shapes that do not fit, for one value per channel in training and unless ``eps`` >= 0,
    ``TypeError`` for dtypes.
    """
    running = {"running_mean": running_mean, "running_var": running_var}
    rows, features = _features("batch_norm", x, **running, weight=weight, bias=bias)
    for what, value in (*running.items(), ("num_batches_tracked", num_batches_tracked)):
        if value is not None:
            expect_constant("batch_norm", what, value)
    fused = activation_named(activation)
    dev, shape, xa = x.device, (1, rows, features), x.data.reshape(1, rows, features)
    mean, var, wa, ba, count = _arrays(running_mean, running_var, weight, bias, num_batches_tracked)
    y, saved = dev.empty(x.data.shape, xa.dtype), dev.empty((5, 1, features), xa.dtype)
    dev.kernels.batch_norm_forward(
        xa, wa, ba, mean, var, count, y.reshape(shape), saved, momentum, eps, training, *fused
    )

    def backward(dy: Array, grads: Grads) -> Sequence[Array]:
        dx, dw, db = given = grads()
        into = None if dx is None else dx.reshape(shape)
        dev.kernels.batch_norm_backward(xa, wa, saved, dy.reshape(shape), into, dw, db, training, *fused)
        return given  # type: ignore[no-any-return]

    return record(y, (x, weight, bias), backward)


def group_norm(
    x: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Give each sample's group of channels mean 0 and variance 1, then multiply by weight and add bias per channel.

    Wu, He 2018, arXiv:1803.08494. x (N, ..., channels), weight and bias (channels,) -> (N, ..., channels), all of one
    float dtype; group i has the channels from ``i channels / num_groups`` on. Raises ``ValueError`` for shapes that do
    not fit, groups that do not divide the channels and unless ``eps`` >= 0, ``TypeError`` for dtypes.
    """
    _, features = _features("group_norm", x, weight=weight, bias=bias)
    if x.ndim < 2:
        raise ValueError(f"group_norm: x has shape {x.shape}, it must be (N, ..., channels)")
    samples, rows = x.shape[0], math.prod(x.shape[1:-1])
    dev, shape = x.device, (samples, rows, features)
    xa, (wa, ba) = x.data.reshape(shape), _arrays(weight, bias)
    y, saved = dev.empty(x.data.shape, xa.dtype), dev.empty((5, samples, features), xa.dtype)
    dev.kernels.group_norm_forward(xa, wa, ba, y.reshape(shape), saved, num_groups, eps)

    def backward(dy: Array, grads: Grads) -> Sequence[Array]:
        dx, dw, db = given = grads()
        into = None if dx is None else dx.reshape(shape)
        dev.kernels.group_norm_backward(xa, wa, saved, dy.reshape(shape), into, dw, db, num_groups)
        return given  # type: ignore[no-any-return]

    return record(y, (x, weight, bias), backward)


def _arrays(*values: Tensor | None) -> list[Array]:
    """Return the array of each Tensor, None for None."""
    return [None if value is None else value.data for value in values]
