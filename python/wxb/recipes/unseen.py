"""What the recipes share that ask networks about rows held out: one part as the test, or every row once, in folds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy

from .. import plots
from ..data import kfold, split
from ..train import CrossValidation, Estimate, Trainer, cross_validate, proportion
from ..train.metrics import METRICS, confusion_matrix, reliability
from .run import Options, Run

Array = numpy.ndarray[Any, Any]
Folds = Sequence[tuple[Array, Array]]


@dataclass
class Learnt:
    """A trained network: its Trainer, and its outputs for rows of the data by their numbers."""

    trainer: Trainer
    outputs: Callable[[Array], Array]


L = TypeVar("L", bound=Learnt)


def parts(options: Options, count: int, labels: Array | None = None) -> Folds:
    """Return ``--folds K`` folds of the rows, or one that holds a fifth out; of classes each has its share."""
    if options.folds is not None:
        return kfold(count, options.folds, options.seed, labels)
    return [fifth(count, options.seed, labels)]


def fifth(count: int, seed: int, labels: Array | None = None) -> tuple[Array, Array]:
    """Return the row numbers of the larger part and of the fifth that is held out."""
    rows = numpy.arange(count)
    try:
        larger, _, held_out, _ = split(rows, rows, 0.2, seed, labels)
    except ValueError:
        if labels is None:
            raise
        larger, _, held_out, _ = split(rows, rows, 0.2, seed)  # too many classes with a single row
    return larger, held_out


def ask(learn: Callable[[Array, Array | None], L], folds: Folds, count: int) -> tuple[L, CrossValidation]:
    """Return the network to keep, and what networks say of the rows they were not trained on.

    ``learn(training, held_out)`` trains a new network. Of a single fold it is the one to keep; of several that is one
    more, trained on all rows, with None held out.
    """
    kept: list[L] = []

    def fit(training: Array, held_out: Array) -> tuple[Trainer, Array]:
        kept[:] = [learn(training, held_out)]
        return kept[0].trainer, kept[0].outputs(held_out)

    unseen = cross_validate(fit, folds)
    if len(folds) > 1:
        kept[:] = [learn(numpy.arange(count), None)]
    return kept[0], unseen


def named(folds: Folds, **figures: Any) -> dict[str, Any]:
    """Return figures as the recipes call them: ``test_NAME`` of a single fold, ``cv_NAME`` of several."""
    return {f"{'test' if len(folds) == 1 else 'cv'}_{name}": value for name, value in figures.items()}


def spread(unseen: CrossValidation, name: str, metric: Callable[..., float], targets: Array) -> dict[str, float]:
    """Return the standard deviation of a metric from fold to fold, where there are several."""
    if len(unseen.histories) == 1:
        return {}
    return {f"{name}_sd": float(unseen.scores(metric, targets).std(ddof=1))}


def share(right: Array) -> Estimate:
    """Return the share of right answers (N,) bool, with Wilson's interval."""
    return proportion(int(right.sum()), len(right))


def of_classes(logits: Array, labels: Array) -> dict[str, float | Estimate]:
    """Return accuracy and expected calibration error of logits (N, C) for labels (N,)."""
    return {"accuracy": share(logits.argmax(1) == labels), "ece": METRICS["ece"](logits, labels)}


def draw_classes(run: Run, logits: Array, labels: Array, classes: Sequence[str]) -> None:
    """Draw the confusion matrix of logits (N, C) for labels (N,), and whether they are right as often as they say."""
    table = confusion_matrix(logits.argmax(1), labels, len(classes))
    plots.confusion(table, classes, run.folder / "confusion.png")
    found = reliability(logits, labels)
    plots.reliability(found.counts, found.confidence, found.accuracy, run.folder / "reliability.png")
