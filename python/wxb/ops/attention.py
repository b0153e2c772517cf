"""Scaled dot-product attention as one op, over heads laid out in either of two ways."""

from __future__ import annotations

import math
from typing import Any

from ..autograd import Grads, record
from ..device import Array
from ..tensor import Tensor
from .random import draw
from .reduce import expect_constant, expect_tensor

__all__ = ["multi_head_attention", "scaled_dot_product_attention"]

_Part = tuple[Array, int]  # an array, and the column where the heads begin in it


def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    key_lengths: Tensor | None = None,
) -> Tensor:
    """Mean of the values, weighed by how well their keys fit the query, ``softmax(scale Q Kᵀ + mask) V``.

    Vaswani et al. 2017, arXiv:1706.03762; the scores are never stored (Dao et al. 2022, arXiv:2205.14135). query
    (batch, heads, queries, size), key and value (batch, heads, keys, size), or all without heads -> query's shape.
    ``scale`` is ``1 / sqrt(size)`` unless given. ``attn_mask`` broadcasts to (batch, heads, queries, keys): bools, True
    where a key may be seen, or numbers added to the scores. ``is_causal``: query i sees the keys 0 to i.
    ``key_lengths`` (batch,) int64: later keys are not even read. A query that sees no key gives 0. ``dropout_p`` drops
    weights, of which none is stored. Masks get no gradient.

    Raises ``ValueError`` for shapes that do not fit, ``TypeError`` for dtypes, ``IndexError`` for a length outside
    [0, keys].
    """
    name = "scaled_dot_product_attention"
    for what, x in (("query", query), ("key", key), ("value", value)):
        expect_tensor(name, what, x)
        if x.ndim not in (3, 4) or x.ndim != query.ndim or x.shape[-1] != query.shape[-1]:
            raise ValueError(
                f"{name}: {what} has shape {x.shape}, query {query.shape}; all must be (batch, heads, length, size) "
                "or all (batch, length, size)"
            )
    parts = [(x.data, 0) for x in (query, key, value)]
    heads = query.shape[1] if query.ndim == 4 else 1
    masks = (*_masks(name, attn_mask, query.ndim), _lengths(name, key_lengths))
    return _attention((query, key, value), parts, heads, query.shape, masks, dropout_p, is_causal, scale)


def multi_head_attention(
    query: Tensor,
    key_value: Tensor | None,
    num_heads: int,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    key_lengths: Tensor | None = None,
) -> Tensor:
    """Attention between the outputs of Linear layers, whose columns are heads side by side; nothing is laid out anew.

    query (batch, queries, width) and key_value (batch, keys, 2 width), keys before values; or query (batch, length,
    3 width), the queries, keys and values of self-attention, and key_value None -> (batch, queries, width). The rest is
    as for ``scaled_dot_product_attention``. Raises ``ValueError`` unless ``num_heads`` divides the width.
    """
    name = "multi_head_attention"
    expect_tensor(name, "query", query)
    if key_value is not None:
        expect_tensor(name, "key_value", key_value)
    given = (query,) if key_value is None else (query, key_value)
    width = query.shape[-1] // (3 if key_value is None else 1) if query.ndim == 3 else 0
    wanted = [3 * width] if key_value is None else [width, 2 * width]
    if any(x.ndim != 3 or x.shape[0] != query.shape[0] or x.shape[2] != w for x, w in zip(given, wanted)):
        raise ValueError(
            f"{name}: shapes are {' and '.join(str(x.shape) for x in given)}, they must be (batch, queries, width) and "
            "(batch, keys, 2 width), or (batch, length, 3 width) alone"
        )
    if not isinstance(num_heads, int) or num_heads < 1 or width % num_heads:
        raise ValueError(f"{name}: num_heads is {num_heads!r}, it must divide the width, {width}")
    qa = query.data
    if key_value is None:
        parts = [(qa, 0), (qa, width), (qa, 2 * width)]
    else:
        parts = [(qa, 0), (key_value.data, 0), (key_value.data, width)]
    masks = (*_masks(name, attn_mask, 4), _lengths(name, key_lengths))
    return _attention(given, parts, num_heads, (*query.shape[:2], width), masks, dropout_p, is_causal, scale)


def _attention(
    inputs: tuple[Tensor, ...],
    parts: list[_Part],
    heads: int,
    shape: tuple[int, ...],
    masks: tuple[Array, Array, Array],
    dropout_p: float,
    is_causal: bool,
    scale: float | None,
) -> Tensor:
    """Attend; ``inputs`` are the Tensors that ``parts``, where queries, keys and values lie, belong to."""
    dev, dtype = inputs[0].device, inputs[0].data.dtype
    queries, size = shape[-2], shape[-1] if len(shape) == 4 else shape[-1] // heads
    rows, keys = (shape[0] * heads, queries), parts[1][0].shape[-2]
    saved = draw(dev, math.prod(rows) * -(-keys // 64) * 64) if dropout_p else None
    factor = 1 / math.sqrt(max(size, 1)) if scale is None else scale
    before = [item for part in parts for item in part] + [heads, *masks, saved]
    after = bool(is_causal), factor, dropout_p
    y, lse = dev.empty(shape, dtype), dev.empty(rows, dtype)
    dev.kernels.attention_forward(*before, y, lse, *after)

    def backward(dy: Array, grads: Grads) -> Any:
        given = grads()
        into = [given] * 3 if len(inputs) == 1 else (given[0], given[1], given[-1])
        dev.kernels.attention_backward(*before, y, lse, dy, *into, *after)
        return given

    return record(y, inputs, backward)


def _lengths(name: str, key_lengths: Tensor | None) -> Array:
    if key_lengths is None:
        return None
    expect_constant(name, "key_lengths", key_lengths)
    return key_lengths.data


def _masks(name: str, attn_mask: Tensor | None, axes: int) -> tuple[Array, Array]:
    """Return what is added to the scores and what may be seen, (batch, heads, queries, keys) or 1 in place of each."""
    if attn_mask is None:
        return None, None
    expect_constant(name, "attn_mask", attn_mask)
    given = attn_mask.data
    if given.ndim > axes:
        raise ValueError(f"{name}: attn_mask has shape {given.shape}, it may have at most {axes} axes")
    shape = [1] * (axes - given.ndim) + list(given.shape)
    if axes == 3:
        shape.insert(1, 1)
    if given.dtype.kind == "b":
        return None, given.reshape(shape)
    return given.reshape(shape), None
