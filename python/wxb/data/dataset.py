"""Arrays that belong together, and the ways to part them into training and test rows."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Arrays = tuple[NDArray[Any], ...]
Indices = NDArray[np.int64]


class Dataset(Protocol):
    """Rows by number: what `Loader` asks of a data set."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: Indices, /) -> Arrays: ...


class ArrayDataset:
    """Hold arrays of equal length, one row per sample.

    ``dataset[i]``, ``dataset[2:5]`` and ``dataset[[4, 1]]`` give a tuple with that part of every array.
    Raises ValueError where lengths differ or an array has no axis, TypeError for Python objects.
    """

    def __init__(self, *arrays: ArrayLike):
        if not arrays:
            raise ValueError("ArrayDataset: got no arrays, wanted at least one")
        self.arrays: Arrays = tuple(_rows(array, f"ArrayDataset: array {i}") for i, array in enumerate(arrays))
        lengths = [len(array) for array in self.arrays]
        if len(set(lengths)) > 1:
            raise ValueError(f"ArrayDataset: arrays have lengths {lengths}, wanted one length; a row is one sample")

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: int | slice | ArrayLike) -> Arrays:
        return tuple(array[self._index(index)] for array in self.arrays)

    def __iter__(self) -> Iterator[Arrays]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return f"ArrayDataset({', '.join(f'{array.shape} {array.dtype}' for array in self.arrays)})"

    def _index(self, index: Any) -> Any:
        """Return `index` as numpy takes it, checked against the length."""
        if isinstance(index, slice):
            return index
        rows = np.asarray(index)
        if rows.size == 0:
            return rows.astype(np.int64)
        if rows.dtype == bool:
            if rows.shape != (len(self),):
                raise IndexError(f"ArrayDataset: mask has shape {rows.shape}, wanted ({len(self)},)")
        elif not np.issubdtype(rows.dtype, np.integer):
            raise TypeError(f"ArrayDataset: index is {rows.dtype}, wanted an int, a slice, or an array of either")
        elif rows.min() < -len(self) or rows.max() >= len(self):
            worst = rows.max() if rows.max() >= len(self) else rows.min()
            raise IndexError(f"ArrayDataset: row {worst} asked, there are {len(self)}")
        return rows


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """A small labelled data set.

    x (N, F) float32; y (N,) int64 class numbers, or (N,) float32 quantities; one name per column of x in
    `feature_names`; one name per class, or the quantity's, in `target_names`; `description`: where it comes from.
    """

    x: NDArray[np.float32]
    y: NDArray[Any]
    feature_names: tuple[str, ...]
    target_names: tuple[str, ...]
    description: str

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        return f"Table(x {self.x.shape} {self.x.dtype}, y {self.y.shape} {self.y.dtype}, target {self.target_names})"


def split(
    x: ArrayLike, y: ArrayLike, test_size: float = 0.2, seed: int = 0, stratify: ArrayLike | None = None
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Shuffle rows and hold some out: ``x_train, y_train, x_test, y_test``.

    test_size is a share in (0, 1), rounded up to rows, or a number of rows. `stratify` (N,) holds class labels: each
    class then has its share of test rows, give or take one; a class of a single row stays in training.
    Raises ValueError where lengths differ or one side would be empty.
    """
    dataset = ArrayDataset(x, y)
    n = len(dataset)
    count = _test_count(n, test_size)
    order = _generator(seed, "split").permutation(n)
    candidates = order
    if stratify is not None:
        labels, sizes = _classes(stratify, n, "split")
        candidates = order[np.argsort(labels[order], kind="stable")]
        candidates = candidates[sizes[labels[candidates]] > 1]
        if count > len(candidates):
            raise ValueError(f"split: {count} test rows asked, only {len(candidates)} share a class with another row")
    # Evenly spaced in an order sorted by class: every class gives its share.
    spaced = ((np.arange(count) + 0.5) * len(candidates) / count).astype(np.int64)
    held_out = np.zeros(n, dtype=bool)
    held_out[candidates[spaced]] = True
    train, test = order[~held_out[order]], order[held_out[order]]
    return (*dataset[train], *dataset[test])  # type: ignore[return-value]


def kfold(n: int, folds: int = 10, seed: int = 0, stratify: ArrayLike | None = None) -> list[tuple[Indices, Indices]]:
    """Deal n shuffled rows into folds of equal size, give or take one: a list of ``(train, test)`` row numbers.

    With `stratify` (n,), class labels, every fold also has an equal part of each class, give or take one.
    Raises ValueError unless 2 <= folds <= n, or where a class has fewer rows than there are folds.
    """
    if not 2 <= folds <= n:
        raise ValueError(f"kfold: {folds} folds of {n} rows, wanted 2 to {n} folds")
    order = _generator(seed, "kfold").permutation(n)
    dealt = order
    if stratify is not None:
        labels, sizes = _classes(stratify, n, "kfold")
        if sizes.min() < folds:
            least = np.asarray(stratify)[labels == sizes.argmin()][0]
            raise ValueError(f"kfold: class {least} has {sizes.min()} rows, wanted at least {folds}; take fewer folds")
        dealt = order[np.argsort(labels[order], kind="stable")]
    fold = np.empty(n, dtype=np.int64)
    fold[dealt] = np.arange(n) % folds
    return [(order[fold[order] != k], order[fold[order] == k]) for k in range(folds)]


def leave_one_group_out(groups: ArrayLike) -> list[tuple[Indices, Indices]]:
    """Hold out one group after the other: a list of ``(train, test)`` row numbers, in the order of the sorted groups.

    groups (n,): whom or what each row comes from, such as its speaker, whom the network that is tested then never met.
    Raises ValueError for another shape or fewer than two groups.
    """
    numbers, sizes = _classes(groups, np.shape(groups)[0] if np.ndim(groups) else 0, "leave_one_group_out", "groups")
    if len(sizes) < 2:
        raise ValueError(f"leave_one_group_out: {len(sizes)} groups, wanted at least two")
    return [(np.flatnonzero(numbers != k), np.flatnonzero(numbers == k)) for k in range(len(sizes))]


def _rows(array: ArrayLike, name: str) -> NDArray[Any]:
    values = np.asarray(array)
    if values.ndim == 0:
        raise ValueError(f"{name} is a single value, wanted rows")
    if values.dtype == object:
        raise TypeError(f"{name} holds Python objects, wanted numbers; encode texts and fill gaps first")
    return values


def _generator(seed: int, name: str) -> np.random.Generator:
    if operator.index(seed) < 0:
        raise ValueError(f"{name}: seed is {seed}, wanted 0 or more")
    return np.random.default_rng(seed)


def _test_count(n: int, test_size: float) -> int:
    if isinstance(test_size, (int, np.integer)) and not isinstance(test_size, bool):
        count = int(test_size)
    elif 0 < test_size < 1:
        count = math.ceil(n * test_size - 1e-9)  # 0.1 * 30 is a hair above 3
    else:
        raise ValueError(f"split: test_size is {test_size}, wanted a share between 0 and 1 or a number of rows")
    if not 0 < count < n:
        raise ValueError(f"split: {count} of {n} rows for the test, wanted 1 to {n - 1}")
    return count


def _classes(stratify: ArrayLike, n: int, name: str, what: str = "stratify") -> tuple[Indices, Indices]:
    """Return class numbers (n,) and the size of each class (C,)."""
    labels = np.asarray(stratify)
    if labels.shape != (n,):
        raise ValueError(f"{name}: {what} has shape {labels.shape}, wanted ({n},)")
    if labels.dtype == object:
        labels = labels.astype(str)
    _, numbers, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    return numbers.reshape(n), sizes
