"""Losses: the mean over all elements, or over all rows that count. The mean of nothing is 0."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy

from ..autograd import Grads, record
from ..device import Array
from ..tensor import Tensor
from .reduce import expect_constant, expect_tensor

__all__ = ["bce_with_logits", "huber", "mae", "mse", "nll"]


def _check(name: str, prediction: Tensor, target: Tensor) -> None:
    """Raise unless the two have one shape and dtype: (n, 1) against (n,) would broadcast to (n, n) unnoticed."""
    expect_tensor(name, "prediction", prediction)
    expect_tensor(name, "target", target)
    p, t = prediction.data, target.data
    if p.shape != t.shape:
        raise ValueError(
            f"{name}: prediction has shape {p.shape}, target has shape {t.shape}; "
            "they must be equal, reshape one of them"
        )
    if p.dtype != t.dtype:
        raise TypeError(f"{name}: dtypes are {p.dtype} and {t.dtype}, they must be equal; convert one with .astype()")


def _error_loss(name: str, prediction: Tensor, target: Tensor, delta: float = 1.0) -> Tensor:
    _check(name, prediction, target)
    dev, pa, ta = prediction.device, prediction.data, target.data
    op, loss = getattr(dev.kernels.Loss, name), dev.empty((), pa.dtype)
    dev.kernels.loss_forward(op, pa, ta, loss, delta)

    def backward(dy: Array, grads: Grads) -> tuple[Array, Array]:
        dprediction, dtarget = grads()
        dev.kernels.loss_backward(op, pa, ta, dy, dprediction, dtarget, delta)
        return dprediction, dtarget

    return record(loss, (prediction, target), backward)


def mse(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean squared error, ``mean((prediction - target)²)``, both of one shape -> ().

    This and the next two give the target a gradient too, if it requires one. ``ValueError`` for shapes that differ.
    """
    return _error_loss("mse", prediction, target)


def mae(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error, ``mean(|prediction - target|)``, both of one shape -> (); the derivative at 0 is 0."""
    return _error_loss("mae", prediction, target)


def huber(prediction: Tensor, target: Tensor, delta: float = 1.0) -> Tensor:
    """Mean of ``d²/2`` where ``|d| <= delta`` and ``delta (|d| - delta/2)`` beyond, d the difference (Huber 1964).

    Raises ``ValueError`` unless ``delta`` is positive and finite, and the shapes are equal.
    """
    if not 0 < delta < math.inf:
        raise ValueError(f"huber: delta is {delta}, it must be positive and finite")
    return _error_loss("huber", prediction, target, delta)


def bce_with_logits(
    logits: Tensor, target: Tensor, weight: Tensor | None = None, pos_weight: Tensor | float | None = None
) -> Tensor:
    """Mean binary cross-entropy, ``mean(-w (q t log σ(x) + (1 - t) log(1 - σ(x))))``, σ the logistic function.

    logits x and target t, in [0, 1], of one shape -> (). ``weight`` w: of that shape or of its last axis.
    ``pos_weight`` q: a number, or of the last axis. Raises ``ValueError`` for other shapes.
    """
    _check("bce_with_logits", logits, target)
    expect_constant("bce_with_logits", "target", target)
    dev, xa, ta = logits.device, logits.data, target.data
    shape, row = xa.shape, xa.shape[-1:]
    wa = _weight("weight", weight, (shape, row))
    if isinstance(pos_weight, (int, float, numpy.number)):
        qa = dev.constant(float(pos_weight), xa.dtype)
    else:
        qa = _weight("pos_weight", pos_weight, (row,))
    loss = dev.empty((), xa.dtype)
    dev.kernels.bce_with_logits_forward(xa, ta, wa, qa, loss)

    def backward(dy: Array, grads: Grads) -> Array:
        dx = grads()
        dev.kernels.bce_with_logits_backward(xa, ta, wa, qa, dy, dx)
        return dx

    return record(loss, (logits,), backward)


def _weight(what: str, weight: Tensor | None, shapes: Sequence[tuple[int, ...]]) -> Array:
    if weight is None:
        return None
    expect_constant("bce_with_logits", what, weight)
    if weight.data.shape not in shapes:
        wanted = " or ".join(str(s) for s in dict.fromkeys(shapes))
        raise ValueError(f"bce_with_logits: {what} has shape {weight.data.shape}, it must be {wanted}")
    return weight.data


def nll(log_probabilities: Tensor, labels: Tensor, weight: Tensor | None = None, ignore_index: int = -100) -> Tensor:
    """Mean negative log-likelihood, ``mean(-log_probabilities[label])``; with ``log_softmax`` before it, cross_entropy.

    log_probabilities (..., classes), labels (...) int64 -> (). ``weight`` (classes,) weighs the classes; the mean is
    then divided by the sum of the labels' weights. Rows labelled ``ignore_index`` do not count; if none counts, loss
    and gradient are 0. Raises ``ValueError`` for other shapes, ``IndexError`` for a label outside [0, classes).
    """
    expect_tensor("nll", "log_probabilities", log_probabilities)
    expect_tensor("nll", "labels", labels)
    if weight is not None:
        expect_constant("nll", "weight", weight)
    dev, xa, la = log_probabilities.device, log_probabilities.data, labels.data
    if not xa.ndim or not xa.shape[-1]:
        raise ValueError(f"nll: log_probabilities have shape {xa.shape}, they must be (..., classes)")
    if la.shape != xa.shape[:-1]:
        raise ValueError(
            f"nll: labels have shape {la.shape} for log_probabilities {xa.shape}, they must be {xa.shape[:-1]}"
        )
    wa, rows, classes = None if weight is None else weight.data, la.size, xa.shape[-1]
    la = la.reshape(rows)
    loss, total = dev.empty((), xa.dtype), dev.empty((), xa.dtype)
    dev.kernels.nll_forward(xa.reshape(rows, classes), la, wa, loss, total, ignore_index)
    del xa

    def backward(dy: Array, grads: Grads) -> Array:
        dx = grads()
        dev.kernels.nll_backward(la, wa, total, dy, dx.reshape(rows, classes), ignore_index)
        return dx

    return record(loss, (log_probabilities,), backward)
