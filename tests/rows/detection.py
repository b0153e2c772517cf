"""Rows of wxb.ops.detection."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import wxb
from wxb import ops

from . import Array, Fault, Row, Sample, normal

NAN_OR_TINY = (np.nan, -0.0, 2.0**-140)  # between infinite corners lies no area


def corners(boxes: Array) -> list[Array]:
    """Return x1, y1, x2, y2 with x1 <= x2 and y1 <= y2; NaN in one makes all NaN."""
    low, high = np.minimum(boxes[..., :2], boxes[..., 2:]), np.maximum(boxes[..., :2], boxes[..., 2:])
    return [low[..., 0], low[..., 1], high[..., 0], high[..., 1]]


def divided(a: Array, b: Array) -> Array:
    return np.where(b == 0, 0.0, a / np.where(b == 0, 1.0, b))


def areas(p: Array, t: Array) -> tuple[Array, Array, Array]:
    """Return intersection, union and the smallest box around both."""
    (a, b, c, d), (e, f, g, h) = corners(p), corners(t)
    width, height = np.minimum(c, g) - np.maximum(a, e), np.minimum(d, h) - np.maximum(b, f)
    shared = np.where((width > 0) & (height > 0), width * height, 0.0)
    either = (c - a) * (d - b) + (g - e) * (h - f) - shared
    return shared, either, (np.maximum(c, g) - np.minimum(a, e)) * (np.maximum(d, h) - np.minimum(b, f))


def iou(p: Array, t: Array) -> Array:
    shared, either, _ = areas(p, t)
    return divided(shared, either)


def giou(p: Array, t: Array) -> Array:
    shared, either, hull = areas(p, t)
    return divided(shared, either) - divided(hull - either, hull)


def boxes(rng: np.random.Generator, *shape: int, size: float = 10.0) -> Array:
    """Draw boxes whose corners float32 holds exactly, a tenth with the corners exchanged."""
    centre, half = 40 * rng.random((*shape, 2)), size * (0.05 + rng.random((*shape, 2)))
    half[rng.random(shape) < 0.1] *= -1
    return np.asarray(np.concatenate([centre - half, centre + half], -1), np.float32).astype(np.float64)


SIZES = [(0, 0), (0, 3), (3, 0), (1, 1), (2, 5), (7, 3), (1, 129), (64, 1), (33, 17)]


def pairwise(a: Array, b: Array) -> Array:
    return iou(a[:, None], b[None])


def pairwise_samples(rng: np.random.Generator) -> list[Sample]:
    same = boxes(rng, 5)
    flat = same.copy()
    flat[:, 2] = flat[:, 0]
    plain: list[Sample] = [(boxes(rng, n), boxes(rng, m)) for n, m in SIZES]
    return [*plain, (same, same[::-1].copy()), (flat, flat), (flat, same)]


def kept(boxes: Array, scores: Array, threshold: float = 0.5, classes: Array | None = None) -> Array:
    """Keep boxes the plain way, one picture after the other."""
    result = np.full(scores.shape, -1)
    for picture in np.ndindex(scores.shape[:-1]):
        b, s = boxes[picture], scores[picture]
        c = np.zeros(len(s)) if classes is None else classes[picture]
        numbers = [i for i in range(len(s)) if not np.isnan(s[i]) and not np.isnan(b[i]).any()]
        chosen: list[int] = []
        for i in sorted(numbers, key=lambda i: (-s[i], i)):
            if all(c[i] != c[j] or iou(b[i], b[j]) <= threshold for j in chosen):
                chosen.append(i)
        result[picture][: len(chosen)] = chosen
    return result


def nms_samples(rng: np.random.Generator) -> list[Sample]:
    def scores(*shape: int) -> Array:
        return np.round(rng.random(shape), 1).astype(np.float32).astype(np.float64)  # with ties

    plain: list[Sample] = [(boxes(rng, n), scores(n)) for n in (0, 1, 2, 3, 17, 65)]
    b, s = boxes(rng, 3, 40), scores(3, 40)
    return [
        *plain,
        (b, s, 0.3),
        (b, s, 0.0, rng.integers(0, 3, (3, 40))),
        (b, s, 0.5, rng.integers(-1, 2, (3, 40))),
        (b[0, [0] * 6], s[0, :6]),
        (boxes(rng, 2, 0), scores(2, 0)),
        (boxes(rng, 2, 2, 5), scores(2, 2, 5), 1.0),
    ]


def mean_of(f: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    def loss(p: Array, t: Array, weight: Array | None = None) -> Array:
        w = np.ones(p.shape[:-1]) if weight is None else weight
        total = w.sum()
        return np.where(w == 0, 0.0, w * (1 - f(p, t))).sum() / total if total else np.zeros(())

    return loss


def loss_samples(rng: np.random.Generator) -> list[Sample]:
    plain: list[Sample] = [(boxes(rng, n), boxes(rng, n)) for n in (0, 1, 2, 3, 7, 64, 1009)]
    p, t = boxes(rng, 4, 5), boxes(rng, 4, 5)
    near = np.asarray(t + rng.uniform(-2, 2, t.shape), np.float32).astype(np.float64)
    weight = np.asarray(rng.random((4, 5)), np.float32).astype(np.float64) * (rng.random((4, 5)) < 0.6)
    return [*plain, (p, t), (near, t), (near, t, weight), (near, t, np.zeros((4, 5))), (p[0, 0], t[0, 0])]


def box_loss(name: str, f: Callable[[Array, Array], Array]) -> Row:
    one = wxb.tensor(np.ones((3, 4)))
    return Row(
        name,
        getattr(ops, name),
        mean_of(f),
        loss_samples,
        large=lambda rng: (boxes(rng, 20000), boxes(rng, 20000)),
        roundings=8,
        magnitude=lambda *a: 2.0 * np.ones(()),
        special=NAN_OR_TINY,
        slope=1,
        errors=[
            Fault(lambda: (one, wxb.tensor(np.ones((4, 4)))), ValueError, "target (4, 4); both must be (..., 4)"),
            Fault(lambda: (wxb.tensor(np.ones((3, 5))),) * 2, ValueError, "both must be (..., 4): x1, y1, x2, y2"),
            Fault(lambda: (one, one, wxb.tensor(np.ones(4))), ValueError, "weight has shape (4,), it must be (3,)"),
            Fault(lambda: (one, wxb.tensor(np.ones((3, 4)), "float64")), TypeError, "it must be float32"),
            Fault(
                lambda: (one, wxb.tensor(np.ones((3, 4)), requires_grad=True)),
                ValueError,
                "target requires a gradient, it gets none",
            ),
        ],
    )


# ---- focal losses ----


def surprises(x: Array) -> tuple[Array, Array]:
    """Return -log p and -log(1 - p) of logits."""
    return np.logaddexp(0, -x), np.logaddexp(0, x)


def focal(x: Array, t: Array, alpha: float = 0.25, gamma: float = 2.0) -> Array:
    u, v = surprises(x)
    terms = alpha * t * np.exp(-gamma * v) * u + (1 - alpha) * (1 - t) * np.exp(-gamma * u) * v
    return terms.sum() / max(1, (t == 1).sum())


def heatmap(x: Array, t: Array, gamma: float = 2.0, beta: float = 4.0) -> Array:
    u, v = surprises(x)
    terms = np.where(t == 1, np.exp(-gamma * v) * u, (1 - t) ** beta * np.exp(-gamma * u) * v)
    return terms.sum() / max(1, (t == 1).sum())


def focal_row(name: str, oracle: Callable[..., Array], *parameters: float) -> Row:
    def targets(rng: np.random.Generator, *shape: int) -> Array:
        if name.startswith("focal"):
            return np.asarray(rng.random(shape) < 0.2, np.float64)
        return np.asarray(np.minimum(np.asarray(1.2 * rng.random(shape), np.float32), 1), np.float64)

    shapes: list[tuple[int, ...]] = [(n,) for n in (0, 1, 3, 4, 7, 8, 9, 16, 31, 33, 65, 4097)] + [(), (2, 3, 5)]
    return Row(
        name,
        getattr(ops, name.partition("[")[0]),
        oracle,
        samples=lambda rng: [(normal(rng, *s, scale=3), targets(rng, *s), *parameters) for s in shapes],
        large=lambda rng: (normal(rng, 300, 70), targets(rng, 300, 70), *parameters),
        roundings=lambda x, *_: 64.0 + x.size,
        special=NAN_OR_TINY if name.startswith("focal") else (-0.0, 2.0**-140),
        slope=1,
        errors=[
            Fault(
                lambda: (wxb.tensor(np.ones((4, 1))), wxb.tensor(np.ones(4))),
                ValueError,
                "logits have shape (4, 1), target has shape (4,); they must be equal",
            ),
            Fault(lambda: (wxb.tensor([1.0]), wxb.tensor([1])), TypeError, "it must be float32"),
            Fault(
                lambda: (*[wxb.tensor([1.0])] * 2, *((0.5, -1.0) if name.startswith("focal") else (-1.0,))),
                ValueError,
                "gamma is -1.0, it must be finite and not negative",
            ),
            Fault(
                lambda: (*[wxb.tensor([1.0])] * 2, *((1.5,) if name.startswith("focal") else (2.0, 0.0))),
                ValueError,
                "alpha is 1.5, it must be from 0 to 1" if name.startswith("focal") else "beta is 0.0, it must be posit",
            ),
        ],
    )


# ---- targets ----


def targets(
    objects: Array, height: int, width: int, classes: int, stride: float = 4.0, spread: float = 0.54
) -> list[Array]:
    """Draw the bells on whole grids; the smallest object is drawn last, of equal ones the first."""
    count = len(objects)
    heat = np.zeros((count, height, width, classes))
    box, weight = np.zeros((count, height, width, 4)), np.zeros((count, height, width))
    rows, columns = np.arange(height), np.arange(width)
    places = np.stack(np.broadcast_arrays((columns + 0.5) * stride, ((rows + 0.5) * stride)[:, None]) * 2, -1)
    for n, picture in enumerate(objects):
        area = (picture[:, 2] - picture[:, 0]) * (picture[:, 3] - picture[:, 1])
        for m in sorted(range(len(picture)), key=lambda m: (-area[m], -m)):
            x1, y1, x2, y2, label = picture[m]
            if label == -1:
                continue
            bells = []
            for low, high, cells in ((y1, y2, rows), (x1, x2, columns)):
                centre = np.clip(np.floor((low + high) / 2 / stride), 0, len(cells) - 1)
                reach = np.floor(spread * (high - low) / 2 / stride)
                bell = np.exp(-((cells - centre) ** 2) / 2 / ((2 * reach + 1) / 6) ** 2)
                bells.append(np.where(np.abs(cells - centre) <= reach, bell, 0.0))
            g = bells[0][:, None] * bells[1]
            heat[n, ..., int(label)] = np.maximum(heat[n, ..., int(label)], g)
            box[n][g > 0] = ([x1, y1, x2, y2] - places)[g > 0]
            weight[n][g > 0] = (g / g.sum())[g > 0]
    return [heat, box, weight]


def objects(rng: np.random.Generator, count: int, most: int, classes: int) -> Array:
    """Draw objects of which a quarter are none, on quarters of pixels: areas that differ do so in float32 too."""
    found = np.concatenate([np.abs(boxes(rng, count, most, size=14)), rng.integers(0, classes, (count, most, 1))], -1)
    found[..., :4] = np.round(4 * np.stack(corners(found[..., :4]), -1)) / 4
    found[..., 4] = np.where(rng.random((count, most)) < 0.25, -1, found[..., 4])
    return found


def target_samples(rng: np.random.Generator) -> list[Sample]:
    return [
        (objects(rng, 1, 1, 1), 10, 12, 1),
        (objects(rng, 2, 5, 3), 10, 12, 3),
        (objects(rng, 3, 20, 2), 11, 9, 2),  # some lie outside of the grid
        (objects(rng, 2, 6, 3), 7, 5, 4, 8.0, 1.0),
        (objects(rng, 1, 6, 2), 21, 23, 2, 2.0, 0.0),
        (objects(rng, 2, 12, 3), 10, 12, 3, 4.0, 0.8),
        (objects(rng, 0, 3, 1), 4, 4, 1),
        (objects(rng, 2, 0, 1), 4, 4, 2),
    ]


def one_object(*values: float) -> Callable[[], Sample]:
    return lambda: (wxb.tensor(np.array([[values]], np.float32)), 4, 4, 2)


TARGET_FAULTS = [
    Fault(one_object(0, 0, 8, 8, 2), IndexError, "at position 0 an index or label is out of range"),
    Fault(one_object(0, 0, 8, 8, 0.5), IndexError, "at position 0 an index or label is out of range"),
    Fault(one_object(0, 0, 8, 8, -2), IndexError, "at position 0 an index or label is out of range"),
    Fault(one_object(0, np.nan, 8, 8, 1), FloatingPointError, "at position 0 a value is not finite"),
    Fault(one_object(0, 0, 8, np.inf, 1), FloatingPointError, "at position 0 a value is not finite"),
    Fault(one_object(0, 0, 8, 8, np.nan), FloatingPointError, "at position 0 a value is not finite"),
    Fault(lambda: (wxb.tensor(np.ones((2, 3, 4))), 4, 4, 2), ValueError, "they must be (N, M, 5)"),
    Fault(lambda: (wxb.tensor(np.ones((2, 3, 5))), 0, 4, 2), ValueError, "(0, 4, 2), they must be positive"),
    Fault(lambda: (wxb.tensor(np.ones((2, 3, 5))), 4, 4, 2, 0.0), ValueError, "stride is 0.0, spread 0.54"),
]

FOUR = wxb.tensor(np.ones((3, 4)))

ROWS = [
    Row(
        "box_iou",
        ops.box_iou,
        pairwise,
        pairwise_samples,
        large=lambda rng: (boxes(rng, 300), boxes(rng, 170)),
        grad=(),
        roundings=2,
        special=NAN_OR_TINY,
        errors=[
            Fault(lambda: (FOUR, wxb.tensor(np.ones(4))), ValueError, "b has shape (4,), it must be (N, 4)"),
            Fault(lambda: (FOUR, wxb.tensor(np.ones((1, 4)), "float64")), TypeError, "it must be float32"),
            Fault(lambda: (wxb.tensor(np.ones((3, 5))), FOUR), ValueError, "a has shape (3, 5)"),
        ],
    ),
    Row(
        "nms",
        ops.nms,
        kept,
        nms_samples,
        large=lambda rng: (boxes(rng, 9, 300), np.round(rng.random((9, 300)), 2)),
        grad=(),
        special=(np.nan, -0.0, np.inf, -np.inf),
        errors=[
            Fault(lambda: (FOUR, wxb.tensor(np.ones(4))), ValueError, "boxes have shape (3, 4) for scores (4,)"),
            Fault(lambda: (FOUR, wxb.tensor(np.ones(3)), 1.5), ValueError, "iou_threshold is 1.5, it must be from 0"),
            Fault(
                lambda: (FOUR, wxb.tensor(np.ones(3)), 0.5, wxb.tensor([1, 2])),
                ValueError,
                "classes have shape (2,), it must be that of the scores, (3,)",
            ),
            Fault(lambda: (FOUR, wxb.tensor(np.ones(3)), 0.5, wxb.tensor(np.ones(3))), TypeError, "it must be int64"),
        ],
    ),
    box_loss("iou_loss", iou),
    box_loss("giou_loss", giou),
    focal_row("focal_loss", focal),
    focal_row("focal_loss[0.6, 1.5]", focal, 0.6, 1.5),
    focal_row("focal_loss[0.5, 0]", focal, 0.5, 0.0),
    focal_row("heatmap_loss", heatmap),
    focal_row("heatmap_loss[1.5, 2]", heatmap, 1.5, 2.0),
    Row(
        "center_targets",
        ops.center_targets,
        targets,
        target_samples,
        large=lambda rng: (objects(rng, 8, 20, 3), 40, 40, 3),
        grad=(),
        roundings=16,
        special=(-0.0,),  # other numbers are no classes
        errors=TARGET_FAULTS,
    ),
]
