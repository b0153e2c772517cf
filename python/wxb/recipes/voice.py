"""voice: spoken digits (Free Spoken Digit Dataset), and the loop of a voice assistant: hear a word, do something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from .. import models, ops
from ..data import Compose, RandomAffine, leave_one_group_out
from ..data.audio import read_wav, resample
from ..data.speech import DIGITS, RATE, SPEAKERS, Recordings, SpecAugment, fsdd, spectrogram
from ..tensor import tensor
from ..train import CrossValidation, Estimate, Trainer, bootstrap, cross_validate
from .pictures import fit, picture_figures
from .run import Options, Run, SavedRun, Stopwatch
from .unseen import draw_classes, share

__all__ = ["hear", "predict", "train"]

Array = numpy.ndarray[Any, Any]

ALL = "all"  # speakers, each held out in turn
QUIET = 1e-3  # of full scale, the largest sample of what is no word: -60 dB


def train(options: Options) -> dict[str, Any]:
    """Train a convolutional-recurrent network on 2,700 recordings and test it on the 300 of the official split.

    With ``--speaker-out NAME``: on the 2,500 of five speakers, and test it on the 500 of the sixth, whom it never
    heard. With ``--speaker-out all`` six more networks follow the first, each tested on the speaker it never heard.
    """
    options = options.chosen(epochs=20, lr=3e-3, batch_size=64)
    held_out = options.speaker_out
    if held_out not in (None, ALL, *SPEAKERS):
        raise ValueError(f"voice: speaker {held_out!r} is not one of {', '.join(SPEAKERS)}, nor all")
    run = Run("voice", options)
    recordings = fsdd(options.data)
    official = held_out in (None, ALL)
    is_test = recordings.is_test if official else recordings.speakers == SPEAKERS.index(str(held_out))
    x, y = numpy.stack([spectrogram(samples) for samples in recordings.samples]), recordings.digits
    model = {"kind": "speechnet", "classes": len(DIGITS), "bands": x.shape[2]}

    def learn(training: Array, test: Array) -> tuple[Trainer, Array]:
        network, changes = models.build(model), Compose(RandomAffine(zoom=0.12, shift=0.08), SpecAugment())
        pairs = (x[training], y[training]), (x[test], y[test])
        trainer = fit(network, options, *pairs, 0.05, changes, clip_norm=5.0)
        return trainer, trainer.predict(x[test])

    with Stopwatch() as watch:
        trainer, logits = learn(numpy.flatnonzero(~is_test), numpy.flatnonzero(is_test))
    labels = y[is_test]
    figures = {f"test_{name}": value for name, value in picture_figures(logits, labels).items()}
    if held_out == ALL:
        figures |= _unheard(cross_validate(learn, leave_one_group_out(recordings.speakers)), recordings)
    config = {"model": model, "input": {"shape": list(x.shape[1:])}, "classes": list(DIGITS)}
    result = run.finish(trainer, figures, watch.seconds, config)
    run.draw_history(trainer.history)
    draw_classes(run, logits, labels, DIGITS)
    return result | {"tested_on": "takes 0 to 4 of every speaker" if official else held_out}


def _unheard(found: CrossValidation, recordings: Recordings) -> dict[str, Estimate]:
    """Return the accuracy on each speaker by the network that never heard that one, and their mean.

    The interval of the mean is over speakers: how a seventh is understood depends on who it is, not on how many words
    each has said.
    """
    right = found.outputs.argmax(1) == recordings.digits
    names = [SPEAKERS[k] for k in numpy.unique(recordings.speakers)]
    each = {name: share(right[found.fold == k]) for k, name in enumerate(names)}
    mean = bootstrap(numpy.mean, [estimate.value for estimate in each.values()])
    return {"unheard_accuracy": mean, **{f"unheard_{name}": estimate for name, estimate in each.items()}}


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
