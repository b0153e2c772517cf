"""Average precision against pycocotools, against Pascal VOC's rules written plainly, and by hand."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from wxb.train import bootstrap
from wxb.train.detection import average_precision

Array = np.ndarray
CLASSES = 3


def pictures(seed: int, count: int, crowded: bool = False) -> tuple[list[Array], list[Array]]:
    """Draw objects, and boxes some of which lie near them; with ties of scores, and pictures without either."""
    rng, predicted, actual = np.random.default_rng(seed), [], []
    for _ in range(count):
        m = int(rng.integers(0, 12))
        corner, size = rng.uniform(0, 40 if crowded else 200, (m, 2)), rng.uniform(10, 60, (m, 2))
        true = np.concatenate([corner, corner + size, rng.integers(0, CLASSES, (m, 1))], 1)
        near = true[rng.random(m) < 0.8].repeat(2, 0)
        near[:, :4] += rng.uniform(-5, 5, (len(near), 4))
        stray = rng.uniform(0, 200, (int(rng.integers(0, 6)), 2))
        stray = np.concatenate([stray, stray + 30, rng.integers(0, CLASSES, (len(stray), 1))], 1)
        found = np.concatenate([near, stray])
        scores = np.round(rng.random((len(found), 1)), 2)
        predicted.append(np.concatenate([found[:, :4], scores, found[:, 4:]], 1))
        actual.append(true)
    return predicted, actual


def by_coco(predicted: list[Array], actual: list[Array], iou: list[float]) -> list[float]:
    coco = pytest.importorskip("pycocotools.coco")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    notes, found = [], []
    for i, (boxes, true) in enumerate(zip(predicted, actual)):
        for x1, y1, x2, y2, k in true:
            box, area = [x1, y1, x2 - x1, y2 - y1], (x2 - x1) * (y2 - y1)
            notes.append({"id": len(notes) + 1, "image_id": i, "category_id": int(k), "bbox": box, "area": area})
            notes[-1]["iscrowd"] = 0
        for x1, y1, x2, y2, score, k in boxes:
            found.append({"image_id": i, "category_id": int(k), "bbox": [x1, y1, x2 - x1, y2 - y1], "score": score})
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        truth.dataset = {
            "images": [{"id": i} for i in range(len(actual))],
            "annotations": notes,
            "categories": [{"id": k} for k in range(CLASSES)],
        }
        truth.createIndex()
        run = evaluation.COCOeval(truth, truth.loadRes(found), "bbox")
        run.params.iouThrs = np.array(iou)
        run.evaluate()
        run.accumulate()
    precision = run.eval["precision"][:, :, :, 0, -1]  # thresholds, recalls, classes; all sizes, 100 boxes
    return [float(p[p > -1].mean()) if (p > -1).any() else np.nan for p in precision.transpose(2, 0, 1)]


@pytest.mark.parametrize("iou", [[0.5], [0.75], [0.5 + 0.05 * i for i in range(10)]])
@pytest.mark.parametrize("crowded", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_equals_pycocotools(iou: list[float], crowded: bool) -> None:
    for seed in range(5):
        predicted, actual = pictures(seed, 12, crowded)
        got = average_precision(predicted, actual, CLASSES, iou)
        want = by_coco(predicted, actual, iou)
        np.testing.assert_allclose(got.ap, want, atol=1e-9)
        assert got.mean == pytest.approx(np.nanmean(want), abs=1e-9)


def voc_ap(predicted: list[Array], actual: list[Array], difficult: list[Array], k: int, least: float) -> float:
    """Pascal VOC's rules, box by box."""
    taken = [np.zeros(len(true), bool) for true in actual]
    rows = [(-box[4], i, j) for i, boxes in enumerate(predicted) for j, box in enumerate(boxes) if box[5] == k]
    right, points = 0, []
    objects = sum(int(((true[:, 4] == k) & ~hard).sum()) for true, hard in zip(actual, difficult))
    count = 0
    for _, i, j in sorted(rows):
        box, best, at = predicted[i][j], -1.0, -1
        for m, (x1, y1, x2, y2, label) in enumerate(actual[i]):
            if label == k:
                w, h = min(x2, box[2]) - max(x1, box[0]), min(y2, box[3]) - max(y1, box[1])
                shared = max(w, 0) * max(h, 0)
                iou = shared / ((x2 - x1) * (y2 - y1) + (box[2] - box[0]) * (box[3] - box[1]) - shared)
                if iou > best:
                    best, at = iou, m
        if best >= least and difficult[i][at]:
            continue
        count += 1
        if best >= least and not taken[i][at]:
            taken[i][at] = True
            right += 1
        points.append((right / objects, right / count))
    area, recall = 0.0, 0.0
    for place, (r, _) in enumerate(points):
        area += (r - recall) * max(p for _, p in points[place:])
        recall = r
    return area


@pytest.mark.parametrize("crowded", [False, True])
def test_equals_the_rules_of_pascal_voc(crowded: bool) -> None:
    rng = np.random.default_rng(0)
    for seed in range(4):
        predicted, actual = pictures(seed, 10, crowded)
        hard = [rng.random(len(true)) < 0.2 for true in actual]
        got = average_precision(predicted, actual, CLASSES, 0.5, "voc", hard)
        want = [voc_ap(predicted, actual, hard, k, 0.5) for k in range(CLASSES)]
        np.testing.assert_allclose(got.ap, want, atol=1e-12)


BOX = [0.0, 0, 10, 10]


@pytest.mark.parametrize("protocol", ["coco", "voc"])
def test_by_hand(protocol: Any) -> None:
    def ap(predicted: Any, actual: Any, **more: Any) -> Any:
        return average_precision([predicted], [actual], 2, protocol=protocol, **more).ap

    right, wrong, twin = [*BOX, 0.9, 0], [50, 50, 60, 60, 0.95, 0], [*BOX, 0.8, 0]
    assert ap([right], [[*BOX, 0]])[0] == 1.0
    assert np.isnan(ap([right], [[*BOX, 0]])[1])  # no object of class 1
    assert ap([], [[*BOX, 0]])[0] == 0.0
    assert ap([wrong, right], [[*BOX, 0]])[0] == pytest.approx(0.5)
    assert ap([right, twin], [[*BOX, 0]])[0] == 1.0  # a second box on it costs nothing after the last object
    assert ap([right], [[*BOX, 1]])[1] == 0.0  # another class
    assert ap([wrong, right], [[*BOX, 0], [50, 50, 60, 60, 0]], difficult=[[False, True]])[0] == 1.0
    scores = average_precision([[wrong, right]], [[[*BOX, 0]]], 2, protocol=protocol)
    assert [c.tolist() for c in scores.curves[0]] == [[0.95, 0.9], [0.0, 0.5], [0.0, 1.0]]
    assert scores.objects.tolist() == [1, 0] and scores.mean == pytest.approx(0.5)


def test_two_objects_one_place() -> None:
    """COCO gives the second box to the second object, VOC calls it wrong: its best object is taken."""
    true = [[*BOX, 0], [0, 0, 10, 9, 0]]
    found = [[*BOX, 0.9, 0], [0, 0, 10, 9.9, 0.8, 0]]
    assert average_precision([found], [true], 1).mean == 1.0
    assert average_precision([found], [true], 1, protocol="voc").mean == 0.5


@pytest.mark.parametrize(
    ("predicted", "actual", "more", "error", "message"),
    [
        ([[]], [[], []], {}, ValueError, "1 pictures with predicted boxes, 2 with actual ones"),
        ([[BOX]], [[]], {}, ValueError, "predicted boxes of picture 0 have shape (1, 4), wanted (K, 6)"),
        ([[]], [[BOX]], {}, ValueError, "actual boxes of picture 0 have shape (1, 4), wanted (K, 5)"),
        ([[[*BOX, np.nan, 0]]], [[]], {}, ValueError, "predicted boxes of picture 0 hold NaN"),
        ([[]], [[[9, 0, 3, 4, 0]]], {}, ValueError, "[9.0, 0.0, 3.0, 4.0] has x2 < x1 or y2 < y1"),
        ([[]], [[[*BOX, 2]]], {}, IndexError, "classes [2.0] occur, wanted 0 to 1"),
        ([[]], [[[*BOX, 0]]], {"iou": 0}, ValueError, "iou is 0, wanted numbers above 0"),
        ([[]], [[[*BOX, 0]]], {"protocol": "x"}, ValueError, "protocol is 'x', wanted 'coco' or 'voc'"),
        ([[]], [[[*BOX, 0]]], {"difficult": [[True] * 2]}, ValueError, "has shape (2,), wanted (1,)"),
    ],
)
def test_bad_input(predicted: Any, actual: Any, more: dict[str, Any], error: Any, message: str) -> None:
    with pytest.raises(error) as caught:
        average_precision(predicted, actual, 2, **more)
    assert message in str(caught.value)


def test_nothing_at_all() -> None:
    assert np.isnan(average_precision([], [], 2).mean)
    assert np.isnan(average_precision([[[*BOX, 0.5, 0]]], [[]], 2).mean)


@pytest.mark.parametrize("protocol", ["coco", "voc"])
@pytest.mark.parametrize("iou", [0.5, [0.5, 0.75]])
def test_the_interval_is_that_of_pictures_drawn_again(protocol: Any, iou: Any) -> None:
    """Matching boxes once and weighing pictures gives what matching each sample would."""
    predicted, actual = pictures(3, 15)
    rng = np.random.default_rng(0)
    predicted = [np.concatenate([b[:, :4], rng.random((len(b), 1)), b[:, 5:]], 1) for b in predicted]  # without ties
    hard = [rng.random(len(true)) < 0.2 for true in actual]
    scores = average_precision(predicted, actual, CLASSES, iou, protocol, hard)

    def anew(rows: Array) -> float:
        again = ([part[i] for i in rows] for part in (predicted, actual, hard))
        found, true, difficult = again
        return average_precision(found, true, CLASSES, iou, protocol, difficult).mean

    estimate = scores.estimate(samples=40, seed=2)
    assert estimate == pytest.approx(bootstrap(anew, np.arange(15), samples=40, seed=2))
    assert estimate.value == scores.mean and estimate.low < estimate.value < estimate.high


def test_without_an_object_there_is_no_interval() -> None:
    scores = average_precision([np.empty((0, 6))] * 2, [np.empty((0, 5))] * 2, CLASSES)
    assert np.isnan(scores.estimate(samples=5)).all()
