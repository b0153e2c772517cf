"""complete: handwritten digits (MNIST) of which half is covered, restored by what has seen others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy

from .. import models, nn, ops, optim, plots
from ..autograd import no_grad
from ..data import ArrayDataset, Draws, Loader, RandomShift, mnist
from ..data.dataset import Arrays
from ..models import VAE
from ..nn.module import evaluating
from ..tensor import tensor
from ..train import LRSchedule, Trainer, bootstrap
from .pictures import read_picture
from .run import Options, Run, SavedRun, Stopwatch
from .speedrun import fit_speednet
from .unseen import share

__all__ = ["predict", "train"]

Array = numpy.ndarray[Any, Any]
Result = TypeVar("Result")
Way = Callable[[Array, Array], Array]  # from covered pictures and what is known of them to whole ones

MODEL: dict[str, Any] = {"kind": "masked_autoencoder"}
INK, SIDE = 255.0, 28
MEMORIES = 10_000  # training digits that the Hopfield memory holds
BETAS = (0.25, 0.5, 1.0, 2.0, 4.0)


def train(options: Options) -> dict[str, Any]:
    """Train an autoencoder on digits with a covered side, and compare what restores the 10,000 test digits best.

    ``--cover N``: how many of the 28 rows or columns, 14 unless given, are covered, from a side drawn at random. Beside
    it stand a variational autoencoder, a Hopfield memory and the mean digit: of each the peak signal-to-noise ratio
    over the covered pixels, and the share of the restored digits that a classifier of whole ones gets right.
    """
    options = options.chosen(epochs=8, lr=2e-3, batch_size=128, cover=SIDE // 2)
    cover = check_cover(options.cover)
    run = Run("complete", options)
    x_train, y_train, x_test, y_test = mnist(options.data)
    whole = _ink(x_test)
    with Stopwatch() as watch:
        trainer = _timed("autoencoder", _autoencoder, options, x_train, x_test)
        ways: dict[str, Way] = {"autoencoder": lambda x, known: restore(trainer.model, x, known)}
        ways["vae"] = _timed("vae", _variational, options, x_train)
        ways["hopfield"] = _timed("hopfield", _memory, options, x_train)
        mean = _ink(x_train.mean(0, keepdims=True))
        ways["mean"] = lambda x, known: numpy.where(known > 0, x, mean)
    known = uncovered(Draws(numpy.arange(len(whole)), 0, options.seed), cover)
    covered = whole * known
    restored = {"covered": covered}
    restored |= {name: _timed(f"{name}, restoring", way, covered, known) for name, way in ways.items()}
    classify = _timed("classifier", _classifier, options, x_train, y_train)
    figures = {"whole_accuracy": share(classify(whole) == y_test)}
    for name, x in restored.items():
        figures[f"{name}_psnr"] = bootstrap(_decibels, squared_errors(x, whole, known))
        figures[f"{name}_accuracy"] = share(classify(x) == y_test)
    config = {"model": MODEL, "input": {"shape": [SIDE, SIDE, 2], "ink": INK, "cover": cover}}
    result = run.finish(trainer, figures, watch.seconds, config)
    if trainer.history.epochs:
        run.draw_history(trainer.history)
    rows = {"before": covered[:12], **{name: x[:12] for name, x in restored.items() if name != "covered"}}
    plots.strips({**rows, "truth": whole[:12]}, run.folder / "completed.png")
    return result


def predict(run: SavedRun, files: Sequence[str]) -> list[dict[str, Any]]:
    """Cover the lower part of every picture file, restore it, and return where that was written and how near it is."""
    cover, folder = check_cover(run.config["input"]["cover"]), run.folder / "completed"
    folder.mkdir(exist_ok=True)
    rows = []
    for number, file in enumerate(files):
        whole = _ink(read_picture(file, (SIDE, SIDE, 1), INK)[None])
        known = numpy.ones_like(whole)
        known[:, SIDE - cover :] = 0
        restored = restore(run.model, whole * known, known)
        path = folder / f"{number + 1}_{Path(file).stem}.png"
        plots.strips({"before": whole * known, "restored": restored, "truth": whole}, path)
        rows.append({"file": str(file), "restored": str(path), "psnr": round(psnr(restored, whole, known), 2)})
    return rows


def check_cover(cover: Any) -> int:
    """Return how many rows are covered; ValueError unless some are, and some are not."""
    if not isinstance(cover, int) or not 1 <= cover < SIDE:
        hint = "the covered region is larger than the picture" if isinstance(cover, int) and cover > SIDE else ""
        raise ValueError(
            f"complete: cover is {cover}, wanted 1 to {SIDE - 1} of {SIDE} rows; {hint or 'some must show'}"
        )
    return cover


def uncovered(draws: Draws, cover: int) -> Array:
    """Return (N, 28, 28, 1) float32 with 0 in ``cover`` rows or columns from a random side of each, 1 elsewhere."""
    side = draws.integers(0, 3)[:, 0]
    place = numpy.arange(SIDE)
    shown = numpy.stack([place >= cover, place < SIDE - cover])[side % 2].astype(numpy.float32)
    rows = numpy.broadcast_to(shown[:, :, None, None], (len(side), SIDE, SIDE, 1))
    return numpy.where((side < 2)[:, None, None, None], rows, rows.transpose(0, 2, 1, 3))


class Covered:
    """Cover a side of every picture: a batch becomes (pictures and what is known, whole pictures)."""

    def __init__(self, cover: int, most: int = 2) -> None:
        self.cover, self.shift = cover, RandomShift(most)

    def __call__(self, batch: Arrays, draws: Draws) -> Arrays:
        """Return ((N, 28, 28, 2), (N, 28, 28, 1)) float32 for pictures (N, 28, 28) uint8."""
        whole = _ink(self.shift((batch[0],), draws)[0])
        known = uncovered(draws, self.cover)
        return numpy.concatenate([whole * known, known], 3), whole


def restore(model: nn.Module, covered: Array, known: Array) -> Array:
    """Return pictures (N, 28, 28, 1) from 0 to 1: known pixels as they are, the others as the autoencoder sees them."""
    parts = []
    with evaluating(model), no_grad():
        for i in range(0, len(covered), 256):
            x = numpy.concatenate([covered[i : i + 256], known[i : i + 256]], 3)
            parts.append(ops.sigmoid(model(tensor(x))).numpy())
    return numpy.where(known > 0, covered, numpy.concatenate(parts))


def psnr(x: Array, whole: Array, known: Array) -> float:
    """Return the peak signal-to-noise ratio in dB over all covered pixels, ``-10 log10 mean (x - whole)²``."""
    return _decibels(squared_errors(x, whole, known))


def squared_errors(x: Array, whole: Array, known: Array) -> Array:
    """Return the mean of ``(x - whole)²`` over the covered pixels of each picture, of which all have as many."""
    errors: Array = numpy.square(x - whole)[known == 0].reshape(len(x), -1).mean(1, dtype=numpy.float64)
    return errors


def _decibels(errors: Array) -> float:
    return float(-10 * numpy.log10(max(errors.mean(), 1e-12)))


def _timed(name: str, function: Callable[..., Result], *arguments: Any) -> Result:
    """Call a function and say what it took: there are several trainings, and the autoencoder's is most of them."""
    with Stopwatch() as watch:
        result = function(*arguments)
    print(f"  {name}: {watch.seconds:.1f} s", flush=True)
    return result


def _autoencoder(options: Options, x_train: Array, x_test: Array) -> Trainer:
    network = models.build(MODEL)
    assert options.cover is not None
    loader = _loader(options, x_train, Covered(options.cover))
    test = Covered(options.cover, 0)((x_test,), Draws(numpy.arange(len(x_test)), 0, options.seed))
    return _fit(network, "bce_with_logits", options, loader, test)


def _variational(options: Options, x_train: Array) -> Way:
    network = models.build({"kind": "vae"})
    assert isinstance(network, VAE)
    _fit(network, network.loss, options, _loader(options, x_train, _flat), None)

    def complete(x: Array, known: Array) -> Array:
        with evaluating(network), no_grad():
            return _in_parts(network.complete, x, known)

    return complete


def _memory(options: Options, x_train: Array) -> Way:
    """Return the completion by stored digits, with the beta that is best for training digits not stored."""
    assert options.cover is not None
    memory = nn.HopfieldMemory(_ink(x_train[:MEMORIES]).reshape(-1, SIDE * SIDE))
    whole = _ink(x_train[-500:])
    known = uncovered(Draws(numpy.arange(len(whole)), 1, options.seed), options.cover)

    def complete(x: Array, known: Array) -> Array:
        with no_grad():
            return numpy.where(known > 0, x, _in_parts(memory, x, known))

    def quality(beta: float) -> float:
        memory.beta = beta
        return psnr(complete(whole * known, known), whole, known)

    memory.beta = max(BETAS, key=quality)
    return complete


def _in_parts(function: Callable[..., Any], x: Array, known: Array) -> Array:
    flat = [a.reshape(len(a), -1) for a in (x, known)]
    parts = [function(*(tensor(a[i : i + 500]) for a in flat)).numpy() for i in range(0, len(x), 500)]
    whole: Array = numpy.concatenate(parts).reshape(x.shape)
    return whole


def _classifier(options: Options, x: Array, y: Array) -> Callable[[Array], Array]:
    """Train the network of mnist-cnn for an epoch on whole digits and return the class it gives pictures."""
    model = {"kind": "speednet", "channels": 1, "widths": [16, 32, 64]}
    whole = Options(epochs=1 if options.epochs else 0, lr=11.5, batch_size=256, seed=options.seed)
    trainer = fit_speednet(model, whole, (x[..., None], y), RandomShift(2))
    return lambda pictures: trainer.predict(numpy.rint(pictures * INK).astype(numpy.uint8)).argmax(1)


def _fit(network: nn.Module, loss: Any, options: Options, loader: Loader, validation: Any) -> Trainer:
    assert options.epochs is not None and options.lr is not None
    optimizer = optim.Adam(network.parameters(), options.lr)
    trainer = Trainer(network, loss, optimizer, precision=options.precision)
    steps = options.epochs * len(loader)
    callbacks = [LRSchedule(optim.OneCycleSchedule(optimizer, options.lr, steps))] if steps else []
    trainer.fit(loader, epochs=options.epochs, validation=validation, callbacks=callbacks)
    return trainer


def _loader(options: Options, x: Array, transform: Any) -> Loader:
    assert options.batch_size is not None
    return Loader(ArrayDataset(x), options.batch_size, True, seed=options.seed, transform=transform)


def _flat(batch: Arrays, draws: Draws) -> Arrays:
    x = _ink(batch[0]).reshape(len(batch[0]), -1)
    return x, x


def _ink(x: Array) -> Array:
    """Return pictures (N, 28, 28, 1) float32 from 0 to 1."""
    ink: Array = x.reshape(-1, SIDE, SIDE, 1).astype(numpy.float32) / numpy.float32(INK)
    return ink
