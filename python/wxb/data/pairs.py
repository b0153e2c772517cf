"""Batches of sentence pairs, padded to few fixed shapes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .bpe import BPE
from .dataset import ArrayDataset, Arrays
from .loader import Loader

__all__ = ["PairLoader"]

Tokens = Sequence[Sequence[int]]

# Fine where most sentences are: of Multi30k's tokens a tenth is padding, and a captured step has a plan for each.
LENGTHS = (8, 10, 12, 14, 16, 18, 20, 24, 28, 32, 40, 48, 64, 96, 128)


class PairLoader(Loader):
    """Iterate over pairs of sentences of about the same length: x (rows, 2, length) and y (rows, length), int64.

    x[:, 0] is a source with its end, x[:, 1] the start and a target, y that target with its end; the rest is padding.
    Each pair goes to the shortest of ``lengths`` that holds both; a batch has ``tokens // length`` rows, less only
    where there are not so many. With ``shuffle`` every batch is full, so that shapes are few: pairs that are left over
    get company that is seen twice in that epoch. The order depends on (seed, epoch) only.

    Raises ValueError for an empty sentence, pairs that do not match, and one longer than all ``lengths``.
    """

    def __init__(
        self,
        source: Tokens,
        target: Tokens,
        tokens: int = 2048,
        shuffle: bool = False,
        seed: int = 0,
        lengths: Sequence[int] = LENGTHS,
    ) -> None:
        if len(source) != len(target):
            raise ValueError(f"pairs: {len(source)} sources and {len(target)} targets, wanted as many of both")
        for name, side in (("source", source), ("target", target)):
            for i, sentence in enumerate(side):
                if not len(sentence):
                    raise ValueError(f"pairs: {name} {i} is empty, wanted at least one token")
        self.source, self.target = source, target
        self.lengths, self.tokens = sorted(lengths), tokens
        longest = np.array([max(len(s), len(t)) + 1 for s, t in zip(source, target)])
        if len(longest) and longest.max() > self.lengths[-1]:
            i = int(longest.argmax())
            raise ValueError(f"pairs: pair {i} has {longest[i]} tokens, at most {self.lengths[-1]} fit")
        buckets = np.searchsorted(self.lengths, longest)
        super().__init__(ArrayDataset(np.arange(len(source))), max(1, tokens), shuffle, seed=seed, prefetch=0)
        self._buckets = [np.flatnonzero(buckets == b) for b in range(len(self.lengths))]

    def __len__(self) -> int:
        if not hasattr(self, "_buckets"):  # asked by Loader's own __init__
            return len(self.dataset)
        return sum(-(-len(rows) // self._rows(b)) for b, rows in enumerate(self._buckets) if len(rows))

    def _rows(self, bucket: int) -> int:
        return max(1, min(self.tokens // self.lengths[bucket], len(self._buckets[bucket])))

    def _batches(self, epoch: int) -> Iterator[Arrays]:
        rng = np.random.default_rng((self.seed, epoch))
        batches: list[tuple[int, NDArray[Any]]] = []
        for bucket, rows in enumerate(self._buckets):
            count = self._rows(bucket)
            if self.shuffle and len(rows):
                order = rng.permutation(rows)
                rows = np.resize(order, -(-len(rows) // count) * count)
            batches += [(bucket, rows[i : i + count]) for i in range(0, len(rows), count)]
        for i in rng.permutation(len(batches)) if self.shuffle else range(len(batches)):
            yield self._batch(*batches[i])

    def _batch(self, bucket: int, rows: NDArray[Any]) -> Arrays:
        x = np.full((len(rows), 2, self.lengths[bucket]), BPE.pad)
        y = np.full((len(rows), self.lengths[bucket]), BPE.pad)
        for i, row in enumerate(rows):
            source, target = self.source[row], self.target[row]
            x[i, 0, : len(source) + 1] = [*source, BPE.end]
            x[i, 1, : len(target) + 1] = [BPE.start, *target]
            y[i, : len(target) + 1] = [*target, BPE.end]
        return x, y
