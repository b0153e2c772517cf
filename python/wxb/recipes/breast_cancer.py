"""breast-cancer: malignant or benign, from thirty measurements of 569 tumours (Wolberg, Street, Mangasarian 1995)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import plots
from ..data import load_breast_cancer
from ..train.metrics import accuracy, confusion_matrix, recall
from .run import Options, Run, SavedRun, Stopwatch
from .tabular import Task, class_rows, cross_validate, fit, predict_rows

__all__ = ["predict", "train"]

TASK = Task(
    {"kind": "mlp", "sizes": [30, 16, 2], "activation": "tanh"}, "cross_entropy", ["accuracy"], weight_decay=1.0
)


def train(options: Options) -> dict[str, Any]:
    """Measure by stratified ten-fold cross-validation; then train on every tumour and save that network."""
    options = options.chosen(epochs=40, lr=1e-2, batch_size=32)
    run = Run("breast-cancer", options)
    table = load_breast_cancer()
    with Stopwatch() as watch:
        predicted = cross_validate(TASK, options, table.x, table.y, 10, table.y).argmax(1)
        trainer = fit(TASK, options, table.x, table.y)
    malignant = 1 - predicted, 1 - table.y  # class 0 is the one not to miss
    figures = {"cv_accuracy": accuracy(predicted, table.y), "cv_recall_malignant": float(recall(*malignant, "binary"))}
    config = {"model": TASK.model, "features": list(table.feature_names), "classes": list(table.target_names)}
    result = run.finish(trainer, figures, watch.seconds, config)
    if trainer.history.epochs:
        run.draw_history(trainer.history)
    plots.confusion(confusion_matrix(predicted, table.y, 2), table.target_names, run.folder / "confusion.png")
    return result


def predict(run: SavedRun, files: Sequence[str]) -> list[dict[str, Any]]:
    """Return class and probability for every row of the files."""
    return predict_rows(run, files, lambda outputs: class_rows(outputs, run.config["classes"]))
