"""An encoder and a decoder that turn a sentence of one language into one of another, on a screen."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy

from .. import nn, ops
from ..tensor import Tensor

__all__ = ["PAD", "Translator", "translator"]

PAD = 0  # the token that fills a batch up


class Translator(nn.Module):
    """A Transformer (Vaswani et al. 2017, arXiv:1706.03762), norms first, with one table of vectors for all tokens.

    The table serves source, target and, transposed, the scores of the next token (Press, Wolf 2017, arXiv:1608.05859).
    """

    def __init__(
        self, vocabulary: int, width: int, heads: int, layers: int, hidden: int, dropout: float, longest: int
    ) -> None:
        self.embedding = nn.Embedding(vocabulary, width)
        self.embedding.weight[...] = self.embedding.weight.numpy() / math.sqrt(width)
        self.positions = nn.SinusoidalPositions(width, dropout, longest)
        sizes = width, heads, hidden, dropout, "relu", 1e-5, True
        self.encoder = [nn.TransformerEncoderLayer(*sizes) for _ in range(layers)]
        self.decoder = [nn.TransformerDecoderLayer(*sizes) for _ in range(layers)]
        self.encoder_norm, self.decoder_norm = nn.LayerNorm(width), nn.LayerNorm(width)

    def forward(self, x: Tensor) -> Tensor:
        """X (N, 2, L) int64, source and beginning of the target -> scores of the next tokens (N, L, vocabulary)."""
        source, begun = _sides(x)
        y = self._embedded(begun)
        memory, padding = self.encode(source), ops.equal(source, PAD)
        for layer in self.decoder:
            y = layer(y, memory, tgt_is_causal=True, memory_key_padding_mask=padding)
        return self._scores(y)

    def encode(self, source: Tensor) -> Tensor:
        """Source (N, S) -> what the decoder attends to (N, S, width)."""
        x, padding = self._embedded(source), ops.equal(source, PAD)
        for layer in self.encoder:
            x = layer(x, src_key_padding_mask=padding)
        memory: Tensor = self.encoder_norm(x)
        return memory

    def stepper(self, source: Tensor, copies: int = 1) -> Callable[[Tensor, Any], tuple[Tensor, Any]]:
        """Return the step that ``nn.beam_search`` takes, for source (N, S), with ``copies`` rows for each sentence."""
        rows = numpy.repeat(numpy.arange(source.shape[0]), copies)
        source, memory = ops.take(source, rows), ops.take(self.encode(source), rows)
        seen = ops.reshape(ops.not_equal(source, PAD), (len(rows), 1, 1, source.shape[1]))
        memories = [layer.multihead_attn.project_memory(memory) for layer in self.decoder]

        def step(tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
            past = state or [None] * len(memories)
            y = self._embedded(ops.reshape(tokens, (-1, 1)), 0 if state is None else past[0].shape[1])
            now = []
            for layer, before, remembered in zip(self.decoder, past, memories):
                y, after = layer.step(y, before, remembered, seen)
                now.append(after)
            return ops.squeeze(self._scores(y), 1), now

        return step

    def attention(self, x: Tensor) -> Tensor:
        """X as for ``forward`` -> how the last decoder layer's heads, on average, look at the source (N, L, L)."""
        source, begun = _sides(x)
        y = self._embedded(begun)
        memory, padding = self.encode(source), ops.equal(source, PAD)
        for layer in self.decoder[:-1]:
            y = layer(y, memory, tgt_is_causal=True, memory_key_padding_mask=padding)
        last = self.decoder[-1]
        own = last.norm1(y)
        y = ops.add(y, last.self_attn(own, own, own, is_causal=True)[0])
        weights: Tensor = last.multihead_attn(last.norm2(y), memory, memory, padding, True)[1]
        return weights

    def _embedded(self, tokens: Tensor, start: int = 0) -> Tensor:
        scale = math.sqrt(self.embedding.embedding_dim)
        x: Tensor = self.positions(ops.multiply(self.embedding(tokens), scale), start)
        return x

    def _scores(self, y: Tensor) -> Tensor:
        return ops.linear(self.decoder_norm(y), self.embedding.weight, precision=self.precision)


def _sides(x: Tensor) -> tuple[Tensor, Tensor]:
    return ops.getitem(x, (slice(None), 0)), ops.getitem(x, (slice(None), 1))


def translator(
    vocabulary: int = 6000,
    width: int = 256,
    heads: int = 4,
    layers: int = 3,
    hidden: int = 512,
    dropout: float = 0.2,
    longest: int = 256,
) -> Translator:
    """Build a Translator of ``vocabulary`` tokens, of which 0 is padding, for sentences up to ``longest`` tokens."""
    return Translator(vocabulary, width, heads, layers, hidden, dropout, longest)
