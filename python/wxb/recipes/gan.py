"""gan: pictures of a kind that nobody took, by two networks that learn from each other (arXiv:1511.06434)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy

from .. import data, models, optim, plots
from ..data import (
    CIFAR10_CLASSES,
    FASHION_MNIST_CLASSES,
    AlternatingFlip,
    ArrayDataset,
    Compose,
    Loader,
    RandomShift,
)
from ..data.loader import Transform
from ..device import seed as set_seed
from ..train import AdversarialTrainer, Callback, CollapseWatch, Trainer, nearest_neighbours
from . import cifar10
from .judge import Judge, Quality
from .run import Options, Run, SavedRun, Stopwatch

__all__ = ["predict", "sample", "train"]

Array = numpy.ndarray[Any, Any]

CODE, DECAY = 64, 0.998
COLUMNS, ROWS = 10, 8  # of the pictures of samples
PER_EPOCH = 2_000  # pictures measured after each epoch


@dataclass(frozen=True)
class _Subject:
    """A data set: how it is read, its classes, the widths of the networks, and the training of its judge."""

    read: Callable[[Any], Any]
    classes: Sequence[str]
    generator: tuple[int, ...]
    discriminator: tuple[int, ...]
    judge: tuple[int, ...]
    epochs: int  # of the judge
    change: Transform


SUBJECTS = {
    "mnist": _Subject(
        lambda root: data.mnist(root), "0123456789", (128, 64), (32, 64), (16, 32, 64), 1, RandomShift(2)
    ),
    "fashion-mnist": _Subject(
        lambda root: data.fashion_mnist(root),
        FASHION_MNIST_CLASSES,
        (128, 64),
        (32, 64),
        (16, 64, 64),
        2,
        Compose(AlternatingFlip(), RandomShift(1)),
    ),
    "cifar10": _Subject(
        lambda root: data.cifar10(root),
        CIFAR10_CLASSES,
        (256, 128, 64),
        (32, 64, 128),
        (32, 64, 128),
        4,
        cifar10.TRANSFORM,
    ),
}


def train(options: Options) -> dict[str, Any]:
    """Train a generator on pictures of ``file``, mnist unless given, fashion-mnist or cifar10, and measure its own.

    It is told which class to draw, and the discriminator has the hinge loss and spectral normalisation. Without:
    ``--no-conditional``, and ``--no-hinge`` for the non-saturating loss and batch normalisation of the first DCGAN. The
    Fréchet distance is that of the features of a classifier trained here, so it compares with others of this recipe
    alone; beside it stands that of two halves of the real pictures.
    """
    options = options.chosen(epochs=6, lr=2e-4, batch_size=64, file="mnist", conditional=True, hinge=True)
    subject = _subject(options.file)
    run = Run("gan", options)
    (x, y, x_test, _), count = _pictures(subject.read(options.data)), len(subject.classes)
    quality = Quality(_judge(run, subject, x, y), x, x_test, count)
    set_seed(options.seed)  # whether the judge was trained or read
    codes = Codes(count if options.conditional else 0)
    trainer = _trainer(options, subject, x.shape[1:], codes.classes)
    progress, watch = _Progress(run, quality, codes), CollapseWatch(say=lambda line: print(f"  {line}", flush=True))
    assert options.batch_size is not None and options.epochs is not None
    with Stopwatch() as timer:
        loader = Loader(ArrayDataset(x, y), options.batch_size, True, drop_last=True, seed=options.seed)
        trainer.fit(loader, epochs=options.epochs, callbacks=[progress, watch])
    drawn, asked = codes.draw(quality.count, options.seed)
    fake = as_pixels(trainer.predict(drawn))
    figures = quality.figures(fake, asked)
    config = {
        "model": _generator(subject, x.shape[1:], codes.classes),
        "input": {"shape": [CODE + codes.classes]},
        "classes": list(subject.classes) if codes.classes else [],
        "said": watch.said,
    }
    result = run.finish(trainer, figures, timer.seconds, config)
    _draw(run, trainer, x, fake, codes)
    return result | ({"said": "; ".join(watch.said)} if watch.said else {})


def predict(run: SavedRun, files: Sequence[str]) -> list[dict[str, Any]]:
    """Raise: a generator says nothing of files."""
    raise ValueError(f"gan: a generator says nothing of files; ask it for pictures with wxb sample {run.folder}")


def sample(
    run: SavedRun, path: str | os.PathLike[str], count: int = 100, label: str | None = None, seed: int = 0
) -> None:
    """Write a picture of ``count`` generated ones: all of the class ``label``, else the classes in turn, each in
    columns of its own; of no class where the generator was trained without.
    """
    names: list[str] = run.config["classes"]
    if count < 1:
        raise ValueError(f"sample: count is {count}, it must be at least 1")
    if label is not None and label not in names:
        known = f"one of {', '.join(names)}" if names else "left out: this generator was trained with --no-conditional"
        raise ValueError(f"sample: class is {label!r}, it must be {known}")
    codes, _ = Codes(len(names)).draw(count, seed, None if label is None else names.index(label))
    in_turn = max(1, len(names)) if label is None else 1
    columns = in_turn * max(1, round(count**0.5 / in_turn))  # near a square
    plots.tiles(in_unit(Trainer(run.model).predict(codes)), path, columns)


class Codes:
    """What goes into a generator: normal numbers and, with classes, the label as a one-hot vector."""

    def __init__(self, classes: int) -> None:
        self.classes = classes

    def draw(self, count: int, seed: int, label: int | None = None) -> tuple[Array, Array | None]:
        """Return ``count`` codes and their labels: the one given, else each in turn; None without classes."""
        normal = numpy.random.default_rng(seed).standard_normal((count, CODE), numpy.float32)
        return self.labelled(normal, numpy.arange(count) % max(1, self.classes) if label is None else label)

    def labelled(self, normal: Array, labels: Any) -> tuple[Array, Array | None]:
        """Return normal numbers (N, CODE) with labels (N,), or one for all, behind them."""
        if not self.classes:
            return normal, None
        all_of_them = numpy.broadcast_to(numpy.asarray(labels), len(normal))
        return numpy.concatenate([normal, numpy.eye(self.classes, dtype=numpy.float32)[all_of_them]], 1), all_of_them

    def walk(self, rows: int, steps: int, seed: int) -> Array:
        """Return (rows steps, ...) codes: each row goes from one to another, along the sphere that both lie near."""
        begin, end = numpy.random.default_rng(seed).standard_normal((2, rows, 1, CODE), numpy.float32)
        along = numpy.linspace(0, numpy.pi / 2, steps, dtype=numpy.float32)[:, None]
        way = numpy.cos(along) * begin + numpy.sin(along) * end
        return self.labelled(way.reshape(-1, CODE), numpy.arange(rows).repeat(steps) % max(1, self.classes))[0]


class _Progress(Callback):
    """After every epoch: the same codes as pictures, their distance from real ones, and a line; then an animation."""

    def __init__(self, run: Run, quality: Quality, codes: Codes) -> None:
        self.run, self.quality = run, quality
        self.shown = codes.draw(COLUMNS * ROWS, run.options.seed + 1)[0]
        self.measured = codes.draw(min(PER_EPOCH, quality.count), run.options.seed + 2)[0]
        self.frames: list[Array] = []

    def on_epoch_end(self, trainer: Trainer, figures: dict[str, float]) -> None:
        self.frames.append(in_unit(trainer.predict(self.shown)))
        plots.tiles(self.frames[-1], self.run.folder / "samples.png", COLUMNS)
        distance = self.quality.frechet(as_pixels(trainer.predict(self.measured)))
        trainer.history.note(frechet=distance)
        print(
            f"  epoch {trainer.epoch}: discriminator {figures['d_loss']:.3f}, generator {figures['g_loss']:.3f}, "
            f"Fréchet distance {distance:.3f} (real {self.quality.floor:.3f}), {figures['seconds']:.0f} s",
            flush=True,
        )

    def on_fit_end(self, trainer: Trainer) -> None:
        if self.frames:
            plots.animation(self.frames, self.run.folder / "epochs.gif", COLUMNS)


def as_pixels(pictures: Array) -> Array:
    """Return pictures of -1 to 1 as uint8."""
    return numpy.rint((pictures + 1) * 127.5).astype(numpy.uint8)


def in_unit(pictures: Array) -> Array:
    """Return pictures of -1 to 1 as numbers from 0 to 1."""
    unit: Array = (pictures + 1) / 2
    return unit


def _subject(name: str | None) -> _Subject:
    if name not in SUBJECTS:
        raise ValueError(f"gan: the data set is {name!r}, it must be one of {', '.join(SUBJECTS)}")
    return SUBJECTS[name]


def _pictures(arrays: Sequence[Array]) -> tuple[Array, Array, Array, Array]:
    x, y, x_test, y_test = (a[..., None] if a.ndim == 3 else a for a in arrays)
    return x, y, x_test, y_test


def _judge(run: Run, subject: _Subject, x: Array, y: Array) -> Judge:
    model = {"kind": "speednet", "channels": x.shape[3], "widths": list(subject.judge)}
    options = Options(epochs=subject.epochs, lr=11.5, batch_size=256, seed=run.options.seed)
    about = {"data": run.options.file, "model": model, "epochs": options.epochs, "seed": options.seed}
    return Judge(run.folder, about, (x, y), options, subject.change)


def _generator(subject: _Subject, shape: Sequence[int], classes: int) -> dict[str, Any]:
    widths, sizes = list(subject.generator), list(shape)
    return {"kind": "dcgan_generator", "shape": sizes, "code": CODE, "widths": widths, "classes": classes}


def _trainer(options: Options, subject: _Subject, shape: Sequence[int], classes: int) -> AdversarialTrainer:
    assert options.lr is not None
    description, bounded = _generator(subject, shape, classes), bool(options.hinge)
    generator, average = models.build(description), models.build(description)
    discriminator = models.dcgan_discriminator(shape, subject.discriminator, classes, bounded)
    first, second = (optim.Adam(net.parameters(), options.lr, (0.5, 0.999)) for net in (generator, discriminator))
    loss = "hinge" if bounded else "non_saturating"
    return AdversarialTrainer(
        generator, discriminator, CODE, classes, loss, (first, second), average, DECAY, precision=options.precision
    )


def _draw(run: Run, trainer: Trainer, x: Array, fake: Array, codes: Codes) -> None:
    """Draw the curves, walks from code to code, and pictures beside their nearest neighbours in the training set."""
    if trainer.history.epochs:
        run.draw_history(trainer.history)
    walk = trainer.predict(codes.walk(ROWS, COLUMNS, run.options.seed))
    plots.tiles(in_unit(walk), run.folder / "walk.png", COLUMNS)
    shown = fake[:COLUMNS]
    nearest = x[nearest_neighbours(shown, x)[1]]
    plots.strips({"generated": shown / 255, "nearest": nearest / 255}, run.folder / "nearest.png")
