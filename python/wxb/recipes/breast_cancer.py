"""breast-cancer: malignant or benign, from thirty measurements of 569 tumours (Wolberg, Street, Mangasarian 1995)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..data import load_breast_cancer
from ..train.metrics import METRICS
from .run import Options, Run, SavedRun, Stopwatch
from .tabular import Task, class_rows, learner, predict_rows
from .unseen import ask, draw_classes, named, of_classes, parts, share, spread

__all__ = ["predict", "train"]

TASK = Task(
    {"kind": "mlp", "sizes": [30, 16, 2], "activation": "tanh"}, "cross_entropy", ["accuracy"], weight_decay=1.0
)


def train(options: Options) -> dict[str, Any]:
    """Measure by stratified ten-fold cross-validation; then train on every tumour and save that network."""
    options = options.chosen(epochs=40, lr=1e-2, batch_size=32, folds=10)
    table = load_breast_cancer()
    folds = parts(options, len(table), table.y)
    run = Run("breast-cancer", options)
    with Stopwatch() as watch:
        learnt, unseen = ask(learner(TASK, options, table.x, table.y), folds, len(table))
    malignant = table.y == 0  # the class not to miss
    figures = of_classes(unseen.outputs, table.y)
    figures |= spread(unseen, "accuracy", METRICS["accuracy"], table.y)
    figures["recall_malignant"] = share(unseen.outputs[malignant].argmax(1) == 0)
    config = {"model": TASK.model, "features": list(table.feature_names), "classes": list(table.target_names)}
    result = run.finish(learnt.trainer, named(folds, **figures), watch.seconds, config, unseen.history)
    run.draw_history(unseen.history)
    draw_classes(run, unseen.outputs, table.y, table.target_names)
    return result


def predict(run: SavedRun, files: Sequence[str]) -> list[dict[str, Any]]:
    """Return class and probability for every row of the files."""
    return predict_rows(run, files, lambda outputs: class_rows(outputs, run.config["classes"]))
