"""Outcomes: the losses and outputs of batches, read from a GPU many at a time."""

from __future__ import annotations

from typing import Any

import numpy

from ..device import Device, cpu
from ..tensor import Tensor

__all__ = ["Outcomes"]

Array = numpy.ndarray[Any, Any]

READ_EVERY = 16  # batches on a GPU: reading waits until it has nothing left to do, and what is unread takes memory


class Outcomes:
    """The losses and outputs of an epoch. On the CPU a batch is read at once, on a GPU with 15 others.

    A kernel's error is raised where it is seen, at the latest by ``read``: it then comes from one of the batches that
    are not among ``batches`` yet.
    """

    def __init__(self, device: Device) -> None:
        self.batches = 0  # that have been read
        self.seen: list[tuple[Array, Array]] = []  # outputs and targets
        self._every = 1 if device is cpu else READ_EVERY
        self._total, self._rows = 0.0, 0
        self._unread: list[tuple[Tensor, Tensor | None, Array, int]] = []

    def add(self, loss: Tensor, outputs: Tensor | None, y: Array, rows: int) -> None:
        """Take the outcome of a batch: its mean loss, its outputs if metrics want them, targets and number of rows."""
        self._unread.append((loss, outputs, y, rows))
        if len(self._unread) == self._every:
            self.read()

    def read(self) -> None:
        """Bring to the host what is not there yet."""
        for loss, outputs, y, rows in self._unread:
            self._total, self._rows = self._total + loss.item() * rows, self._rows + rows
            if outputs is not None:
                self.seen.append((outputs.data if outputs.device is cpu else outputs.numpy(), y))
        self.batches += len(self._unread)
        self._unread = []

    def mean_loss(self) -> float:
        """Return the mean over all rows."""
        self.read()
        return self._total / self._rows
