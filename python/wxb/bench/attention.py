"""Attention: the mean of values, weighed by a softmax of products."""

from __future__ import annotations

import math
from typing import Any

import numpy

from .kernels import FLOAT, Array, normal, same
from .timing import Workload

__all__ = ["attention"]


def _softmax(scores: Array, module: Any) -> Array:
    e = module.exp(scores - scores.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _attention(q: Array, k: Array, v: Array, dy: Array | None = None) -> Any:
    scale = q.dtype.type(1 / math.sqrt(q.shape[-1]))
    p = _softmax(scale * (q @ k.swapaxes(2, 3)), numpy)
    y = p @ v
    if dy is None:
        return y
    ds = scale * p * (dy @ v.swapaxes(2, 3) - (dy * y).sum(-1, keepdims=True))
    return [y, ds @ k, ds.swapaxes(2, 3) @ q, p.swapaxes(2, 3) @ dy]


def attention(batch: int, heads: int, length: int, size: int, backward: bool = False) -> Workload:
    """Self-attention of (batch, heads, length, size); with ``backward`` also the gradients of q, k, v."""

    def in_jax(jax: Any) -> Any:
        def attend(q: Any, k: Any, v: Any) -> Any:
            return _softmax(q @ k.swapaxes(2, 3) / math.sqrt(size), jax.numpy) @ v

        return attend

    shape = batch, heads, length, size
    products = 2.0 * batch * heads * length * length * size
    return same(
        f"attention {'forward+backward' if backward else 'forward'} {batch}x{heads}x{length}x{size}",
        lambda: [normal(*shape, seed=i) for i in range(4 if backward else 3)],
        {
            "wxb": lambda wxb: wxb.ops.scaled_dot_product_attention,
            "torch": lambda torch: torch.nn.functional.scaled_dot_product_attention,
            "jax": in_jax,
            "numpy": lambda numpy: _attention,
        },
        backward=backward,
        step=batch,
        tolerance=1e-4,  # where the weights of thousands cancel in ds
        flops=products * (7 if backward else 2),  # backward makes the scores once more
        bytes=FLOAT * math.prod(shape) * (12 if backward else 4),
    )
