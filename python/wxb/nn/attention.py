"""Attention layers and the blocks of a Transformer. Sequences are batch first: (batch, length, width)."""

from __future__ import annotations

import math
from typing import Any

import numpy

from .. import ops
from ..device import cpu
from ..tensor import Parameter, Tensor, parameter, tensor
from . import init as _init
from .linear import Linear, positive
from .module import Module
from .norm import LayerNorm

__all__ = [
    "AdditiveAttention",
    "MultiheadAttention",
    "SinusoidalPositions",
    "TransformerDecoderLayer",
    "TransformerEncoderLayer",
]


def _probability(layer: str, p: float) -> float:
    if not 0 <= p < 1:
        raise ValueError(f"{layer}: dropout is {p}, it must be in [0, 1)")
    return p


class MultiheadAttention(Module):
    """Attention by several heads at once, each in a part of the width: ``concat(head_1, ..., head_h) W_out``.

    Vaswani et al. 2017, arXiv:1706.03762. Names, shapes and meaning of the parameters are PyTorch's (batch first), so
    its state loads as it is: in_proj_weight (3 embed_dim, embed_dim) has the rows of queries, keys, values, in that
    order; out_proj (embed_dim, embed_dim). Raises ``ValueError`` unless ``num_heads`` divides ``embed_dim``.
    """

    def __init__(
        self, embed_dim: int, num_heads: int, dropout: float = 0.0, bias: bool = True, dtype: Any = None
    ) -> None:
        positive("multihead_attention", embed_dim=embed_dim, num_heads=num_heads)
        if embed_dim % num_heads:
            raise ValueError(f"multihead_attention: num_heads is {num_heads}, it must divide embed_dim {embed_dim}")
        self.embed_dim, self.num_heads = embed_dim, num_heads
        self.dropout = _probability("multihead_attention", dropout)
        drawn = _init.glorot((3 * embed_dim, embed_dim), embed_dim, 3 * embed_dim, cpu.generator)
        self.in_proj_weight = parameter(drawn, dtype, "in_proj_weight")
        zeros = [0.0] * (3 * embed_dim)
        self.in_proj_bias: Parameter | None = parameter(zeros, dtype, "in_proj_bias") if bias else None
        self.out_proj = Linear(embed_dim, embed_dim, bias=bias, dtype=dtype)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = False,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
        key_lengths: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Query (N, L, E), key and value (N, S, E) -> (N, L, E) and, if asked for, the weights (N, L, S).

        ``key_padding_mask`` (N, S) bool: True where a key is padding; ``key_lengths`` (N,) int64 says the same of keys
        at the end, and they cost nothing. ``attn_mask`` broadcasts to (N, heads, L, S), or is (N heads, L, S): bool,
        True where a key may NOT be seen, or numbers added to the scores. ``average_attn_weights=False``: weights (N,
        heads, L, S). A query that sees no key gets the output's bias and weights 0.
        """
        mask = self._mask(key_padding_mask, attn_mask, query.shape[0])
        if query is key and key is value:
            packed = ops.linear(query, self.in_proj_weight, self.in_proj_bias, None, self.precision)
            memory = None
        else:
            packed, memory = self.project_query(query), self.project_memory(key, value)
        p = self.dropout if self.training else 0.0
        y = ops.multi_head_attention(packed, memory, self.num_heads, mask, p, is_causal, None, key_lengths)
        weights = None
        if need_weights:
            if memory is None:
                packed, memory = ops.split(packed, (self.embed_dim, 2 * self.embed_dim), -1)
            weights = self.weights(packed, memory, mask, is_causal, key_lengths)
            weights = ops.mean(weights, 1) if average_attn_weights else weights
        return self.out_proj(y), weights

    def project_query(self, query: Tensor) -> Tensor:
        """Query (N, L, E) -> (N, L, E), as ``ops.multi_head_attention`` takes it."""
        return self._projected(query, 0, 1)

    def project_memory(self, key: Tensor, value: Tensor | None = None) -> Tensor:
        """Keys and values (N, S, E) -> (N, S, 2 E), as ``ops.multi_head_attention`` takes them."""
        if value is None or value is key:
            return self._projected(key, 1, 3)
        return ops.concat([self._projected(key, 1, 2), self._projected(value, 2, 3)], -1)

    def weights(
        self,
        query: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        is_causal: bool = False,
        key_lengths: Tensor | None = None,
    ) -> Tensor:
        """Weights (N, heads, L, S), without dropout, of projected queries (N, L, E) and keys and values (N, S, 2 E)."""
        (n, queries, width), keys = query.shape, memory.shape[1]
        size = width // self.num_heads
        q = ops.transpose(ops.reshape(query, (n, queries, self.num_heads, size)), (0, 2, 1, 3))
        k = ops.reshape(ops.split(memory, 2, -1)[0], (n, keys, self.num_heads, size))
        scores = ops.multiply(ops.matmul(q, ops.transpose(k, (0, 2, 3, 1))), 1 / math.sqrt(size))
        return _softmax(scores, _seen(mask, is_causal, key_lengths, queries, keys), mask)

    def _projected(self, x: Tensor, begin: int, end: int) -> Tensor:
        rows, bias = slice(begin * self.embed_dim, end * self.embed_dim), self.in_proj_bias
        some = None if bias is None else ops.getitem(bias, rows)
        return ops.linear(x, ops.getitem(self.in_proj_weight, rows), some, None, self.precision)

    def _mask(self, key_padding_mask: Tensor | None, attn_mask: Tensor | None, batch: int) -> Tensor | None:
        """Return one mask for the op: bools that say what may be seen, or numbers to add."""
        if attn_mask is not None and attn_mask.ndim == 3 and attn_mask.shape[0] == batch * self.num_heads:
            attn_mask = ops.reshape(attn_mask, (batch, self.num_heads, *attn_mask.shape[1:]))
        masks = [attn_mask]
        if key_padding_mask is not None:
            if key_padding_mask.ndim != 2 or key_padding_mask.shape[0] != batch:
                raise ValueError(
                    f"multihead_attention: key_padding_mask has shape {key_padding_mask.shape}, it must be ({batch}, S)"
                )
            masks.append(ops.reshape(key_padding_mask, (batch, 1, 1, key_padding_mask.shape[1])))
        given = [mask for mask in masks if mask is not None]
        if len(given) == 2:
            dtype = self.in_proj_weight.dtype
            given = [ops.add(*(ops.where(m, -math.inf, tensor(0.0, dtype)) if _is_bool(m) else m for m in given))]
        return None if not given else ops.equal(given[0], False) if _is_bool(given[0]) else given[0]

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.embed_dim}, {self.num_heads}" + (f", dropout={self.dropout}" if self.dropout else "")


def _is_bool(x: Tensor) -> bool:
    return bool(x.dtype == numpy.bool_)


def _seen(mask: Tensor | None, is_causal: bool, lengths: Tensor | None, queries: int, keys: int) -> Tensor | None:
    """Return which keys may be seen, broadcasting to (N, heads, L, S), as numbers 1 and 0."""
    parts = [mask] if mask is not None and _is_bool(mask) else []
    at = tensor(range(keys))
    if is_causal:
        parts.append(ops.less_equal(at, tensor([[i] for i in range(queries)])))
    if lengths is not None:
        parts.append(ops.less(at, ops.reshape(lengths, (lengths.shape[0], 1, 1, 1))))
    seen = None
    for part in parts:
        number = ops.cast(part, "float32")
        seen = number if seen is None else ops.multiply(seen, number)
    return seen


def _softmax(scores: Tensor, seen: Tensor | None, mask: Tensor | None) -> Tensor:
    """Softmax over what is seen; zeros where nothing is."""
    if mask is not None and not _is_bool(mask):
        scores = ops.add(scores, ops.maximum(mask, -1e30))
    if seen is None:
        return ops.softmax(scores)
    seen = ops.cast(seen, scores.dtype)
    weights = ops.softmax(ops.where(ops.broadcast_to(ops.greater(seen, 0.5), scores.shape), scores, -1e30))
    return ops.multiply(weights, seen)


class AdditiveAttention(Module):
    """Attention whose scores are a network's, ``vᵀ tanh(W_q q + W_k k)``.

    Bahdanau, Cho, Bengio 2014, arXiv:1409.0473. query (N, L, query_size), keys (N, S, key_size), values (N, S, D), the
    keys unless given -> (N, L, D) and the weights (N, L, S). ``key_lengths`` (N,) int64: later keys are not seen; where
    there are none, both are 0.
    """

    def __init__(self, query_size: int, key_size: int, hidden_size: int, dtype: Any = None) -> None:
        self.query_proj = Linear(query_size, hidden_size, bias=False, dtype=dtype)
        self.key_proj = Linear(key_size, hidden_size, dtype=dtype)
        self.score = Linear(hidden_size, 1, bias=False, dtype=dtype)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor | None = None, key_lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the mean of the values (N, L, D) and the weights (N, L, S)."""
        n, queries, keys = query.shape[0], query.shape[1], key.shape[1]
        asked, there = self.query_proj(query), self.key_proj(key)
        hidden = ops.tanh(ops.add(ops.expand_dims(asked, 2), ops.expand_dims(there, 1)))
        scores = ops.reshape(self.score(hidden), (n, 1, queries, keys))
        seen = _seen(None, False, key_lengths, queries, keys)
        weights = ops.reshape(_softmax(scores, seen, None), (n, queries, keys))
        return ops.matmul(weights, key if value is None else value, precision=self.precision), weights


class SinusoidalPositions(Module):
    """Add to the vector at position t ``sin(t / 10000^(2i / d))`` at 2i and the cosine at 2i + 1, then drop out.

    Vaswani et al. 2017, arXiv:1706.03762. x (N, length, d_model) -> the same shape. Raises ``ValueError`` for sequences
    beyond ``max_len``.
    """

    def __init__(self, d_model: int, dropout: float = 0.0, max_len: int = 512) -> None:
        positive("sinusoidal_positions", d_model=d_model, max_len=max_len)
        self.d_model, self.max_len, self.dropout = d_model, max_len, _probability("sinusoidal_positions", dropout)
        at = numpy.arange(max_len)[:, None] / 10000 ** (numpy.arange(0, d_model, 2) / d_model)
        both = numpy.stack([numpy.sin(at), numpy.cos(at)], -1).reshape(max_len, -1)[:, :d_model]
        self.table = tensor(both)

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        """X (N, length, d_model), the first at position ``start`` -> the same shape."""
        end = start + x.shape[1]
        if end > self.max_len:
            raise ValueError(f"sinusoidal_positions: the sequence ends at {end}, max_len is {self.max_len}")
        y = ops.add(x, ops.cast(ops.getitem(self.table, slice(start, end)), x.dtype))
        return ops.dropout(y, self.dropout) if self.training and self.dropout else y


class _Layer(Module):
    """What encoder and decoder layers share: residuals, and the feed-forward part."""

    d_model: int
    linear1: Linear
    linear2: Linear

    def _init_rest(self, hidden: int, dropout: float, activation: str, norms: int, eps: float, dtype: Any) -> None:
        self.dropout, self.activation = _probability("transformer", dropout), activation
        self.linear1 = Linear(self.d_model, hidden, activation, dtype=dtype)
        self.linear2 = Linear(hidden, self.d_model, dtype=dtype)
        for i in range(norms):
            setattr(self, f"norm{i + 1}", LayerNorm(self.d_model, eps, dtype=dtype))

    @property
    def _p(self) -> float:
        return self.dropout if self.training else 0.0

    def _add(self, x: Tensor, y: Tensor) -> Tensor:
        return ops.bias_activation_dropout(y, None, None, self._p, x)

    def _feed_forward(self, x: Tensor) -> Tensor:
        hidden = ops.linear(x, self.linear1.weight, precision=self.linear1.precision)
        hidden = ops.bias_activation_dropout(hidden, self.linear1.bias, self.activation, self._p)
        y: Tensor = self.linear2(hidden)
        return y


class TransformerEncoderLayer(_Layer):
    """Self-attention, then a network at each position, each with a residual and a layer norm.

    Vaswani et al. 2017, arXiv:1706.03762; ``norm_first`` puts the norms before the parts (Xiong et al. 2020,
    arXiv:2002.04745). Parameters are named as PyTorch's, batch first: its state loads as it is.
    """

    norm1: LayerNorm
    norm2: LayerNorm

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str = "relu",
        layer_norm_eps: float = 1e-5,
        norm_first: bool = False,
        dtype: Any = None,
    ) -> None:
        self.d_model, self.norm_first = d_model, norm_first
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, dtype=dtype)
        self._init_rest(dim_feedforward, dropout, activation, 2, layer_norm_eps, dtype)

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
        src_lengths: Tensor | None = None,
    ) -> Tensor:
        """Src (N, S, d_model) -> the same shape; masks as ``MultiheadAttention`` takes them."""
        masks = src_key_padding_mask, False, src_mask, True, is_causal, src_lengths
        if self.norm_first:
            x = self.norm1(src)
            src = self._add(src, self.self_attn(x, x, x, *masks)[0])
            return self._add(src, self._feed_forward(self.norm2(src)))
        src = self.norm1(self._add(src, self.self_attn(src, src, src, *masks)[0]))
        y: Tensor = self.norm2(self._add(src, self._feed_forward(src)))
        return y


class TransformerDecoderLayer(_Layer):
    """Self-attention, attention to the encoder's output (the memory), then a network at each position.

    Vaswani et al. 2017, arXiv:1706.03762; ``norm_first`` as in the encoder's layer. Parameters are named as PyTorch's,
    batch first: its state loads as it is.
    """

    norm1: LayerNorm
    norm2: LayerNorm
    norm3: LayerNorm

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str = "relu",
        layer_norm_eps: float = 1e-5,
        norm_first: bool = False,
        dtype: Any = None,
    ) -> None:
        self.d_model, self.norm_first = d_model, norm_first
        self.self_attn = MultiheadAttention(d_model, nhead, dropout, dtype=dtype)
        self.multihead_attn = MultiheadAttention(d_model, nhead, dropout, dtype=dtype)
        self._init_rest(dim_feedforward, dropout, activation, 3, layer_norm_eps, dtype)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
        tgt_lengths: Tensor | None = None,
        memory_lengths: Tensor | None = None,
    ) -> Tensor:
        """Tgt (N, T, d_model), memory (N, S, d_model) -> tgt's shape; masks as ``MultiheadAttention`` takes them."""
        own = tgt_key_padding_mask, False, tgt_mask, True, tgt_is_causal, tgt_lengths
        other = memory_key_padding_mask, False, memory_mask, True, memory_is_causal, memory_lengths
        if self.norm_first:
            x = self.norm1(tgt)
            tgt = self._add(tgt, self.self_attn(x, x, x, *own)[0])
            tgt = self._add(tgt, self.multihead_attn(self.norm2(tgt), memory, memory, *other)[0])
            return self._add(tgt, self._feed_forward(self.norm3(tgt)))
        tgt = self.norm1(self._add(tgt, self.self_attn(tgt, tgt, tgt, *own)[0]))
        tgt = self.norm2(self._add(tgt, self.multihead_attn(tgt, memory, memory, *other)[0]))
        y: Tensor = self.norm3(self._add(tgt, self._feed_forward(tgt)))
        return y

    def step(
        self, tgt: Tensor, past: Tensor | None, memory: Tensor, memory_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """One position more: tgt (N, 1, d_model) after those whose keys and values are ``past`` (N, t, 2 d_model).

        ``memory`` (N, S, 2 d_model) is ``multihead_attn.project_memory`` of the encoder's output, ``memory_mask`` (N,
        1, 1, S) bool, True where it may be seen. Return the output (N, 1, d_model) and the past with this position.
        """
        mine, other = self.self_attn, self.multihead_attn
        x = self.norm1(tgt) if self.norm_first else tgt
        packed = ops.linear(x, mine.in_proj_weight, mine.in_proj_bias, None, mine.precision)
        query, now = ops.split(packed, (self.d_model, 2 * self.d_model), -1)
        past = now if past is None else ops.concat([past, now], 1)
        tgt = self._add(tgt, mine.out_proj(ops.multi_head_attention(query, past, mine.num_heads)))
        tgt = tgt if self.norm_first else self.norm1(tgt)
        query = other.project_query(self.norm2(tgt) if self.norm_first else tgt)
        y = ops.multi_head_attention(query, memory, other.num_heads, memory_mask)
        tgt = self._add(tgt, other.out_proj(y))
        tgt = tgt if self.norm_first else self.norm2(tgt)
        y = self._feed_forward(self.norm3(tgt) if self.norm_first else tgt)
        tgt = self._add(tgt, y)
        return tgt if self.norm_first else self.norm3(tgt), past
