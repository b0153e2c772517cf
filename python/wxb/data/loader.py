"""Batches of a data set, in an order that depends on the seed and the epoch only."""

from __future__ import annotations

import operator
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .dataset import Arrays, Dataset, Indices
from .draws import Draws

Transform = Callable[[Arrays, Draws], Arrays]


class Loader:
    """Iterate over a data set as tuples of contiguous arrays, a batch at a time.

    Each ``for`` loop is one epoch: it takes the number `epoch`, and the next loop takes the next. The order of rows
    depends on (seed, epoch) only, so a run resumes with ``loader.set_epoch(saved)``. Batches are copies: writing to
    them leaves the data set as it is.

    batch_size: rows per batch; the last may be smaller unless `drop_last`. prefetch: batches made ahead by a
    background thread, 0 for none. transform(batch, draws) -> batch: changes each batch, with random numbers that
    depend on (seed, epoch, row) only; see `wxb.data.Draws`.

    Raises ValueError for an empty data set, a batch_size below 1, or where drop_last would leave no batch.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int = 32,
        shuffle: bool = False,
        drop_last: bool = False,
        seed: int = 0,
        prefetch: int = 2,
        transform: Transform | None = None,
    ):
        if isinstance(dataset, (np.ndarray, list, tuple, dict)):
            raise TypeError(f"Loader: dataset is a {type(dataset).__name__}, wanted a data set; use ArrayDataset(x, y)")
        self.dataset = dataset
        self.batch_size = _at_least(1, batch_size, "batch_size")
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.seed = _at_least(0, seed, "seed")
        self.prefetch = _at_least(0, prefetch, "prefetch")
        self.transform = transform
        self.epoch = 0
        if len(dataset) == 0:
            raise ValueError("Loader: the data set is empty, wanted at least one row")
        if len(self) == 0:
            raise ValueError(f"Loader: {len(dataset)} rows make no full batch of {batch_size}; take drop_last=False")

    def __len__(self) -> int:
        full, rest = divmod(len(self.dataset), self.batch_size)
        return full + (rest > 0 and not self.drop_last)

    def __iter__(self) -> Iterator[Arrays]:
        batches = self._batches(self.epoch)
        self.epoch += 1
        return _ahead(batches, self.prefetch) if self.prefetch else batches

    def set_epoch(self, epoch: int) -> None:
        """Choose the number of the next epoch, 0 or more, and with it the order of its rows."""
        self.epoch = _at_least(0, epoch, "epoch")

    def _batches(self, epoch: int) -> Iterator[Arrays]:
        rows = self._order(epoch)
        for number in range(len(self)):
            start = number * self.batch_size
            chosen = rows[start : start + self.batch_size]
            batch = self.dataset[chosen]
            if self.transform is not None:
                batch = self.transform(batch, Draws(chosen, epoch, self.seed))
            yield _contiguous(batch)

    def _order(self, epoch: int) -> Indices:
        n = len(self.dataset)
        return np.random.default_rng((self.seed, epoch)).permutation(n) if self.shuffle else np.arange(n)


def _at_least(least: int, value: int, name: str) -> int:
    number = operator.index(value)
    if number < least:
        raise ValueError(f"Loader: {name} is {value}, wanted at least {least}")
    return number


def _contiguous(batch: Any) -> tuple[NDArray[Any], ...]:
    if not isinstance(batch, tuple):
        raise TypeError(f"Loader: a batch is a {type(batch).__name__}, wanted a tuple of arrays")
    return tuple(np.ascontiguousarray(array) for array in batch)


def _ahead(batches: Iterator[Arrays], depth: int) -> Iterator[Arrays]:
    """Yield from `batches`, made by a thread that stays at most `depth` batches ahead.

    The thread starts with the first batch asked for, and has ended when the loop over this generator has: by the
    last batch, a break, or an exception on either side. What the thread raised is raised here.
    """
    made: queue.SimpleQueue[Arrays | BaseException | None] = queue.SimpleQueue()
    room = threading.Semaphore(depth)
    stop = threading.Event()

    def make() -> None:
        try:
            while room.acquire() and not stop.is_set():
                batch = next(batches, None)
                made.put(batch)
                if batch is None:
                    return
        except BaseException as error:
            made.put(error)

    thread = threading.Thread(target=make, name="wxb-loader", daemon=True)
    thread.start()
    try:
        while (batch := made.get()) is not None:
            if isinstance(batch, BaseException):
                raise batch
            room.release()
            yield batch
    finally:
        stop.set()
        room.release()
        if thread is not threading.current_thread():  # the garbage collector may close this generator there
            thread.join()
