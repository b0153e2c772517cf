"""What follows the product of a layer: bias, activation, dropout and residual as one op."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..autograd import Grads, record
from ..device import Array
from ..tensor import Tensor
from .elementwise import activation_named
from .random import draw
from .reduce import expect_tensor

__all__ = ["bias_activation_dropout"]


def bias_activation_dropout(
    x: Tensor,
    bias: Tensor | None = None,
    activation: str | None = None,
    p: float = 0.0,
    residual: Tensor | None = None,
) -> Tensor:
    """Compute ``residual + dropout(act(x + bias), p)`` in one pass over memory, and its gradients in one.

    x and residual (..., features), bias (features,) -> (..., features), all of one float dtype; ``activation`` as in
    ``Linear``. Elements are dropped as ``dropout`` would drop them; only x is kept for backward, no mask. Raises
    ``ValueError`` for shapes that do not fit, an unknown activation and p outside [0, 1], ``TypeError`` for dtypes.
    """
    act, alpha = activation_named(activation)
    _check_shapes(x, bias, residual)
    dev, lead, features = x.device, x.data.shape[:-1], x.data.shape[-1]
    flat = math.prod(lead), features
    xa, ba = x.data.reshape(flat), None if bias is None else bias.data
    ra = None if residual is None else residual.data.reshape(flat)
    saved = draw(dev, xa.size) if p else None
    y = dev.empty(x.data.shape, xa.dtype)
    dev.kernels.bias_activation_dropout_forward(xa, ba, ra, saved, y.reshape(flat), act, alpha, p)

    def backward(dy: Array, grads: Grads) -> Sequence[Array]:
        want_x, want_bias, want_residual = grads.wanted
        dx, db, _ = grads()
        if want_x or want_bias:
            into = None if dx is None else dx.reshape(flat)
            dev.kernels.bias_activation_dropout_backward(xa, ba, saved, dy.reshape(flat), into, db, act, alpha, p)
        return dx, db, dy if want_residual else None

    return record(y, (x, bias, residual), backward)


def _check_shapes(x: Tensor, bias: Tensor | None, residual: Tensor | None) -> None:
    name = "bias_activation_dropout"
    expect_tensor(name, "x", x)
    if not x.data.ndim:
        raise ValueError(f"{name}: x is 0-d, it must be (..., features)")
    for what, value, wanted in (("bias", bias, x.data.shape[-1:]), ("residual", residual, x.data.shape)):
        if value is None:
            continue
        expect_tensor(name, what, value)
        if value.data.shape != wanted:
            raise ValueError(f"{name}: {what} has shape {value.shape}, x of shape {x.shape} wants {wanted}")
