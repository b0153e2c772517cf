"""Cross-validation: what networks say of the rows that each of them has not seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .history import History

__all__ = ["CrossValidation", "cross_validate"]

Rows = NDArray[np.int64]
Fold = tuple[Rows, Rows]


@dataclass(frozen=True, eq=False, repr=False)
class CrossValidation:
    """The outputs of every held-out row by a network that was trained without it.

    rows (M,) rising; outputs (M, ...): of each of them; fold (M,): which network's; histories: one per fold. Where the
    folds hold out every row once, ``outputs[i]`` is of row i.
    """

    rows: Rows
    outputs: NDArray[Any]
    fold: Rows
    histories: tuple[History, ...]

    @property
    def history(self) -> History:
        """The mean of the histories, as far as all of them go."""
        return History.mean(self.histories)

    def scores(self, metric: Callable[..., float], targets: ArrayLike) -> NDArray[np.float64]:
        """Return ``metric(outputs, targets)`` of each fold alone, (folds,); targets (N, ...), of all rows."""
        wanted = np.asarray(targets)[self.rows]
        parts = (self.fold == k for k in range(len(self.histories)))
        return np.array([metric(self.outputs[part], wanted[part]) for part in parts], np.float64)

    def __repr__(self) -> str:
        return f"CrossValidation({len(self.histories)} folds, {len(self.rows)} rows, outputs {self.outputs.shape})"


def cross_validate(fit: Callable[[Rows, Rows], tuple[Any, ArrayLike]], folds: Sequence[Fold]) -> CrossValidation:
    """Train a network for each fold and gather what it says of the rows that were held out (Stone 1974)::

        def fit(training, held_out):
            trainer = wxb.Trainer(network(), "cross_entropy")
            trainer.fit(x[training], y[training], epochs=15, validation=(x[held_out], y[held_out]))
            return trainer, trainer.predict(x[held_out])


        found = cross_validate(fit, wxb.data.kfold(len(x), 5, stratify=y))
        wxb.train.METRICS["accuracy"](found.outputs, y)

    fit makes a new network, so that none sees what it is asked about, and returns its Trainer and the outputs (M, ...)
    of the held-out rows. Whatever else is fitted to data, scales or vocabularies, is to be fitted there to the training
    rows alone. folds: row numbers for training and held out, from `wxb.data.kfold`, `wxb.data.leave_one_group_out` or
    made by yourself.

    Raises ValueError for no folds, a fold that trains on rows it holds out or holds none out, a row held out twice, and
    outputs of another number than there are held-out rows.
    """
    _check(folds)
    histories, parts = [], []
    for number, (training, held_out) in enumerate(folds):
        trainer, given = fit(training, held_out)
        outputs = np.asarray(given)
        if outputs.shape[:1] != (len(held_out),):
            raise ValueError(
                f"cross_validate: fold {number + 1} gave outputs {outputs.shape}, wanted ({len(held_out)}, ...)"
            )
        histories.append(trainer.history)
        parts.append(outputs)
    rows = np.concatenate([held_out for _, held_out in folds])
    order = np.argsort(rows)
    fold = np.repeat(np.arange(len(folds)), [len(part) for part in parts])
    return CrossValidation(rows[order], np.concatenate(parts)[order], fold[order], tuple(histories))


def _check(folds: Sequence[Fold]) -> None:
    if not folds:
        raise ValueError("cross_validate: there are no folds, wanted at least one")
    for number, (training, held_out) in enumerate(folds):
        if not len(held_out) or not len(training):
            raise ValueError(
                f"cross_validate: fold {number + 1} trains on {len(training)} rows and holds {len(held_out)} out, "
                "wanted some of both"
            )
        if (both := np.intersect1d(training, held_out)).size:
            raise ValueError(f"cross_validate: fold {number + 1} trains on row {both[0]}, which it holds out")
    rows, counts = np.unique(np.concatenate([held_out for _, held_out in folds]), return_counts=True)
    if counts.max() > 1:
        raise ValueError(f"cross_validate: row {rows[counts > 1][0]} is held out {counts.max()} times, wanted once")
