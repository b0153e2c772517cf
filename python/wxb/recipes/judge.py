"""Judge: a classifier of real pictures, trained here, that says how good generated ones are."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy

from .. import io, models, nn
from ..autograd import no_grad
from ..data.loader import Transform
from ..nn.module import evaluating
from ..tensor import tensor
from ..train import Estimate, class_balance, frechet_distance, nearest_neighbours
from .run import Options
from .speedrun import fit_speednet
from .unseen import share

Array = numpy.ndarray[Any, Any]

COUNT = 10_000  # generated pictures that are measured
COMPARED = 1_000  # of these, how many look for their neighbours


class Judge:
    """A speednet that tells the classes of the real pictures apart: what it sees in others, before its last layer.

    It is trained once and kept as ``judge.safetensors`` in the run's folder, with the description of it and its data.
    """

    def __init__(
        self,
        folder: Path,
        about: Mapping[str, Any],
        training: tuple[Array, Array],
        options: Options,
        transform: Transform,
    ) -> None:
        path, told = folder / "judge.safetensors", {"judge": json.dumps(about, sort_keys=True)}
        network = models.build(about["model"])
        stored = io.load(path) if path.is_file() else ({}, {})
        if stored[1].get("judge") == told["judge"]:
            network.load_state_dict(stored[0])
        else:
            network = fit_speednet(about["model"], options, training, transform).model
            io.save(network.state_dict(), path, told)
        assert isinstance(network, nn.Sequential)
        self.network = network
        self._before_last = nn.Sequential(*network.layers[:-2])
        self._last = nn.Sequential(*network.layers[-2:])

    def features(self, pictures: Array) -> Array:
        """Return what the network sees in pictures (N, H, W, C) uint8: (N, features) float32."""
        parts = []
        with evaluating(self.network), no_grad():
            for start in range(0, len(pictures), 500):
                parts.append(self._before_last(tensor(pictures[start : start + 500])).numpy())
        return numpy.concatenate(parts)

    def classes(self, features: Array) -> Array:
        """Return the class of each row of features (N,)."""
        with evaluating(self.network), no_grad():
            labels: Array = self._last(tensor(features)).numpy().argmax(1)
        return labels


class Quality:
    """Real pictures as a judge sees them, and how near generated ones come; ``floor`` is how near real ones come."""

    def __init__(self, judge: Judge, training: Array, test: Array, classes: int) -> None:
        self.judge, self.training, self.test, self.classes = judge, training, test, classes
        half = len(training) // 2
        self.count = min(COUNT, half)
        self._real = judge.features(training[:half])
        self.floor = frechet_distance(self._real, judge.features(training[half:][: self.count]))

    def frechet(self, pictures: Array) -> float:
        """Return the Fréchet distance of generated pictures (N, H, W, C) uint8 and half of the training set."""
        return frechet_distance(self._real, self.judge.features(pictures))

    def figures(self, pictures: Array, asked: Array | None) -> dict[str, float | Estimate]:
        """Return all figures of generated pictures; ``asked`` are the classes they were to be of."""
        features = self.judge.features(pictures)
        seen = self.judge.classes(features)
        evenness, smallest = class_balance(seen, self.classes)
        figures: dict[str, float | Estimate] = {
            "frechet": frechet_distance(self._real, features),
            "frechet_of_real": self.floor,
            "class_evenness": evenness,
            "smallest_class": smallest,
            "nearness": self._nearness(pictures),
        }
        return figures if asked is None else {**figures, "asked_class": share(seen == asked)}

    def _nearness(self, pictures: Array) -> float:
        """Return how far generated pictures are from the nearest training picture, over how far test pictures are."""
        far, usual = (nearest_neighbours(x[:COMPARED], self.training)[0] for x in (pictures, self.test))
        return float(numpy.median(far) / numpy.median(usual))
