"""voice: spoken digits (Free Spoken Digit Dataset), and the loop of a voice assistant: hear a word, do something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from .. import models, ops, optim, plots
from ..data import ArrayDataset, Compose, Loader, RandomAffine
from ..data.audio import read_wav, resample
from ..data.speech import DIGITS, RATE, SPEAKERS, SpecAugment, fsdd, spectrogram
from ..tensor import Tensor, tensor
from ..train import LRSchedule, Trainer
from ..train.metrics import confusion_matrix
from .run import Options, Run, SavedRun, Stopwatch

__all__ = ["hear", "predict", "train"]

Array = numpy.ndarray[Any, Any]

QUIET = 1e-3  # of full scale, the largest sample of what is no word: -60 dB


def train(options: Options) -> dict[str, Any]:
    """Train a convolutional-recurrent network on 2,700 recordings and test it on the 300 of the official split.

    With ``--speaker-out NAME``: on the 2,500 of five speakers, and test it on the 500 of the sixth, whom it never
    heard.
    """
    options = options.chosen(epochs=20, lr=3e-3, batch_size=64)
    held_out = options.speaker_out
    if held_out is not None and held_out not in SPEAKERS:
        raise ValueError(f"voice: speaker {held_out!r} is not one of {', '.join(SPEAKERS)}")
    run = Run("voice", options)
    recordings = fsdd(options.data)
    is_test = recordings.is_test if held_out is None else recordings.speakers == SPEAKERS.index(held_out)
    x, y = numpy.stack([spectrogram(samples) for samples in recordings.samples]), recordings.digits
    model = {"kind": "speechnet", "classes": len(DIGITS), "bands": x.shape[2]}
    with Stopwatch() as watch:
        trainer = _fit(model, options, (x[~is_test], y[~is_test]), (x[is_test], y[is_test]))
    figures = trainer.evaluate(x[is_test], y[is_test])
    config = {"model": model, "input": {"shape": list(x.shape[1:])}, "classes": list(DIGITS)}
    measured = {"test_accuracy": figures["accuracy"], "test_loss": figures["loss"]}
    result = run.finish(trainer, measured, watch.seconds, config)
    if trainer.history.epochs:
        run.draw_history(trainer.history)
    called = trainer.predict(x[is_test]).argmax(1)
    plots.confusion(confusion_matrix(called, y[is_test], len(DIGITS)), DIGITS, run.folder / "confusion.png")
    return result | {"tested_on": held_out or "takes 0 to 4 of every speaker"}


def _fit(model: dict[str, Any], options: Options, training: tuple[Array, Array], test: tuple[Array, Array]) -> Trainer:
    assert options.epochs is not None and options.lr is not None and options.batch_size is not None
    network = models.build(model)
    optimizer = optim.AdamW(network.parameters(), options.lr, weight_decay=0.05, clip_norm=5.0)
    changes = Compose(RandomAffine(zoom=0.12, shift=0.08), SpecAugment())
    loader = Loader(ArrayDataset(*training), options.batch_size, True, seed=options.seed, transform=changes)
    steps = options.epochs * len(loader)
    callbacks = [LRSchedule(optim.OneCycleSchedule(optimizer, options.lr, steps))] if steps else []
    trainer = Trainer(network, _loss, optimizer, ["accuracy"])
    trainer.fit(loader, epochs=options.epochs, validation=test, callbacks=callbacks)
    return trainer


def _loss(logits: Tensor, labels: Tensor) -> Tensor:
    return ops.cross_entropy(logits, labels, label_smoothing=0.1)


def predict(run: SavedRun, files: Sequence[str]) -> list[dict[str, Any]]:
    """Return, for every wav file, the word and its probability; the word of silence is empty, and sure."""
    return [{"file": str(file), **hear(run, *read_wav(file))} for file in files]


def hear(run: SavedRun, samples: Array, rate: int) -> dict[str, Any]:
    """Return the word in samples (N,) at ``rate`` Hz, the loudest second of them, and its probability."""
    if len(samples) == 0 or numpy.abs(samples).max() < QUIET:
        return {"class": "", "probability": 1.0}
    picture = spectrogram(resample(samples, rate, RATE))
    p = ops.softmax(run.model(tensor(picture[None]))).numpy()[0]
    return {"class": run.config["classes"][int(p.argmax())], "probability": round(float(p.max()), 4)}
