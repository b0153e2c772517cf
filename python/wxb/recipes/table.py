"""csv: learn one column of your own table from the others."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy

from .. import plots
from ..data import TableEncoder, find_task, labelled, read_table
from ..train import CrossValidation, EarlyStopping, bootstrap
from ..train.metrics import METRICS, f1, mae, r2, rmse
from .run import Options, Run, SavedRun, Stopwatch
from .tabular import Task, class_rows, fit, predict_rows
from .unseen import Learnt, ask, draw_classes, fifth, named, of_classes, parts, spread

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["predict", "train"]

Array = numpy.ndarray[Any, Any]


@dataclass
class _Learnt(Learnt):
    """A network and the encoder, fitted to its training rows, of what goes in and comes out."""

    encoder: TableEncoder
    model: dict[str, Any]


def train(options: Options) -> dict[str, Any]:
    """Split the rows 64 : 16 : 20: train on the first part, stop early by the second, report on the third.

    With ``--folds K`` every row is once in the third part; the network that is kept is trained on 80 : 20 of all rows.
    """
    if options.file is None:
        raise ValueError("csv: no file is given; wxb train csv FILE --target COLUMN")
    frame = read_table(options.file)
    if options.target is None:
        raise ValueError(f"csv: no target is given; pass --target with one of {', '.join(map(repr, frame.columns))}")
    target = options.target
    options = options.chosen(epochs=200, lr=5e-3, batch_size=32, folds=None)
    known = labelled(frame, target)
    kind = find_task(known[target])
    keys = known[target].astype(str).to_numpy() if kind == "classification" else None
    folds = parts(options, len(known), keys)
    run = Run("csv", options)
    with Stopwatch() as watch:
        learnt, unseen = ask(lambda training, _: _learn(options, known, kind, keys, training), folds, len(known))
    encoder, trainer = learnt.encoder, learnt.trainer
    y = encoder.transform_target(known.iloc[unseen.rows])
    messages = _said(encoder, len(frame) - len(known))
    config = {"model": learnt.model, "encoder": encoder.to_dict(), "messages": messages}
    figures = named(folds, **_figures(encoder, unseen, y))
    result = run.finish(trainer, figures, watch.seconds, config, unseen.history)
    run.draw_history(unseen.history)
    if encoder.classes:
        draw_classes(run, unseen.outputs, y, [str(c) for c in encoder.classes])
    else:
        plots.scatter(unseen.outputs, encoder.inverse_target(y), run.folder / "scatter.png", encoder.target.name)
    for message in messages:
        print(f"  {message}")
    return result | {"task": encoder.task, "rows": len(known), "features": len(encoder.features)}


def _learn(options: Options, known: pd.DataFrame, kind: str, keys: Array | None, training: Array) -> _Learnt:
    """Fit an encoder and a network to training rows, a fifth of which says when to stop."""
    assert options.target is not None
    rows = known.iloc[training]
    encoder = TableEncoder.fit(rows, options.target, kind)
    x, y = encoder.transform(rows), encoder.transform_target(rows)
    inner, stop = fifth(len(training), options.seed, None if keys is None else keys[training])
    width = int(numpy.clip(2 * x.shape[1], 16, 128))
    sizes = [x.shape[1], width, width, len(encoder.classes) or 1]
    task = Task(
        {"kind": "mlp", "sizes": sizes, "activation": "relu", "dropout": 0.1},
        "cross_entropy" if encoder.classes else "mse",
        ["accuracy"] if encoder.classes else ["r2"],
        weight_decay=0.05,
    )
    trainer = fit(task, options, x[inner], y[inner], (x[stop], y[stop]), [EarlyStopping(patience=25)])

    def outputs(rows: Array) -> Array:
        given = trainer.predict(encoder.transform(known.iloc[rows]))
        return given if encoder.classes else encoder.inverse_target(given)

    return _Learnt(trainer, outputs, encoder, task.model)


def _said(encoder: TableEncoder, unknown: int) -> list[str]:
    target = encoder.target.name
    messages = [f"{unknown} rows have no {target!r} and are left out"] if unknown else []
    kind = f"classification into {len(encoder.classes)} classes" if encoder.classes else "regression"
    return [*messages, f"{target!r}: {kind}", *encoder.messages]


def _figures(encoder: TableEncoder, unseen: CrossValidation, y: Array) -> dict[str, Any]:
    outputs = unseen.outputs
    if encoder.classes:
        figures = of_classes(outputs, y) | spread(unseen, "accuracy", METRICS["accuracy"], y)
        common = float(numpy.bincount(y).max() / len(y))
        return figures | {"f1": bootstrap(_f1, outputs.argmax(1), y), "commonest_class": common}
    actual = encoder.inverse_target(y)
    figures = {metric.__name__: bootstrap(metric, outputs, actual) for metric in (r2, rmse, mae)}
    return figures | spread(unseen, "rmse", rmse, actual)


def _f1(predicted: Array, actual: Array) -> float:
    return float(f1(predicted, actual))


def predict(run: SavedRun, files: Sequence[str]) -> list[dict[str, Any]]:
    """Return, for every row of the files, the class and its probability, or the quantity."""
    encoder = TableEncoder.from_dict(run.config["encoder"])

    def answer(outputs: Array) -> list[dict[str, Any]]:
        if encoder.classes:
            return class_rows(outputs, encoder.classes)
        return [{encoder.target.name: float(json.dumps(float(v)))} for v in encoder.inverse_target(outputs)]

    return predict_rows(run, files, answer)
