"""Random numbers for the rows of a batch that do not depend on the batch."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..device import cpu
from .dataset import Indices

Uniform = NDArray[np.float64]


class Draws:
    """What a transform is given beside its batch: which rows it holds, when, and random numbers of their own.

    rows (N,) int64: numbers of rows in the data set; epoch, seed: the loader's. The numbers are a function of seed,
    epoch, row and how many times `uniform` was called before for this batch, by Philox 4x32-10 (Salmon et al. 2011).
    So a run can be repeated whatever the batch size, the order of the rows and the number of threads.
    """

    def __init__(self, rows: ArrayLike, epoch: int = 0, seed: int = 0) -> None:
        self.rows: Indices = np.ascontiguousarray(rows, np.int64)
        if self.rows.ndim != 1:
            raise ValueError(f"Draws: rows have shape {self.rows.shape}, wanted (N,)")
        self.epoch, self.seed = operator.index(epoch), operator.index(seed)
        self._calls = 0

    def uniform(self, count: int = 1, every_epoch: bool = True) -> Uniform:
        """Return new numbers (N, count) float64 in [0, 1); with every_epoch=False the same ones in every epoch."""
        y: Any = np.empty((len(self.rows), count))
        epoch = self.epoch if every_epoch else 0
        cpu.kernels.augment_uniform(self.rows, y, self.seed & (2**64 - 1), epoch, self._calls)
        self._calls += 1
        return y  # type: ignore[no-any-return]

    def integers(self, low: ArrayLike, high: ArrayLike) -> Indices:
        """Return new integers (N, K) from low to high, both possible; low and high are numbers or (K,)."""
        low, high = np.broadcast_arrays(low, high)
        numbers: Indices = (low + np.floor(self.uniform(max(low.size, 1)) * (high - low + 1))).astype(np.int64)
        return numbers
