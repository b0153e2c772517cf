"""detect: find things in pictures and draw boxes around them: BCCD's blood cells, or a VOC folder of your own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy

from .. import models, optim, plots
from ..data import (
    ArrayDataset,
    BoxAffine,
    Compose,
    Loader,
    RandomColor,
    VOCFolder,
    bccd,
    letterbox,
    read_picture,
    split,
    voc_folder,
    voc_lists,
)
from ..tensor import tensor
from ..train import DetectionScores, EarlyStopping, LRSchedule, Trainer, average_precision
from .run import Options, Run, SavedRun, Stopwatch

__all__ = ["draw", "predict", "train"]

Array = numpy.ndarray[Any, Any]
Parts = tuple[VOCFolder, VOCFolder, VOCFolder]

LONGEST = 320  # pixels of the longer side
SHOWN = 12_300  # pictures that all epochs together show, if that is 10 to 100 epochs: 60 of BCCD's 205
IOUS = tuple(0.5 + 0.05 * i for i in range(10))  # COCO's


def train(options: Options) -> dict[str, Any]:
    """Train on the training pictures, keep the epoch that is best on the validation ones, test that once."""
    parts = _parts(options)
    training, validation, test = parts
    for message in dict.fromkeys(message for part in parts for message in part.messages):
        print(f"  {message}", flush=True)
    epochs = round(min(max(SHOWN / len(training), 10), 100))
    options = options.chosen(epochs=epochs, lr=3e-3, batch_size=8)
    run = Run("detect", options)
    model = {"kind": "detector", "classes": len(training.classes), "channels": 3, "width": 64}
    with Stopwatch() as watch:
        trainer, best = _fit(model, options, training, validation)
    found = {"val": _found(trainer, validation), "test": _found(trainer, test)}
    scores = average_precision(found["test"], _actual(test.objects), len(test.classes), difficult=_difficult(test))
    thresholds = _thresholds(found["val"], validation)
    config = {
        "model": model,
        "input": {"shape": list(training.x.shape[1:]), "fit": "letterbox"},
        "classes": list(training.classes),
        "thresholds": thresholds,
        "messages": [message for part in parts for message in part.messages],
        "test_names": list(test.names),
    }
    figures = _figures(scores, found, validation, test)
    result = run.finish(trainer, figures, watch.seconds, config)
    _draw(run, trainer, scores, found["test"], test, list(thresholds.values()))
    return result | {"best_epoch": best, "pictures": "/".join(str(len(part)) for part in parts)}


def predict(run: SavedRun, files: Sequence[str], score: float | None = None) -> list[dict[str, Any]]:
    """Return a row for every box found in the picture files: its class, score and corners in pixels of the file.

    score: the least; None means the one of each class that served the validation pictures best.
    """
    classes, rows = run.config["classes"], []
    for file in files:
        x, scale = letterbox(file, run.config["input"]["shape"][:2])
        found = _above(models.decode_boxes(run.model(tensor(x[None])).numpy())[0], _least(run, score))
        for *corners, how_sure, k in found.tolist():
            box = {name: round(corner / scale, 1) for name, corner in zip(("x1", "y1", "x2", "y2"), corners)}
            rows.append({"file": str(file), "class": classes[int(k)], "score": round(how_sure, 4), **box})
    return rows


def draw(
    run: SavedRun, files: Sequence[str], folder: str | Path = ".", score: float | None = None
) -> list[dict[str, Any]]:
    """Draw what is found in each picture file into ``folder``/NAME.detected.png; return the rows of `predict`."""
    rows, classes = predict(run, files, score), run.config["classes"]
    Path(folder).mkdir(parents=True, exist_ok=True)
    for file in files:
        mine = [row for row in rows if row["file"] == str(file)]
        boxes = [[*(row[k] for k in ("x1", "y1", "x2", "y2", "score")), classes.index(row["class"])] for row in mine]
        target = Path(folder) / f"{Path(file).stem}.detected.png"
        plots.detections([read_picture(file)], [numpy.reshape(boxes, (-1, 6))], classes, target)
    return rows


# ---- data ----


def _parts(options: Options) -> Parts:
    """Return the pictures for training, validation and test: by the data set's lists, else 70, 15 and 15 % of all."""
    size, skip = options.size or LONGEST, bool(options.skip_broken)
    if _is_bccd(options):
        return bccd(options.data, size)
    assert options.data is not None
    lists = set(voc_lists(options.data))
    if "train" not in lists or not lists & {"val", "test"}:
        every = voc_folder(options.data, None, size, skip_broken=skip)
        _expect_objects(options, every)
        rest, test = _held_out(every, 0.15, options.seed)
        training, validation = _held_out(rest, 0.15 / 0.85, options.seed)
        return training, validation, test
    training = voc_folder(options.data, "train", size, skip_broken=skip)
    _expect_objects(options, training)
    more = (training.x.shape[1:3], training.classes, skip)
    others = [voc_folder(options.data, name, *more) for name in ("val", "test") if name in lists]
    if len(others) == 1:
        training, validation = _held_out(training, 0.15, options.seed)
        others.insert(0, validation)
    return training, others[0], others[1]


def _is_bccd(options: Options) -> bool:
    return options.data is None or (Path(options.data) / "BCCD.zip").is_file()


def _expect_objects(options: Options, data: VOCFolder) -> None:
    if not data.classes:
        raise ValueError(f"detect: {options.data} has no object in any picture, wanted boxes to learn from")


def _held_out(data: VOCFolder, share: float, seed: int) -> tuple[VOCFolder, VOCFolder]:
    if len(data) < 2:
        raise ValueError(f"detect: {len(data)} pictures, wanted at least three: to train, to choose and to test")
    rows = numpy.arange(len(data))
    kept, _, out, _ = split(rows, rows, share, seed)
    return data.take(kept), data.take(out)


def _actual(objects: Array) -> list[Array]:
    return [rows[rows[:, 4] >= 0] for rows in objects]


def _difficult(data: VOCFolder) -> list[Array]:
    return [flags[rows[:, 4] >= 0] for flags, rows in zip(data.difficult, data.objects)]


# ---- training ----


def map50(outputs: Array, objects: Array) -> float:
    """Return the mean average precision at an IoU of 0.5 of a detector's outputs."""
    return average_precision(models.decode_boxes(outputs), _actual(objects), outputs.shape[-1] - 4).mean


def _fit(model: dict[str, Any], options: Options, training: VOCFolder, validation: VOCFolder) -> tuple[Trainer, int]:
    """Train with AdamW and one cycle; return the Trainer with the best epoch's weights, and that epoch."""
    assert options.epochs is not None and options.lr is not None and options.batch_size is not None
    network = models.detector(model["classes"], width=model["width"])
    network.standardize.fit(training.x[:256])
    mirrored = 0.0 if options.no_flip else 0.5
    changes = Compose(
        # Under a microscope no side is up.
        BoxAffine(mirrored, mirrored if _is_bccd(options) else 0.0, zoom=0.25, stretch=0.1, shift=0.1),
        RandomColor(0.2, 0.2, 0.2),
    )
    dataset = ArrayDataset(training.x, training.objects)
    batch = min(options.batch_size, len(training))
    loader = Loader(dataset, batch, True, True, options.seed, transform=changes)
    steps = options.epochs * len(loader)
    optimizer = optim.AdamW(network.parameters(), options.lr, weight_decay=2e-2)
    best = EarlyStopping("val_map50", patience=options.epochs + 1, mode="max")
    callbacks = [LRSchedule(optim.OneCycleSchedule(optimizer, options.lr, steps)), best] if steps else []
    trainer = Trainer(network, models.detection_loss, optimizer, [map50], precision=options.precision)
    held_out = Loader(ArrayDataset(validation.x, validation.objects), 2 * options.batch_size)
    trainer.fit(loader, epochs=options.epochs, validation=held_out, callbacks=callbacks)
    return trainer, best.best_epoch


def _found(trainer: Trainer, data: VOCFolder) -> list[Array]:
    return models.decode_boxes(trainer.predict(data.x, 16))


# ---- results ----


def _figures(
    scores: DetectionScores, found: dict[str, list[Array]], validation: VOCFolder, test: VOCFolder
) -> dict[str, Any]:
    """Return the figures of the result; the headline is COCO's average precision at IoU 0.5, pycocotools' AP50.

    Its interval is over the test pictures, whose boxes depend on each other.
    """
    count, truth, hard = len(test.classes), _actual(test.objects), _difficult(test)
    return {
        "test_map50": scores.estimate(),
        **{f"test_ap50_{name}": ap for name, ap in zip(test.classes, scores.ap)},
        "test_map50_voc": average_precision(found["test"], truth, count, protocol="voc", difficult=hard).mean,
        "test_map50_95": average_precision(found["test"], truth, count, IOUS, difficult=hard).mean,
        "val_map50": average_precision(found["val"], _actual(validation.objects), count).mean,
    }


def _thresholds(found: list[Array], data: VOCFolder) -> dict[str, float]:
    """Return for each class the score down to which boxes of the validation pictures have the best F1."""
    thresholds = {}
    curves = average_precision(found, _actual(data.objects), len(data.classes)).curves
    for name, (scores, precision, recall) in zip(data.classes, curves):
        f1 = 2 * precision * recall / numpy.maximum(precision + recall, 1e-12)
        thresholds[name] = round(float(scores[f1.argmax()]), 4) if f1.any() else 0.5
    return thresholds


def _least(run: SavedRun, score: float | None) -> list[float]:
    return [least if score is None else score for least in run.config["thresholds"].values()]


def _above(found: Array, least: Sequence[float]) -> Array:
    kept: Array = found[found[:, 4] >= numpy.asarray(least)[found[:, 5].astype(int)]]
    return kept


def _draw(
    run: Run, trainer: Trainer, scores: DetectionScores, found: list[Array], test: VOCFolder, least: list[float]
) -> None:
    """Draw the curves of training, precision over recall, and some test pictures with what was found in them."""
    if trainer.history.epochs:
        run.draw_history(trainer.history)
    rows = zip(test.classes, scores.curves, scores.ap)
    plots.precision_recall({name: (*curve[1:], ap) for name, curve, ap in rows}, run.folder / "precision_recall.png")
    shown = range(min(6, len(test)))
    boxes, truth = [_above(found[i], least) for i in shown], _actual(test.objects)
    plots.detections(test.x[: len(shown)], boxes, test.classes, run.folder / "detections.png", truth[: len(shown)])
