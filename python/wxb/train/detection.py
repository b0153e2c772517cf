"""How good detected boxes are: average precision, as COCO and as Pascal VOC count it, in float64."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..device import cpu
from .intervals import Estimate, bootstrap

__all__ = ["DetectionScores", "average_precision"]

Protocol = Literal["coco", "voc"]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

RECALLS = np.linspace(0.0, 1.0, 101)  # where COCO reads precision off
MOST = 100  # boxes of a class in a picture that count: COCO's limit


@dataclass(frozen=True, eq=False, repr=False)
class DetectionScores:
    """Average precision of each class, ap (classes,), NaN where no picture shows the class, and what it is made of.

    curves: for each class score, precision and recall (K,) of the boxes down to each, highest score first, at the first
    of the thresholds of IoU; objects (classes,): how many there are; judged: of each class the boxes it comes from.
    """

    ap: Floats
    curves: tuple[tuple[Floats, Floats, Floats], ...]
    objects: NDArray[np.int64]
    judged: tuple[_Class, ...]

    @property
    def mean(self) -> float:
        """The mean over the classes that occur; NaN where none does."""
        occur = ~np.isnan(self.ap)
        return float(self.ap[occur].mean()) if occur.any() else float("nan")

    def estimate(self, samples: int = 1000, confidence: float = 0.95, seed: int = 0) -> Estimate:
        """Return the mean with its bootstrap interval over the pictures, see `wxb.train.bootstrap`."""

        def mean(pictures: NDArray[np.int64]) -> float:
            often = np.bincount(pictures, minlength=count)
            each = [judged.ap(often) for judged in self.judged if judged.objects.any()]
            return float(np.nanmean(each)) if not np.isnan(each).all() else float("nan")

        count = len(self.judged[0].objects)
        return bootstrap(mean, np.arange(count), samples=samples, confidence=confidence, seed=seed)

    def __repr__(self) -> str:
        return f"DetectionScores(mean {self.mean:.4f}, ap {np.round(self.ap, 4).tolist()})"


def average_precision(
    predicted: Sequence[ArrayLike],
    actual: Sequence[ArrayLike],
    classes: int,
    iou: float | Sequence[float] = 0.5,
    protocol: Protocol = "coco",
    difficult: Sequence[ArrayLike] | None = None,
) -> DetectionScores:
    """Return the average precision of boxes found in pictures, its mean over classes being mAP.

    predicted: for each picture (K, 6): x1, y1, x2, y2, score, class; actual: (M, 5): x1, y1, x2, y2, class; of several
    thresholds ``iou`` the mean is taken. From the highest score down a box is right if it overlaps an object of its
    class by ``iou`` or more that has no box yet, and wrong otherwise; precision is then made to fall with recall.

    protocol "coco": a box takes the best of the objects still free; the mean of precision at recall 0, 0.01, ... 1; the
    100 best boxes of a class in a picture count (pycocotools' numbers). "voc": a box takes the best object of all, and
    is wrong if that is taken; the area under the curve (Pascal VOC's since 2010). difficult (M,) bool for each
    picture: objects that need not be found, nor are boxes on them wrong.

    Raises ValueError for other shapes, NaN, and boxes with x2 < x1 or y2 < y1; IndexError for a class outside
    [0, classes). Lin et al. 2014, arXiv:1405.0312; Everingham et al. 2010.
    """
    if protocol not in ("coco", "voc"):
        raise ValueError(f"average_precision: protocol is {protocol!r}, wanted 'coco' or 'voc'")
    if classes < 1 or len(predicted) != len(actual) or (difficult is not None and len(difficult) != len(actual)):
        raise ValueError(
            f"average_precision: {len(predicted)} pictures with predicted boxes, {len(actual)} with actual ones, "
            f"{classes} classes; wanted as many of both, and a class"
        )
    thresholds = [float(t) for t in np.atleast_1d(iou)]
    if not thresholds or not all(0 < t <= 1 for t in thresholds):
        raise ValueError(f"average_precision: iou is {iou}, wanted numbers above 0, at most 1")
    found = [_boxes("predicted", i, boxes, 6, classes) for i, boxes in enumerate(predicted)]
    true = [_boxes("actual", i, boxes, 5, classes) for i, boxes in enumerate(actual)]
    hard: Sequence[Any] = [None] * len(true) if difficult is None else difficult
    flags = [_flags(i, given, len(boxes)) for i, (given, boxes) in enumerate(zip(hard, true))]
    judged = []
    for k in range(classes):
        pictures = [_of_class(k, *row, protocol) for row in zip(found, true, flags)]
        judged.append(_judged(pictures, thresholds, protocol))
    once = np.ones(len(true), np.int64)
    ap = np.array([each.ap(once) for each in judged])
    objects = np.array([each.objects.sum() for each in judged], np.int64)
    return DetectionScores(ap, tuple(each.curve() for each in judged), objects, tuple(judged))


@dataclass(frozen=True)
class _Picture:
    """A class in a picture: scores (K,) falling, overlap (K, M) with its objects, which of these are ignored (M,)."""

    scores: Floats
    overlap: Floats
    ignored: Flags


def _of_class(k: int, found: Floats, true: Floats, ignored: Flags, protocol: Protocol) -> _Picture:
    mine, of_class = found[found[:, 5] == k], true[:, 4] == k
    order = np.argsort(-mine[:, 4], kind="stable")[: MOST if protocol == "coco" else None]
    mine, objects = np.ascontiguousarray(mine[order, :4]), np.ascontiguousarray(true[of_class, :4])
    overlap = np.empty((len(mine), len(objects)))
    cpu.kernels.box_iou(mine, objects, overlap)
    return _Picture(found[found[:, 5] == k][order, 4], overlap, ignored[of_class])


@dataclass(frozen=True)
class _Class:
    """The boxes of a class in all pictures, highest score first, and whether they are right.

    scores, picture (K,); verdicts (thresholds, K) as of `_verdicts`; objects (pictures,) to be found in each.
    """

    scores: Floats
    picture: NDArray[np.int64]
    verdicts: NDArray[np.int64]
    objects: NDArray[np.int64]
    protocol: Protocol

    def ap(self, often: NDArray[np.int64]) -> float:
        """Return the average precision where each picture (pictures,) counts so often; NaN without objects."""
        objects = int((often * self.objects).sum())
        if not objects:
            return float("nan")
        curves = (self._precision_recall(verdicts, often, objects) for verdicts in self.verdicts)
        return float(np.mean([_area(precision, recall, self.protocol) for precision, recall in curves]))

    def curve(self) -> tuple[Floats, Floats, Floats]:
        """Return scores, precision and recall of the boxes that count, at the first threshold."""
        once = np.ones(len(self.objects), np.int64)
        precision, recall = self._precision_recall(self.verdicts[0], once, max(int(self.objects.sum()), 1))
        return self.scores[self.verdicts[0] >= 0], precision, recall

    def _precision_recall(
        self, verdicts: NDArray[np.int64], often: NDArray[np.int64], objects: int
    ) -> tuple[Floats, Floats]:
        weights = often[self.picture] * (verdicts >= 0)
        counts = weights > 0
        weights = weights[counts]
        right = np.cumsum(weights * verdicts[counts])
        return right / np.cumsum(weights), right / objects


def _judged(pictures: Sequence[_Picture], thresholds: Sequence[float], protocol: Protocol) -> _Class:
    scores = np.concatenate([np.zeros(0), *(picture.scores for picture in pictures)])
    number = np.repeat(np.arange(len(pictures)), [len(picture.scores) for picture in pictures])
    none = np.zeros(0, np.int64)
    verdicts = [np.concatenate([none, *(_verdicts(picture, t, protocol) for picture in pictures)]) for t in thresholds]
    objects = np.array([(~picture.ignored).sum() for picture in pictures], np.int64)
    order = np.argsort(-scores, kind="stable")
    return _Class(scores[order], number[order], np.array(verdicts)[:, order], objects, protocol)


def _verdicts(picture: _Picture, iou: float, protocol: Protocol) -> NDArray[np.int64]:
    """Return for each box 1 where it is right, 0 where it is wrong, -1 where it lies on an object to be ignored."""
    free, verdicts = ~picture.ignored, np.zeros(len(picture.scores), np.int64)
    least = min(iou, 1 - 1e-10)  # as pycocotools has it
    for i, overlap in enumerate(picture.overlap if free.size else ()):
        best = _last_best(overlap if protocol == "voc" else np.where(free, overlap, -1.0))
        if protocol == "coco" and not (free[best] and overlap[best] >= least):
            best = _last_best(np.where(picture.ignored, overlap, -1.0))
        if overlap[best] >= least:
            verdicts[i] = -1 if picture.ignored[best] else int(free[best])
            free[best] = False
    return verdicts


def _last_best(values: Floats) -> int:
    """Return the place of the largest, of equal ones the last, which pycocotools takes."""
    return len(values) - 1 - int(np.argmax(values[::-1]))


def _area(precision: Floats, recall: Floats, protocol: Protocol) -> float:
    """Return the mean of falling precision over recall: at 101 points of it, or all."""
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    if protocol == "coco":
        at = np.searchsorted(recall, RECALLS, side="left")
        return float(np.append(falling, 0.0)[at].mean())
    return float((falling * np.diff(recall, prepend=0.0)).sum())


def _boxes(what: str, picture: int, given: ArrayLike, columns: int, classes: int) -> Floats:
    boxes = np.asarray(given, np.float64)
    boxes = boxes.reshape(0, columns) if not boxes.size else boxes
    where = f"average_precision: {what} boxes of picture {picture}"
    if boxes.ndim != 2 or boxes.shape[1] != columns:
        names = "x1, y1, x2, y2, score, class" if columns == 6 else "x1, y1, x2, y2, class"
        raise ValueError(f"{where} have shape {boxes.shape}, wanted (K, {columns}): {names}")
    if not np.isfinite(boxes).all():
        raise ValueError(f"{where} hold NaN or infinity, wanted numbers")
    if (boxes[:, 2:4] < boxes[:, :2]).any():
        worst = boxes[(boxes[:, 2:4] < boxes[:, :2]).any(1)][0, :4].tolist()
        raise ValueError(f"{where}: {worst} has x2 < x1 or y2 < y1, wanted x1, y1, x2, y2")
    labels = boxes[:, -1]
    if ((labels < 0) | (labels >= classes) | (labels != np.floor(labels))).any():
        raise IndexError(f"{where}: classes {np.unique(labels).tolist()} occur, wanted 0 to {classes - 1}")
    return boxes


def _flags(picture: int, given: Any, count: int) -> Flags:
    flags = np.zeros(count, bool) if given is None else np.asarray(given, bool)
    if flags.shape != (count,):
        raise ValueError(
            f"average_precision: difficult of picture {picture} has shape {flags.shape}, wanted ({count},)"
        )
    return flags
