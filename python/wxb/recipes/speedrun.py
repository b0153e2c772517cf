"""What the recipes with convolutional networks share: a speed run, much learned in few epochs.

The recipe is airbench94's (Jordan 2024, arXiv:2404.00498): network, initial weights, schedule and numbers.
"""

from __future__ import annotations

from typing import Any

import numpy

from .. import models, ops, optim
from ..data import ArrayDataset, Loader
from ..data.loader import Transform
from ..nn import Module
from ..tensor import Tensor
from ..train import Callback, Lookahead, LRSchedule, Trainer
from .pictures import draw_results
from .run import Options, Run, Stopwatch
from .unseen import of_classes

Array = numpy.ndarray[Any, Any]


class SpeedRun:
    """How a speednet is trained for ``steps`` updates in all: its loss, optimizer, and what happens between updates."""

    smoothing = 0.2
    weight_decay = 0.0153
    momentum = 0.85
    faster = 64.0  # how much faster than the others biases learn

    def __init__(self, options: Options, steps: int) -> None:
        assert options.lr is not None and options.batch_size is not None
        # A gradient moves the weights by lr / (1 - momentum) in all, and Nesterov's way by lr more: the paper's lr and
        # weight_decay are for these moves together, and for the sum of the losses of 1024 pictures.
        share = options.batch_size / (1024 * (1 + 1 / (1 - self.momentum)))
        self.steps, self.lr, self.decay = steps, options.lr * share, self.weight_decay * share

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the cross-entropy of logits (N, classes) and labels (N,)."""
        return ops.cross_entropy(logits, labels, label_smoothing=self.smoothing)

    def optimizer(self, network: Module) -> optim.SGD:
        """Return the optimizer of the parameters that learn."""
        learning = [p for p in network.parameters() if p.requires_grad]
        weights, biases = ([p for p in learning if (p.ndim == 1) is small] for small in (False, True))
        fast: dict[str, Any] = {"params": biases, "lr_scale": self.faster, "weight_decay_scale": 1 / self.faster}
        decay = self.decay / self.lr if self.lr else 0.0
        return optim.SGD([{"params": weights}, fast], self.lr, self.momentum, decay, nesterov=True)

    def schedule(self, optimizer: optim.SGD) -> optim.Schedule:
        """Return the schedule of the learning rate."""
        return optim.OneCycleSchedule(optimizer, self.lr, self.steps, 0.23, 5.0, 0.2 / 0.07, anneal="linear")

    def callbacks(self, optimizer: optim.SGD) -> list[Callback]:
        """Return what the Trainer is to call."""
        if not self.steps:
            return []
        lookahead = Lookahead(5, lambda done: 1 - 0.95**5 * min(1.0, done / self.steps) ** 3)
        return [LRSchedule(self.schedule(optimizer)), lookahead]


def train_speednet(
    recipe: str,
    options: Options,
    data: tuple[Array, Array, Array, Array],
    classes: list[str],
    model: dict[str, Any],
    transform: Transform,
    mirrored: bool,
    ink: float | None = None,
) -> dict[str, Any]:
    """Train a speednet on pictures (N, H, W, C) uint8; write the run and return its result.

    mirrored: the network is asked about the test pictures and their mirror images, and the mean of the answers counts.
    """
    run = Run(recipe, options)
    x_train, y_train, x_test, y_test = data
    with Stopwatch() as watch:
        trainer = fit_speednet(model, options, (x_train, y_train), transform, (x_test, y_test))
    logits = _answers(trainer, x_test, mirrored)
    figures = {f"test_{name}": value for name, value in of_classes(logits, y_test).items()}
    config = {"model": model, "input": {"shape": list(x_train.shape[1:]), "ink": ink}, "classes": classes}
    result = run.finish(trainer, figures, watch.seconds, config)
    draw_results(run, trainer.history, x_test, logits, y_test, classes)
    return result


def fit_speednet(
    model: dict[str, Any],
    options: Options,
    training: tuple[Array, Array],
    transform: Transform,
    test: tuple[Array, Array] | None = None,
) -> Trainer:
    """Train a speednet on pictures (N, H, W, C) uint8 and their labels; return its Trainer."""
    assert options.epochs is not None and options.batch_size is not None
    network = models.build(model)
    network[0].fit(training[0][:5000])  # type: ignore[index]
    loader = Loader(ArrayDataset(*training), options.batch_size, True, seed=options.seed, transform=transform)
    speed = SpeedRun(options, options.epochs * len(loader))
    optimizer = speed.optimizer(network)
    trainer = Trainer(network, speed.loss, optimizer, ["accuracy"], precision=options.precision)
    trainer.fit(loader, epochs=options.epochs, validation=test, callbacks=speed.callbacks(optimizer))
    return trainer


def _answers(trainer: Trainer, images: Array, mirrored: bool) -> Array:
    answers = trainer.predict(images)
    if mirrored:
        answers = (answers + trainer.predict(numpy.ascontiguousarray(images[:, :, ::-1]))) / 2
    return answers
