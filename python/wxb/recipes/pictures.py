"""What the recipes that recognise pictures share: training a perceptron, drawing, and reading a picture from a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from .. import models, ops, optim, plots
from ..data import ArrayDataset, Loader, read_image
from ..data.loader import Transform
from ..nn import Module
from ..tensor import Tensor, tensor
from ..train import Estimate, History, LRSchedule, Trainer
from ..train.metrics import METRICS
from .run import Options, Run, SavedRun, Stopwatch
from .unseen import Folds, Learnt, ask, draw_classes, named, of_classes, spread

Array = numpy.ndarray[Any, Any]


def train_pictures(
    recipe: str,
    options: Options,
    data: tuple[Array, Array],
    folds: Folds,
    model: dict[str, Any],
    ink: float,
    transform: Transform | None = None,
) -> dict[str, Any]:
    """Train a classifier of pictures (N, H, W) with ink from 0 to ``ink``; write the run and return its result."""
    run = Run(recipe, options)
    x, y = data

    def flat(rows: Array) -> Array:
        return x[rows].reshape(len(rows), -1).astype(numpy.float32)

    def learn(training: Array, held_out: Array | None) -> Learnt:
        network, inputs = models.build(model), flat(training)
        network[0].fit(inputs, per_feature=False)  # type: ignore[index]
        test = None if held_out is None else (flat(held_out), y[held_out])
        trainer = fit(network, options, (inputs, y[training]), test, 1e-2, transform)
        return Learnt(trainer, lambda rows: trainer.predict(flat(rows)))

    with Stopwatch() as watch:
        learnt, unseen = ask(learn, folds, len(x))
    classes = [str(i) for i in range(10)]
    config = {"model": model, "input": {"shape": list(x.shape[1:]), "ink": ink}, "classes": classes}
    figures = picture_figures(unseen.outputs, y[unseen.rows]) | spread(unseen, "accuracy", METRICS["accuracy"], y)
    result = run.finish(learnt.trainer, named(folds, **figures), watch.seconds, config, unseen.history)
    draw_results(run, unseen.history, x[unseen.rows], unseen.outputs, y[unseen.rows], classes)
    weights = next(p for p in learnt.trainer.model.parameters() if p.ndim == 2)
    plots.features(weights.numpy(), x.shape[1:], run.folder / "features.png")
    return result


def picture_figures(logits: Array, labels: Array) -> dict[str, float | Estimate]:
    """Return accuracy, calibration and loss of a classifier that `fit` trained."""
    return of_classes(logits, labels) | {"loss": _loss(tensor(logits), tensor(labels)).item()}


def fit(
    network: Module,
    options: Options,
    training: tuple[Array, Array],
    test: tuple[Array, Array] | None,
    weight_decay: float,
    transform: Transform | None,
    clip_norm: float | None = None,
) -> Trainer:
    """Train a classifier by AdamW, one cycle and smoothed labels; return its Trainer."""
    assert options.epochs is not None and options.lr is not None and options.batch_size is not None
    optimizer = optim.AdamW(network.parameters(), options.lr, weight_decay=weight_decay, clip_norm=clip_norm)
    loader = Loader(ArrayDataset(*training), options.batch_size, True, seed=options.seed, transform=transform)
    steps = options.epochs * len(loader)
    callbacks = [LRSchedule(optim.OneCycleSchedule(optimizer, options.lr, steps))] if steps else []
    trainer = Trainer(network, _loss, optimizer, ["accuracy"], precision=options.precision)
    trainer.fit(loader, epochs=options.epochs, validation=test, callbacks=callbacks)
    return trainer


def _loss(logits: Tensor, labels: Tensor) -> Tensor:
    return ops.cross_entropy(logits, labels, label_smoothing=0.1)


def draw_results(
    run: Run, history: History, images: Array, logits: Array, actual: Array, classes: Sequence[str]
) -> None:
    """Draw curves, confusion matrix, reliability and worst mistakes of ``logits`` for ``images``."""
    predicted, scores = logits.argmax(1), logits - logits.max(1, keepdims=True)
    losses = numpy.log(numpy.exp(scores).sum(1)) - scores[numpy.arange(len(actual)), actual]
    run.draw_history(history)
    draw_classes(run, logits, actual, classes)
    plots.mistakes(images, predicted, actual, run.folder / "mistakes.png", classes, losses=losses)


def predict_pictures(run: SavedRun, files: Sequence[str]) -> list[dict[str, Any]]:
    """Return, for every picture file, the class and the probability the network gives it."""
    shape, ink = run.config["input"]["shape"], run.config["input"]["ink"]
    x = numpy.stack([read_picture(file, shape, ink) for file in files])
    if run.config["model"]["kind"] == "mlp":
        x = x.reshape(len(files), -1)
    return answers(run, files, x)


def answers(run: SavedRun, files: Sequence[str], x: Array) -> list[dict[str, Any]]:
    """Return the class, and its probability, that the network gives each row of x, one of each file."""
    probabilities = numpy.concatenate([ops.softmax(run.model(tensor(row[None]))).numpy() for row in x])
    return [
        {"file": str(file), "class": run.config["classes"][p.argmax()], "probability": round(float(p.max()), 4)}
        for file, p in zip(files, probabilities)
    ]


def read_picture(file: str, shape: Sequence[int], ink: float | None) -> Array:
    """Read an image file, of any size and mode, as (H, W) or (H, W, C) float32 from 0 to 255.

    C is 3, or 1 for grey. With ``ink`` values go from 0 to that, and dark ink on a bright ground is inverted.
    """
    colour = len(shape) == 3 and shape[2] == 3
    x = read_image(file, shape[:2], "stretch", grey=not colour).astype(numpy.float32)
    if ink is not None:
        border = numpy.concatenate([x[0], x[-1], x[:, 0], x[:, -1]])
        x = (255 - x if border.mean() > 127.5 else x) * numpy.float32(ink / 255)
    return x.reshape(shape)
