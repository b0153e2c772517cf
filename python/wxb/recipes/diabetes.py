"""diabetes: how far the disease went after a year, from ten measurements of 442 patients (Efron et al. 2004)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from .. import plots
from ..data import load_diabetes
from ..train import bootstrap
from ..train.metrics import mae, r2, rmse
from .run import Options, Run, SavedRun, Stopwatch
from .tabular import Task, learner, predict_rows
from .unseen import ask, named, parts, spread

__all__ = ["predict", "train"]

TASK = Task({"kind": "mlp", "sizes": [10, 16, 1], "activation": "tanh"}, "mse", ["r2"], weight_decay=0.3)


def train(options: Options) -> dict[str, Any]:
    """Measure by ten-fold cross-validation, predictions pooled; then train on every patient and save that network."""
    options = options.chosen(epochs=40, lr=1e-2, batch_size=32, folds=10)
    table = load_diabetes()
    folds = parts(options, len(table))
    run = Run("diabetes", options)
    mean, scale = float(table.y.mean()), float(table.y.std())
    y = ((table.y - mean) / scale).reshape(-1, 1)
    with Stopwatch() as watch:
        learnt, unseen = ask(learner(TASK, options, table.x, y), folds, len(table))
    pooled = unseen.outputs[:, 0] * scale + mean
    figures: dict[str, Any] = {metric.__name__: bootstrap(metric, pooled, table.y) for metric in (r2, rmse, mae)}
    figures |= spread(unseen, "rmse", lambda outputs, wanted: scale * rmse(outputs, wanted), y)
    config = {"model": TASK.model, "features": list(table.feature_names), "target": {"mean": mean, "scale": scale}}
    result = run.finish(learnt.trainer, named(folds, **figures), watch.seconds, config, unseen.history)
    run.draw_history(unseen.history)
    plots.scatter(pooled, table.y, run.folder / "scatter.png", "progression")
    return result


def predict(run: SavedRun, files: Sequence[str]) -> list[dict[str, Any]]:
    """Return the progression predicted for every row of the files."""
    mean, scale = run.config["target"]["mean"], run.config["target"]["scale"]

    def answer(outputs: numpy.ndarray[Any, Any]) -> list[dict[str, Any]]:
        return [{"progression": round(float(v) * scale + mean, 2)} for v in outputs[:, 0]]

    return predict_rows(run, files, answer)
