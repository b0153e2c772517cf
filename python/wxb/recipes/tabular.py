"""What the recipes on tables of numbers share: fitting one network, predicting rows of a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from .. import models, ops, optim
from ..data import TableEncoder, read_table
from ..tensor import tensor
from ..train import Callback, LRSchedule, Trainer
from .run import Options, SavedRun
from .unseen import Learnt

Array = numpy.ndarray[Any, Any]


@dataclass(frozen=True)
class Task:
    """What is learnt: the model's description, its loss and metrics, the decay of its weights."""

    model: dict[str, Any]
    loss: str
    metrics: Sequence[str]
    weight_decay: float


def fit(
    task: Task,
    options: Options,
    x: Array,
    y: Array,
    validation: tuple[Array, Array] | None = None,
    callbacks: Sequence[Callback] = (),
) -> Trainer:
    """Train a new network on x (N, F), y, with a learning rate that rises and falls once; return its Trainer."""
    assert options.epochs is not None and options.lr is not None and options.batch_size is not None
    network = models.build(task.model)
    network[0].fit(x)  # type: ignore[index]
    optimizer = optim.AdamW(network.parameters(), options.lr, weight_decay=task.weight_decay)
    trainer = Trainer(network, task.loss, optimizer, task.metrics, precision=options.precision)
    steps = options.epochs * -(-len(x) // options.batch_size)
    schedule = [LRSchedule(optim.OneCycleSchedule(optimizer, options.lr, steps))] if steps else []
    trainer.fit(x, y, options.epochs, options.batch_size, validation, [*schedule, *callbacks], seed=options.seed)
    return trainer


def learner(task: Task, options: Options, x: Array, y: Array) -> Callable[[Array, Array | None], Learnt]:
    """Return what trains a new network on some rows of x, y and measures those held out after every epoch."""

    def learn(training: Array, held_out: Array | None) -> Learnt:
        validation = None if held_out is None else (x[held_out], y[held_out])
        trainer = fit(task, options, x[training], y[training], validation)
        return Learnt(trainer, lambda rows: trainer.predict(x[rows]))

    return learn


def predict_rows(
    run: SavedRun, files: Sequence[str], answer: Callable[[Array], list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """Return ``answer(outputs)`` for the rows of CSV or XLSX files that have the columns the run was trained on."""
    encoder = TableEncoder.from_dict(run.config["encoder"]) if "encoder" in run.config else None
    rows: list[dict[str, Any]] = []
    for file in files:
        frame = read_table(file)
        if encoder is not None:
            x = encoder.transform(frame)
        else:
            names = run.config["features"]
            missing = [name for name in names if name not in frame.columns]
            if missing:
                raise ValueError(f"predict: {file} lacks the columns {', '.join(missing)}")
            x = frame[names].to_numpy(numpy.float32)
        answers = answer(run.model(tensor(x)).numpy())
        rows += [{"file": str(file), "row": i + 1, **row} for i, row in enumerate(answers)]
    return rows


def class_rows(outputs: Array, classes: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the class and its probability for logits (N, C)."""
    p = ops.softmax(tensor(outputs)).numpy()
    return [{"class": classes[k], "probability": round(float(row[k]), 4)} for k, row in zip(p.argmax(1), p)]
