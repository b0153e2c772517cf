"""images: your own pictures, a folder with one sub-folder per class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy

from .. import models, ops, plots
from ..data import (
    Compose,
    ImageFolder,
    RandomAffine,
    RandomColor,
    RandomFlip,
    image_folder,
    read_image,
)
from ..nn import Conv2d, Module, Sequential, explain
from ..tensor import tensor
from ..train import Trainer
from ..train.metrics import METRICS
from .pictures import answers, draw_results, fit, picture_figures
from .run import Options, Run, SavedRun, Stopwatch
from .unseen import Learnt, ask, named, spread

__all__ = ["predict", "train"]

Array = numpy.ndarray[Any, Any]
Pair = tuple[Array, Array]

SHOWN = 64_000  # pictures that all epochs together show, if that is 10 to 100 epochs
SMALLEST = 8  # pixels a side


def train(options: Options) -> dict[str, Any]:
    """Train a convolutional network on four fifths of the different pictures and test it on the others.

    With ``--folds K`` every picture is held out once, and the network that is kept is trained on all.
    """
    data = _read(options)
    for message in data.messages:
        print(f"  {message}", flush=True)
    x = data.x[..., :1] if (data.x == data.x[..., :1]).all() else data.x  # without colours one channel will do
    folds = [data.split(0.2, options.seed)] if options.folds is None else data.kfold(options.folds, options.seed)
    epochs = round(min(max(SHOWN / len(folds[0][0]), 10), 100))
    options = options.chosen(epochs=epochs, lr=4e-3, batch_size=64, folds=None)
    run = Run("images", options)
    model = _model(x.shape[1:], len(data.classes))

    def learn(training: Array, held_out: Array | None) -> Learnt:
        test = None if held_out is None else (x[held_out], data.y[held_out])
        trainer = _fit(model, options, (x[training], data.y[training]), test)
        return Learnt(trainer, lambda rows: trainer.predict(x[rows]))

    with Stopwatch() as watch:
        learnt, unseen = ask(learn, folds, len(data))
    y = data.y[unseen.rows]
    figures = picture_figures(unseen.outputs, y) | spread(unseen, "accuracy", METRICS["accuracy"], data.y)
    figures["commonest_class"] = float(numpy.bincount(y).max() / len(y))  # what calling every picture the same reaches
    config = _config(model, x.shape[1:], data, unseen.rows)
    result = run.finish(learnt.trainer, named(folds, **figures), watch.seconds, config, unseen.history)
    draw_results(run, unseen.history, x[unseen.rows], unseen.outputs, y, data.classes)
    assert isinstance(learnt.trainer.model, Sequential)
    _draw(run, learnt.trainer.model, x[unseen.rows], unseen.outputs, data.classes)
    return result | {"pictures": len(data), "size": "x".join(map(str, x.shape[1:]))}


def predict(run: SavedRun, files: Sequence[str]) -> list[dict[str, Any]]:
    """Return, for every picture file, the class and the probability the network gives it."""
    height, width, channels = run.config["input"]["shape"]
    x = [read_image(file, (height, width), run.config["input"]["fit"], grey=channels == 1) for file in files]
    return answers(run, files, numpy.stack(x))


def _read(options: Options) -> ImageFolder:
    if options.data is None:
        raise ValueError("images: no folder is given; wxb train images --data FOLDER, one sub-folder per class")
    if options.size is not None and options.size < SMALLEST:
        raise ValueError(f"images: size is {options.size}, wanted at least {SMALLEST} pixels")
    data = image_folder(options.data, options.size, skip_broken=bool(options.skip_broken))
    if len(data.classes) < 2:
        raise ValueError(f"images: {options.data} has one class, {data.classes[0]}; wanted two or more sub-folders")
    return data


def _model(shape: tuple[int, ...], classes: int) -> dict[str, Any]:
    """Describe a network whose last stage is 128 wide and sees the picture as 4 x 4 to 8 x 8 places."""
    stages = min(max(int(math.log2(min(shape[:2]) / 4)), 1), 4)
    widths = [128 >> stage for stage in reversed(range(stages))]
    return {"kind": "vgg", "channels": shape[2], "classes": classes, "widths": widths, "dropout": 0.2}


def _fit(model: dict[str, Any], options: Options, training: Pair, test: Pair | None) -> Trainer:
    network = models.build(model)
    network[0].fit(training[0])  # type: ignore[index]
    changes = Compose(
        RandomFlip(0.0 if options.no_flip else 0.5),
        RandomAffine(degrees=10, zoom=0.15, shift=0.1, padding="reflect"),
        RandomColor(0.2, 0.2, 0.2),
    )
    return fit(network, options, training, test, 5e-2, changes)


def _config(model: dict[str, Any], shape: tuple[int, ...], data: ImageFolder, test: Array) -> dict[str, Any]:
    return {
        "model": model,
        "input": {"shape": list(shape), "fit": "crop"},
        "classes": list(data.classes),
        "messages": list(data.messages),
        "test_files": [data.files[i] for i in test],
    }


def _draw(run: Run, network: Sequential, x: Array, logits: Array, classes: Sequence[str]) -> None:
    """Draw what the network looks for, and what it makes of the pictures that it is surest of, one of each class."""
    convolution = next(module for module in network.modules() if isinstance(module, Conv2d))
    plots.filters(convolution.weight.numpy(), run.folder / "filters.png")
    predicted, chances = logits.argmax(1), ops.softmax(tensor(logits)).numpy().max(1)
    surest = [max(numpy.flatnonzero(predicted == k), key=chances.__getitem__) for k in numpy.unique(predicted)[:8]]
    titles = [f"{classes[predicted[i]]}\n{chances[i]:.0%}" for i in surest]
    plots.saliency(x[surest], explain.saliency(network, x[surest]), run.folder / "saliency.png", titles)
    first = surest[0]
    outputs = explain.layer_outputs(network, x[first : first + 1])
    maps = {f"layer {name}": y[0] for name, y in outputs.items() if _has_weights(network[int(name)]) and y.ndim == 4}
    plots.feature_maps(x[first], maps, run.folder / "feature_maps.png")


def _has_weights(layer: Module) -> bool:
    return any(True for _ in layer.parameters())
