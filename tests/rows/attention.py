"""Rows of wxb.ops.attention: the formula with all scores at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import wxb
from wxb import ops

from . import Array, Fault, Row, Sample, normal
from .random import fractions

# (batch, heads, queries, keys, size) around the widths of vectors, blocks of 48 queries and of 128 keys.
SHAPES = [
    (1, 1, 1, 1, 1),
    (2, 3, 5, 7, 16),
    (2, 2, 3, 5, 4),
    (1, 2, 7, 6, 17),
    (2, 1, 9, 16, 33),
    (1, 2, 4, 15, 64),
    (1, 1, 47, 127, 8),
    (1, 1, 49, 129, 9),
    (1, 1, 2, 300, 5),
    (1, 1, 97, 3, 128),
    (0, 2, 3, 4, 8),
    (2, 2, 0, 4, 8),
    (2, 2, 3, 0, 8),
]


def attention(
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None = None,
    p: float = 0.0,
    causal: bool = False,
    scale: float | None = None,
    lengths: Array | None = None,
) -> Array:
    if q.ndim == 3:
        mask = mask if mask is None or mask.ndim < 3 else mask[:, None]
        return attention(q[:, None], k[:, None], v[:, None], mask, p, causal, scale, lengths)[:, 0]
    scores = (q.shape[-1] ** -0.5 if scale is None else scale) * (q @ k.swapaxes(2, 3))
    seen = np.ones(scores.shape, bool)
    if mask is not None:
        seen, scores = (seen & mask, scores) if mask.dtype == bool else (seen, scores + mask)
    if causal:
        seen = seen & np.tri(*scores.shape[2:], dtype=bool)
    if lengths is not None:
        there = np.arange(k.shape[2]) < lengths[:, None]
        seen, v = seen & there[:, None, None], np.where(there[:, None, :, None], v, 0)
    scores = np.where(seen, scores, -np.inf)
    largest = scores.max(-1, keepdims=True, initial=-np.inf)
    e = np.exp(scores - np.where(largest == -np.inf, 0, largest))
    total = e.sum(-1, keepdims=True)
    weights = np.where(total == 0, 0, e / np.where(total == 0, 1, total))
    if p:
        drawn = -(-k.shape[2] // 64) * 64
        kept = fractions((*scores.shape[:3], drawn), False)[..., : k.shape[2]] >= p
        weights = weights * kept / (1 - p) if p < 1 else weights * 0
    return np.where(total == 0, 0, weights @ v)


def magnitude(q: Array, k: Array, v: Array, *more: Any) -> Array:
    return attention(q, k, np.abs(v), *more)


def roundings(q: Array, k: Array, *_: Any) -> float:
    """The scores are rounded before exp is taken of them."""
    largest = float(np.abs(q).max(initial=0)) * float(np.abs(k).max(initial=0))
    if not np.isfinite(largest):
        return 100.0
    return 16.0 + k.shape[-2] + 2 * q.shape[-1] ** 0.5 * largest


def operands(rng: np.random.Generator, batch: int, heads: int, queries: int, keys: int, size: int) -> Sample:
    return tuple(normal(rng, batch, heads, length, size) for length in (queries, keys, keys))


def samples(rng: np.random.Generator) -> list[Sample]:
    plain = [operands(rng, *shape) for shape in SHAPES]
    q, k, v = drawn = operands(rng, 2, 3, 6, 10, 8)
    wide = operands(rng, 1, 2, 60, 140, 12)
    seen = rng.random((2, 1, 6, 10)) < 0.6
    seen[0, 0, 3] = False  # a query that sees nothing
    return [
        *plain,
        (q[:, 0], k[:, 0], v[:, 0]),
        (q[:, 0], k[:, 0], v[:, 0], rng.random((2, 6, 10)) < 0.7),
        (*drawn, seen),
        (*drawn, rng.random((1, 1, 1, 10)) < 0.5),
        (*drawn, rng.random((2, 3, 6, 1)) < 0.5),
        (*drawn, normal(rng, 6, 10)),
        (*drawn, normal(rng, 3, 6, 1)),
        (*drawn, normal(rng, 2, 1, 1, 10), 0.0, True, 0.5),
        (*drawn, None, 0.0, True),
        (*drawn, seen, 0.0, True, None, np.array([10, 0])),
        (*drawn, None, 0.0, False, None, np.array([3, 9])),
        (k, q, q, None, 0.0, True),
        (*wide, None, 0.0, True),
        (*wide, rng.random((60, 140)) < 0.3),
        (*wide, normal(rng, 60, 140), 0.0, False, None, np.array([131])),
        (*operands(rng, 1, 1, 140, 270, 8), None, 0.0, True),
    ]


def dropped(rng: np.random.Generator) -> list[Sample]:
    shapes = [s for s in SHAPES if s[0] * s[3]]
    return [
        *((*operands(rng, *s), None, 0.25) for s in shapes),
        (*operands(rng, 2, 3, 6, 10, 8), None, 1.0),
        (*operands(rng, 2, 2, 50, 140, 8), None, 0.5, True, None, np.array([140, 77])),
    ]


def ones(*shape: int) -> Any:
    return wxb.tensor(np.ones(shape))


def three(*shape: int, **_: int) -> tuple[Any, ...]:
    return ones(*shape), ones(*shape), ones(*shape)


def integers(*values: int) -> Any:
    return wxb.tensor(np.array(values))


FAULTS = [
    Fault(
        lambda: (ones(2, 3), ones(2, 3), ones(2, 3)), ValueError, "query has shape (2, 3), query (2, 3); all must be"
    ),
    Fault(lambda: (ones(2, 3, 4), ones(1, 2, 3, 4), ones(2, 3, 4)), ValueError, "key has shape (1, 2, 3, 4), query"),
    Fault(
        lambda: (ones(2, 3, 4), ones(2, 3, 5), ones(2, 3, 5)),
        ValueError,
        "key has shape (2, 3, 5), query (2, 3, 4); all must be",
    ),
    Fault(lambda: (ones(2, 3, 4), ones(1, 3, 4), ones(2, 3, 4)), ValueError, "key has shape (1, 3, 4), it must have 2"),
    Fault(lambda: (ones(2, 3, 4), ones(2, 5, 4), ones(2, 6, 4)), ValueError, "value has shape (2, 6, 4), it must have"),
    Fault(lambda: three(2, 3, 0), ValueError, "heads have size 0, it must be from 1 to"),
    Fault(lambda: three(1, 1, 2000), ValueError, "heads have size 2000, it must be from 1 to 1024"),
    Fault(
        lambda: (*three(2, 3, 4), ones(2, 2, 3)), ValueError, "attn_mask has shape (2, 1, 2, 3), it must broadcast to"
    ),
    Fault(lambda: (*three(2, 3, 4), ones(1, 2, 3, 3)), ValueError, "attn_mask has shape (1, 2, 3, 3), it may have"),
    Fault(lambda: (*three(2, 3, 4), integers(1, 1, 0)), TypeError, "attn_mask has dtype int64, it must be float32"),
    Fault(lambda: (*three(2, 3, 4), None, 1.5), ValueError, "p is 1.5, it must be from 0 to 1"),
    Fault(lambda: (*three(2, 3, 4), None, 0.0, False, float("nan")), ValueError, "scale is nan, it must be finite"),
    Fault(
        lambda: (*three(2, 3, 4), None, 0.0, False, None, integers(1, 2, 3)), ValueError, "key_lengths has shape (3,)"
    ),
    Fault(lambda: (*three(2, 3, 4), None, 0.0, False, None, ones(2)), TypeError, "key_lengths has dtype float32"),
    Fault(lambda: (*three(2, 3, 4), None, 0.0, False, None, integers(3, 4)), IndexError, "attention"),
    Fault(lambda: (*three(2, 3, 4), None, 0.0, False, None, integers(-1, 4)), IndexError, "attention"),
    Fault(
        lambda: (*three(2, 3, 4), wxb.tensor(np.ones((3, 3)), requires_grad=True)),
        ValueError,
        "attn_mask requires a gradient, it gets none",
    ),
    Fault(
        lambda: (ones(2, 3, 4), wxb.tensor(np.ones((2, 3, 4)), "float64"), ones(2, 3, 4)),
        TypeError,
        "key has dtype float64, it must be float32",
    ),
    Fault(
        lambda: tuple(wxb.tensor(np.ones((2, 3, 4), int)) for _ in range(3)), TypeError, "must be float32 or float64"
    ),
]


# ---- heads side by side ----


def split_heads(x: Array, heads: int) -> Array:
    return x.reshape(*x.shape[:2], heads, x.shape[2] // heads).swapaxes(1, 2)


def multi_head(query: Array, key_value: Array | None, heads: int, *more: Any) -> Array:
    joined = query if key_value is None else key_value
    parts = np.split(joined, 3 if key_value is None else 2, -1)
    q, k, v = parts if key_value is None else (query, *parts)
    y = attention(*(split_heads(x, heads) for x in (q, k, v)), *more)
    return y.swapaxes(1, 2).reshape(q.shape)


def multi_head_magnitude(query: Array, key_value: Array | None, heads: int, *more: Any) -> Array:
    joined = query if key_value is None else key_value
    width = joined.shape[-1] // (3 if key_value is None else 2)
    sizes = np.concatenate([joined[..., :-width], np.abs(joined[..., -width:])], -1)
    return multi_head(*((sizes, None) if key_value is None else (query, sizes)), heads, *more)


def multi_head_roundings(query: Array, key_value: Array | None, heads: int, *_: Any) -> float:
    return roundings(query, query if key_value is None else key_value)


def multi_head_samples(rng: np.random.Generator) -> list[Sample]:
    shapes = [
        (2, 5, 7, 2, 4),
        (1, 1, 1, 1, 1),
        (2, 3, 9, 3, 17),
        (1, 50, 130, 2, 16),
        (0, 3, 4, 2, 8),
        (2, 17, 16, 1, 33),
    ]
    apart: list[Sample] = [
        (normal(rng, n, queries, heads * size), normal(rng, n, keys, 2 * heads * size), heads)
        for n, queries, keys, heads, size in shapes
    ]
    alone: list[Sample] = [
        (normal(rng, n, queries, 3 * heads * size), None, heads) for n, queries, _, heads, size in shapes
    ]
    return [
        *apart,
        *alone,
        (*alone[2], None, 0.0, True),
        (*apart[0], rng.random((2, 1, 1, 7)) < 0.6),
        (*apart[0], normal(rng, 2, 5, 7), 0.0, False, 0.3, np.array([7, 2])),
    ]


MULTI_HEAD_FAULTS = [
    Fault(lambda: (ones(2, 3, 4), ones(2, 3, 4), 2), ValueError, "shapes are (2, 3, 4) and (2, 3, 4), they must be"),
    Fault(lambda: (ones(2, 3, 4), ones(1, 3, 8), 2), ValueError, "shapes are (2, 3, 4) and (1, 3, 8), they must be"),
    Fault(lambda: (ones(2, 3, 4), None, 2), ValueError, "shapes are (2, 3, 4), they must be"),
    Fault(lambda: (ones(2, 12), None, 2), ValueError, "shapes are (2, 12), they must be"),
    Fault(lambda: (ones(2, 3, 12), None, 3), ValueError, "num_heads is 3, it must divide the width, 4"),
    Fault(lambda: (ones(2, 3, 12), None, 0), ValueError, "num_heads is 0, it must divide the width, 4"),
    Fault(lambda: (ones(2, 3, 12), None, 2.0), ValueError, "num_heads is 2.0, it must divide the width, 4"),
    Fault(lambda: (ones(2, 3, 12), None, 2, None, 0.0, False, None, integers(4, 0)), IndexError, "attention"),
]


def large(rng: np.random.Generator) -> Sample:
    return (*operands(rng, 2, 3, 130, 140, 20), None, 0.0, True)


ROWS = [
    Row(
        "scaled_dot_product_attention",
        ops.scaled_dot_product_attention,
        attention,
        samples,
        large,
        grad=(0, 1, 2),
        roundings=roundings,
        magnitude=magnitude,
        slope=4,
        errors=FAULTS,
    ),
    Row(
        "scaled_dot_product_attention[dropout]",
        ops.scaled_dot_product_attention,
        attention,
        dropped,
        lambda rng: (*operands(rng, 2, 3, 130, 140, 20), None, 0.5),
        grad=(0, 1, 2),
        roundings=roundings,
        magnitude=magnitude,
        slope=4,
        special=(),  # what is dropped is 0, even if it was NaN or infinite
    ),
    Row(
        "multi_head_attention",
        ops.multi_head_attention,
        multi_head,
        multi_head_samples,
        lambda rng: (normal(rng, 3, 130, 3 * 40), None, 4),
        grad=(0, 1),
        roundings=multi_head_roundings,
        magnitude=multi_head_magnitude,
        slope=4,
        errors=MULTI_HEAD_FAULTS,
    ),
]
