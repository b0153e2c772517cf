"""Capsules: squashing, dynamic routing, and the loss of their lengths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..autograd import Grads, record
from ..device import Array
from ..tensor import Tensor
from .elementwise import add, maximum, multiply, subtract
from .indexing import one_hot
from .reduce import expect_constant, expect_tensor
from .reduce import mean as _mean
from .reduce import sum as _sum

__all__ = ["margin_loss", "routing", "squash"]


def squash(x: Tensor) -> Tensor:
    """Shrink each vector to a length below 1 and keep its direction, ``x |x| / (1 + |x|²)``, along the last axis.

    Sabour, Frosst, Hinton 2017, arXiv:1710.09829. x (..., size) -> the same shape. The gradient at 0 is 0. Raises
    ``ValueError`` for a 0-d x, ``TypeError`` unless it is float32 or float64.
    """
    expect_tensor("squash", "x", x)
    if not x.ndim:
        raise ValueError("squash: x is 0-d, it must be (..., size)")
    dev, rows = x.device, (math.prod(x.shape[:-1]), x.shape[-1])
    xa = x.data.reshape(rows)
    y = dev.empty(x.data.shape, xa.dtype)
    dev.kernels.squash_forward(xa, y.reshape(rows))

    def backward(dy: Array, grads: Grads) -> Array:
        dx = grads()
        dev.kernels.squash_backward(xa, dy.reshape(rows), dx.reshape(rows))
        return dx

    return record(y, (x,), backward)


def routing(x: Tensor, weight: Tensor, iterations: int = 3, detach: bool = False) -> Tensor:
    """Route capsules to those of the next layer by agreement, ``v_j = squash(sum over i of c_ij u_ij)``.

    Sabour, Frosst, Hinton 2017, arXiv:1710.09829: with votes ``u_ij = W_ij x_i`` and logits ``b_ij = 0``, each of the
    ``iterations`` takes ``c_i = softmax(b_i)`` over the outputs j, ``v_j`` as above, and ``b_ij += u_ij · v_j``.
    x (N, inputs, in_size), weight (outputs, out_size, in_size, inputs) -> (N, outputs, out_size); a weight
    (inputs, outputs, out_size, in_size), as most code for torch has it, is turned by ``transpose((1, 2, 3, 0))``.

    The gradient is that of all iterations, as in the authors' code. ``detach=True`` treats the couplings c of the last
    one as constants, as several others do: a third of the work. No vote is kept for backward, which makes them again.
    Raises ``ValueError`` for shapes that do not fit and unless 1 <= iterations <= 1000, ``TypeError`` for dtypes.
    """
    expect_tensor("routing", "x", x)
    expect_tensor("routing", "weight", weight)
    if not isinstance(iterations, int) or isinstance(iterations, bool):
        raise TypeError(f"routing: iterations is {iterations!r}, it must be an integer")
    if x.ndim != 3 or weight.ndim != 4:
        wanted = "(N, inputs, in_size) and (outputs, out_size, in_size, inputs)"
        raise ValueError(f"routing: x and weight have shapes {x.shape} and {weight.shape}, they must be {wanted}")
    dev, xa, wa, poses = x.device, x.data, weight.data, weight.data.shape[:2]
    y = dev.empty((len(xa), *poses), xa.dtype)
    sums = dev.empty((len(xa), max(iterations, 0), *poses), xa.dtype)
    dev.kernels.routing_forward(xa, wa, y, sums, iterations)

    def backward(dy: Array, grads: Grads) -> Sequence[Array]:
        dx, dweight = given = grads()
        dev.kernels.routing_backward(xa, wa, sums, dy, dx, dweight, iterations, bool(detach))
        return given  # type: ignore[no-any-return]

    return record(y, (x, weight), backward)


def margin_loss(
    lengths: Tensor, labels: Any, positive: float = 0.9, negative: float = 0.1, down_weight: float = 0.5
) -> Tensor:
    """Ask of each class's capsule to be long where the class is there and short where it is not.

    ``mean over N of sum over k of T_k max(0, positive - l_k)² + down_weight (1 - T_k) max(0, l_k - negative)²`` (Sabour
    et al. 2017, arXiv:1710.09829). lengths l (N, classes); labels: class numbers (N,), or T itself (N, classes),
    which may hold several classes -> (). Raises ``ValueError`` for other shapes and unless ``negative <= positive``,
    ``IndexError`` for a label out of range.
    """
    expect_tensor("margin_loss", "lengths", lengths)
    expect_constant("margin_loss", "labels", labels)
    if not negative <= positive or not 0 <= down_weight < math.inf:
        raise ValueError(
            f"margin_loss: positive is {positive}, negative {negative}, down_weight {down_weight}; negative must not "
            "be above positive, down_weight not below 0"
        )
    if lengths.ndim != 2 or labels.shape not in (lengths.shape, lengths.shape[:1]):
        raise ValueError(
            f"margin_loss: lengths have shape {lengths.shape}, labels {labels.shape}; they must be (N, classes) and "
            "(N,) or (N, classes)"
        )
    there = one_hot(labels, lengths.shape[1], lengths.dtype) if labels.ndim == 1 else labels
    short = maximum(subtract(positive, lengths), 0.0)
    long = maximum(subtract(lengths, negative), 0.0)
    missed = multiply(there, multiply(short, short))
    invented = multiply(multiply(subtract(1.0, there), down_weight), multiply(long, long))
    return _mean(_sum(add(missed, invented), 1))
