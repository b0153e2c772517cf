"""voice: spoken digits (Free Spoken Digit Dataset), and the loop of a voice assistant: hear a word, do something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from .. import models, ops, plots
from ..data import Compose, RandomAffine
from ..data.audio import read_wav, resample
from ..data.speech import DIGITS, RATE, SPEAKERS, SpecAugment, fsdd, spectrogram
from ..tensor import tensor
from ..train.metrics import confusion_matrix
from .pictures import fit
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
    changes = Compose(RandomAffine(zoom=0.12, shift=0.08), SpecAugment())
    training, test = (x[~is_test], y[~is_test]), (x[is_test], y[is_test])
    with Stopwatch() as watch:
        trainer = fit(models.build(model), options, training, test, 0.05, changes, clip_norm=5.0)
    figures = trainer.evaluate(*test)
    config = {"model": model, "input": {"shape": list(x.shape[1:])}, "classes": list(DIGITS)}
    measured = {"test_accuracy": figures["accuracy"], "test_loss": figures["loss"]}
    result = run.finish(trainer, measured, watch.seconds, config)
    if trainer.history.epochs:
        run.draw_history(trainer.history)
    called = trainer.predict(x[is_test]).argmax(1)
    plots.confusion(confusion_matrix(called, y[is_test], len(DIGITS)), DIGITS, run.folder / "confusion.png")
    return result | {"tested_on": held_out or "takes 0 to 4 of every speaker"}


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
