"""csv: learn one column of your own table from the others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy

from .. import plots
from ..data import TableEncoder, find_task, labelled, read_table, split
from ..train import EarlyStopping, Trainer
from ..train.metrics import accuracy, confusion_matrix, f1, mae, r2, rmse
from .run import Options, Run, SavedRun, Stopwatch
from .tabular import Task, class_rows, fit, predict_rows

__all__ = ["predict", "train"]

Array = numpy.ndarray[Any, Any]


def train(options: Options) -> dict[str, Any]:
    """Split the rows 64 : 16 : 20: train on the first part, stop early by the second, report on the third."""
    if options.file is None:
        raise ValueError("csv: no file is given; wxb train csv FILE --target COLUMN")
    frame = read_table(options.file)
    if options.target is None:
        raise ValueError(f"csv: no target is given; pass --target with one of {', '.join(map(repr, frame.columns))}")
    target = options.target
    options = options.chosen(epochs=200, lr=5e-3, batch_size=32)
    run = Run("csv", options)
    known = labelled(frame, target)
    classifies = find_task(known[target]) == "classification"
    keys = known[target].astype(str).to_numpy() if classifies else None
    training, test = _rows(len(known), options.seed, keys)
    encoder = TableEncoder.fit(known.iloc[training], target, "classification" if classifies else "regression")
    messages = _said(encoder, len(frame) - len(known))
    _, names = numpy.unique(keys[training], return_inverse=True) if keys is not None else (None, None)
    inner, stop = _rows(len(training), options.seed, names)
    x, y = encoder.transform(known.iloc[training]), encoder.transform_target(known.iloc[training])
    x_test, y_test = encoder.transform(known.iloc[test]), encoder.transform_target(known.iloc[test])
    outputs = len(encoder.classes) if classifies else 1
    width = int(numpy.clip(2 * x.shape[1], 16, 128))
    task = Task(
        {"kind": "mlp", "sizes": [x.shape[1], width, width, outputs], "activation": "relu", "dropout": 0.1},
        "cross_entropy" if classifies else "mse",
        ["accuracy"] if classifies else ["r2"],
        weight_decay=0.05,
    )
    with Stopwatch() as watch:
        trainer = fit(task, options, x[inner], y[inner], (x[stop], y[stop]), [EarlyStopping(patience=25)])
    figures = _figures(encoder, trainer, x_test, y_test)
    config = {"model": task.model, "encoder": encoder.to_dict(), "messages": messages}
    result = run.finish(trainer, figures, watch.seconds, config)
    _draw(run, encoder, trainer, x_test, y_test)
    for message in messages:
        print(f"  {message}")
    return result | {"task": encoder.task, "rows": len(known), "features": x.shape[1]}


def _rows(count: int, seed: int, stratify: Any) -> tuple[Array, Array]:
    """Return the row numbers of the larger part and of the fifth that is held out."""
    rows = numpy.arange(count)
    try:
        larger, _, fifth, _ = split(rows, rows, 0.2, seed, stratify)
    except ValueError:
        if stratify is None:
            raise
        larger, _, fifth, _ = split(rows, rows, 0.2, seed)  # too many classes with a single row
    return larger, fifth


def _said(encoder: TableEncoder, unknown: int) -> list[str]:
    target = encoder.target.name
    messages = [f"{unknown} rows have no {target!r} and are left out"] if unknown else []
    kind = f"classification into {len(encoder.classes)} classes" if encoder.classes else "regression"
    return [*messages, f"{target!r}: {kind}", *encoder.messages]


def _figures(encoder: TableEncoder, trainer: Trainer, x: Array, y: Array) -> dict[str, float]:
    outputs = trainer.predict(x)
    if encoder.classes:
        predicted = outputs.argmax(1)
        common = float(numpy.bincount(y).max() / len(y))
        return {
            "test_accuracy": accuracy(predicted, y),
            "test_f1": float(f1(predicted, y)),
            "test_commonest_class": common,
        }
    predicted, actual = encoder.inverse_target(outputs), encoder.inverse_target(y)
    return {"test_r2": r2(predicted, actual), "test_rmse": rmse(predicted, actual), "test_mae": mae(predicted, actual)}


def _draw(run: Run, encoder: TableEncoder, trainer: Trainer, x: Array, y: Array) -> None:
    if trainer.history.epochs:
        run.draw_history(trainer.history)
    outputs = trainer.predict(x)
    if encoder.classes:
        names, count = [str(c) for c in encoder.classes], len(encoder.classes)
        plots.confusion(confusion_matrix(outputs.argmax(1), y, count), names, run.folder / "confusion.png")
    else:
        plots.scatter(
            encoder.inverse_target(outputs), encoder.inverse_target(y), run.folder / "scatter.png", encoder.target.name
        )


def predict(run: SavedRun, files: Sequence[str]) -> list[dict[str, Any]]:
    """Return, for every row of the files, the class and its probability, or the quantity."""
    encoder = TableEncoder.from_dict(run.config["encoder"])

    def answer(outputs: Array) -> list[dict[str, Any]]:
        if encoder.classes:
            return class_rows(outputs, encoder.classes)
        return [{encoder.target.name: float(json.dumps(float(v)))} for v in encoder.inverse_target(outputs)]

    return predict_rows(run, files, answer)
