"""Softmax, and the cross-entropy fused with it."""

from __future__ import annotations

import math

from ..autograd import Grads, record
from ..device import Array, Device
from ..tensor import Tensor
from .reduce import axes_of, expect_constant, expect_tensor

__all__ = ["cross_entropy", "log_softmax", "softmax"]


def _with_last(dev: Device, x: Array, axis: int, into: Array = None) -> Array:
    """Return ``x`` with ``axis`` and the last one exchanged, in ``into`` if given; ``x`` itself if it is the last."""
    last = x.ndim - 1
    if axis == last:
        return x
    order = [last if i == axis else axis if i == last else i for i in range(x.ndim)]
    if into is None:
        into = dev.empty(tuple(x.shape[i] for i in order), x.dtype)
    dev.kernels.transpose_forward(x, into, tuple(order))
    return into


def _softmax(name: str, x: Tensor, axis: int) -> Tensor:
    expect_tensor(name, "x", x)
    dev, xa = x.device, x.data
    if not isinstance(axis, int):
        raise TypeError(f"{name}: axis is {axis!r}, it must be an integer")
    (at,) = axes_of(name, axis, xa.shape)
    forward, derivative = getattr(dev.kernels, f"{name}_forward"), getattr(dev.kernels, f"{name}_backward")
    xa = _with_last(dev, xa, at)
    shape, rows = xa.shape, (math.prod(xa.shape[:-1]), xa.shape[-1])
    y = dev.empty(shape, xa.dtype)
    forward(xa.reshape(rows), y.reshape(rows))
    del xa

    def backward(dy: Array, grads: Grads) -> Array:
        dx = grads()
        dy = _with_last(dev, dy, at)
        inner = dx if dx.shape == shape and at == len(shape) - 1 else dev.empty(shape, dx.dtype)
        derivative(y.reshape(rows), dy.reshape(rows), inner.reshape(rows))
        return _with_last(dev, inner, at, dx)

    return record(_with_last(dev, y, at), (x,), backward)


def softmax(x: Tensor, axis: int = -1) -> Tensor:
    """Probabilities along ``axis``, ``exp(x) / sum exp(x)``, of the shape of ``x``.

    Raises ``ValueError`` for an axis that ``x`` does not have, ``TypeError`` unless ``x`` is float32 or float64.
    """
    return _softmax("softmax", x, axis)


def log_softmax(x: Tensor, axis: int = -1) -> Tensor:
    """Logarithm of the softmax along ``axis``, ``x - log sum exp(x)``, without over- or underflow."""
    return _softmax("log_softmax", x, axis)


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    ignore_index: int = -100,
) -> Tensor:
    """Mean negative log-likelihood of labels under a softmax, ``mean(-log softmax(logits)[label])``, one fused kernel.

    logits (..., classes), labels (...) int64, or probabilities (..., classes) of the logits' dtype -> (). With
    ``label_smoothing`` s the target is (1 - s) at the label plus s / classes everywhere (Szegedy et al. 2015,
    arXiv:1512.00567). ``weight`` (classes,) weighs the classes; a mean over labels is then divided by the sum of their
    weights. Rows labelled ``ignore_index`` do not count; if none counts, loss and gradient are 0.

    Raises ``ValueError`` for shapes that do not fit, ``TypeError`` for dtypes, ``IndexError`` for a label outside
    [0, classes).
    """
    expect_tensor("cross_entropy", "logits", logits)
    expect_constant("cross_entropy", "labels", labels)
    if weight is not None:
        expect_constant("cross_entropy", "weight", weight)
    dev, xa, la, wa = logits.device, logits.data, labels.data, None if weight is None else weight.data
    _check_shapes(xa, la, wa)
    rows, classes = math.prod(xa.shape[:-1]), xa.shape[-1]
    xa = xa.reshape(rows, classes)
    la = la.reshape(rows, classes) if la.dtype.kind == "f" else la.reshape(rows)
    loss, saved = dev.empty((), xa.dtype), dev.empty((2 * rows + 1,), xa.dtype)
    dev.kernels.cross_entropy_forward(xa, la, wa, loss, saved, label_smoothing, ignore_index)

    def backward(dy: Array, grads: Grads) -> Array:
        dx = grads()
        into = dx.reshape(rows, classes)
        dev.kernels.cross_entropy_backward(xa, la, wa, saved, dy, into, label_smoothing, ignore_index)
        return dx

    return record(loss, (logits,), backward)


def _check_shapes(logits: Array, labels: Array, weight: Array) -> None:
    if not logits.ndim or not logits.shape[-1]:
        raise ValueError(f"cross_entropy: logits have shape {logits.shape}, they must be (..., classes)")
    lead, classes = logits.shape[:-1], logits.shape[-1:]
    if labels.dtype.kind == "f" and labels.shape == lead:
        raise TypeError(f"cross_entropy: labels have dtype {labels.dtype}, class numbers must be int64; use .astype()")
    if labels.shape != (logits.shape if labels.dtype.kind == "f" else lead):
        raise ValueError(
            f"cross_entropy: labels have shape {labels.shape} for logits {logits.shape}, they must be {lead}, "
            f"or probabilities {logits.shape}"
        )
    if weight is not None and weight.shape != classes:
        raise ValueError(f"cross_entropy: weight has shape {weight.shape}, it must be {classes}")
