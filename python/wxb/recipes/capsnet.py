"""capsnet: handwritten digits by capsules routed by agreement (Sabour, Frosst, Hinton 2017, arXiv:1710.09829)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from .. import models, nn, ops, optim, plots
from ..autograd import no_grad
from ..data import ArrayDataset, Draws, Loader, RandomAffine, RandomShift, mnist
from ..data.dataset import Arrays
from ..models import CapsNet
from ..nn.module import evaluating
from ..tensor import tensor
from ..train import Callback, Estimate, LRSchedule, Trainer
from ..train.metrics import confusion_matrix
from .pictures import read_picture
from .run import Options, Run, SavedRun, Stopwatch
from .unseen import share

__all__ = ["predict", "train"]

Array = numpy.ndarray[Any, Any]

CLASSES, INK = 10, 255.0
SMALL: dict[str, Any] = {"kind": "capsnet", "width": 64, "capsules": 8}
FULL: dict[str, Any] = {"kind": "capsnet"}
# Of test digits as no training digit was: moved by up to 6 pixels, and turned, scaled and moved as affNIST's are.
CHANGES = {
    "shifted": RandomShift(6),
    "affine": RandomAffine(degrees=20, zoom=0.2, shift=0.15),
}


def train(options: Options) -> dict[str, Any]:
    """Train on the 60,000 training digits, shifted by up to 2 pixels, and test on the 10,000 others.

    Then on these shifted and distorted, beside a convolutional network of as many parameters trained alike.
    """
    options = options.chosen(epochs=12, lr=2e-3, batch_size=128)
    run = Run("capsnet", options)
    x_train, y_train, x_test, y_test = mnist(options.data)
    x_train, x_test = x_train[..., None], x_test[..., None]
    model = FULL if options.full else SMALL
    network = models.build(model)
    assert isinstance(network, CapsNet)
    with Stopwatch() as watch:
        trainer = _fit(
            network, network.loss, options, (x_train, y_train), WithPicture(RandomShift(2)), (x_test, y_test)
        )
    lengths = numpy.linalg.norm(trainer.predict(x_test), axis=2)
    rival = _rival(options, (x_train, y_train), _count(network) - _count(network.decoder), (x_test, y_test))
    figures = {"test_accuracy": _right(lengths, y_test), "cnn_test_accuracy": _right(rival.predict(x_test), y_test)}
    for name, change in CHANGES.items():
        (changed,) = change((x_test,), Draws(numpy.arange(len(x_test)), 0, options.seed))
        figures[f"{name}_accuracy"] = _right(numpy.linalg.norm(trainer.predict(changed), axis=2), y_test)
        figures[f"cnn_{name}_accuracy"] = _right(rival.predict(changed), y_test)
    config = {"model": model, "input": {"shape": list(x_train.shape[1:]), "ink": INK}, "classes": list("0123456789")}
    result = run.finish(trainer, figures, watch.seconds, config)
    _draw(run, trainer, network, x_test, lengths, y_test)
    return result


def predict(run: SavedRun, files: Sequence[str]) -> list[dict[str, Any]]:
    """Return, for every picture file, the class of the longest capsule and its length."""
    shape, ink = run.config["input"]["shape"], run.config["input"]["ink"]
    rows = [numpy.linalg.norm(run.model(tensor(read_picture(f, shape, ink)[None])).numpy(), axis=2)[0] for f in files]
    return [
        {"file": str(file), "class": run.config["classes"][length.argmax()], "length": round(float(length.max()), 4)}
        for file, length in zip(files, rows)
    ]


class WithPicture:
    """Change the pictures, then make targets of labels and pictures: both are to be told from the capsules."""

    def __init__(self, change: Any) -> None:
        self.change = change

    def __call__(self, batch: Arrays, draws: Draws) -> Arrays:
        """Return (x, targets) for (x, labels)."""
        x, labels = self.change(batch, draws)
        return x, targets(x, labels)


def targets(x: Array, labels: Array) -> Array:
    """Return (N, CLASSES + H W C) float32: 1 at the class, then the picture from 0 to 1."""
    there = numpy.eye(CLASSES, dtype=numpy.float32)[labels]
    return numpy.concatenate([there, x.reshape(len(x), -1) / numpy.float32(INK)], 1)


class _TestAccuracy(Callback):
    """Prints what share of the test pictures is right after each epoch, and notes it in the history."""

    def __init__(self, x: Array, y: Array) -> None:
        self.x, self.y = x, y

    def on_epoch_end(self, trainer: Trainer, figures: dict[str, float]) -> None:
        outputs = trainer.predict(self.x)
        scores = numpy.linalg.norm(outputs, axis=2) if outputs.ndim == 3 else outputs
        accuracy = _right(scores, self.y).value
        trainer.history.note(val_accuracy=accuracy)
        print(f"  epoch {trainer.epoch}: loss {figures['loss']:.4f}, test accuracy {accuracy:.4f}", flush=True)


def _fit(
    network: nn.Module,
    loss: Any,
    options: Options,
    training: tuple[Array, Array],
    change: Any,
    test: tuple[Array, Array],
) -> Trainer:
    assert options.epochs is not None and options.lr is not None and options.batch_size is not None
    optimizer = optim.Adam(network.parameters(), options.lr)
    loader = Loader(ArrayDataset(*training), options.batch_size, True, seed=options.seed, transform=change)
    steps = options.epochs * len(loader)
    callbacks: list[Callback] = [_TestAccuracy(*test)]
    if steps:
        callbacks.append(LRSchedule(optim.OneCycleSchedule(optimizer, options.lr, steps)))
    trainer = Trainer(network, loss, optimizer, precision=options.precision)
    trainer.fit(loader, epochs=options.epochs, callbacks=callbacks)
    return trainer


def _rival(options: Options, training: tuple[Array, Array], parameters: int, test: tuple[Array, Array]) -> Trainer:
    """Train a convolutional network of about so many parameters, and products, on the same digits."""
    network = _baseline(max(1, round((parameters / 178) ** 0.5)))
    return _fit(network, ops.cross_entropy, options, training, RandomShift(2), test)


def _baseline(width: int) -> nn.Sequential:
    """LeNet's kind of network; it has some 178 width² parameters."""
    scale = nn.Standardize(1)
    scale.scale[...] = 1 / INK
    return nn.Sequential(
        scale,
        nn.Conv2d(1, width, 5, activation="relu"),
        nn.MaxPool2d(2),
        nn.Conv2d(width, 2 * width, 5, activation="relu"),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * width, 4 * width, "relu"),
        nn.Dropout(0.5),
        nn.Linear(4 * width, CLASSES),
    )


def _count(network: nn.Module) -> int:
    return sum(p.size for p in network.parameters())


def _right(scores: Array, labels: Array) -> Estimate:
    return share(scores.argmax(1) == labels)


def _draw(run: Run, trainer: Trainer, network: CapsNet, x: Array, lengths: Array, y: Array) -> None:
    """Draw curves, confusion, mistakes, reconstructions, and what every dimension of a digit's capsule does."""
    if trainer.history.epochs:
        run.draw_history(trainer.history)
    called = lengths.argmax(1)
    names = [str(i) for i in range(CLASSES)]
    plots.confusion(confusion_matrix(called, y, CLASSES), names, run.folder / "confusion.png")
    plots.mistakes(x, called, y, run.folder / "mistakes.png", names, losses=lengths.max(1))
    shown = [int(numpy.flatnonzero(y == k)[0]) for k in range(CLASSES) if (y == k).any()]
    decoded = decode(network, trainer.predict(x[shown]), y[shown])
    before = x[shown] / INK
    plots.strips({"digit": before, "decoded": decoded}, run.folder / "reconstructions.png")
    for digit in shown[:5]:
        capsules = trainer.predict(x[digit : digit + 1])
        plots.strips(dimensions(network, capsules[0], int(y[digit])), run.folder / f"dimensions_{y[digit]}.png")


def decode(network: CapsNet, capsules: Array, labels: Array) -> Array:
    """Return the pictures (N, H, W, C) from 0 to 1 that capsules (N, CLASSES, size) of these classes stand for."""
    there = numpy.eye(CLASSES, dtype=numpy.float32)[labels]
    with evaluating(network), no_grad():
        return network.reconstruct(tensor(capsules), tensor(there)).numpy().reshape(-1, 28, 28, 1)


def dimensions(network: CapsNet, capsules: Array, label: int) -> dict[str, Array]:
    """Return, for each dimension of a class's capsule, 11 pictures as it is changed by -0.25 to 0.25 (figure 4)."""
    steps = numpy.linspace(-0.25, 0.25, 11, dtype=numpy.float32)
    rows = {}
    for d in range(capsules.shape[1]):
        changed = numpy.repeat(capsules[None], len(steps), 0)
        changed[:, label, d] += steps
        rows[f"dimension {d + 1}"] = decode(network, changed, numpy.full(len(steps), label))
    return rows
