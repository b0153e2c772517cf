"""Kernels of object detection beside the same arithmetic in each library."""

from __future__ import annotations

from typing import Any

import numpy

from .kernels import FLOAT, Array, normal, same
from .timing import Workload

__all__ = ["box_iou", "heatmap_loss"]


def _boxes(count: int, seed: int) -> Array:
    rng = numpy.random.default_rng(seed)
    corner = rng.uniform(0, 300, (count, 2))
    return numpy.concatenate([corner, corner + rng.uniform(10, 100, (count, 2))], 1).astype(numpy.float32)


def _pairwise(library: Any) -> Any:
    """Return the IoU of all pairs in the array functions that numpy, torch and jax share."""

    def iou(a: Any, b: Any) -> Any:
        a, b = a[:, None], b[None]
        width = library.minimum(a[..., 2], b[..., 2]) - library.maximum(a[..., 0], b[..., 0])
        height = library.minimum(a[..., 3], b[..., 3]) - library.maximum(a[..., 1], b[..., 1])
        shared = width.clip(min=0) * height.clip(min=0)
        areas = [(x[..., 2] - x[..., 0]) * (x[..., 3] - x[..., 1]) for x in (a, b)]
        return shared / (areas[0] + areas[1] - shared)

    return iou


def box_iou(rows: int, columns: int) -> Workload:
    """Intersection over union of every two boxes."""
    return same(
        f"box_iou {rows}x{columns}",
        lambda: [_boxes(rows, 0), _boxes(columns, 1)],
        {
            "wxb": lambda wxb: wxb.ops.box_iou,
            "torch": _pairwise,
            "jax": lambda jax: _pairwise(jax.numpy),
            "numpy": _pairwise,
        },
        bytes=FLOAT * rows * columns,
    )


def heatmap_loss(batch: int, height: int, width: int, classes: int) -> Workload:
    """Focal loss of heat maps (arXiv 1904.07850), and its gradient."""
    shape = batch, height, width, classes
    target = numpy.random.default_rng(2).random(shape, dtype=numpy.float32)
    target[target > 0.99] = 1.0

    def in_wxb(wxb: Any) -> Any:
        wanted = wxb.tensor(target)
        return lambda x: wxb.ops.heatmap_loss(x, wanted)

    def formula(t: Any, sigmoid: Any, log_sigmoid: Any) -> Any:
        peak, count = (t == 1) * 1.0, (t == 1).sum()

        def loss(x: Any) -> Any:
            p = sigmoid(x)
            return -(peak * (1 - p) ** 2 * log_sigmoid(x) + (1 - t) ** 4 * p**2 * log_sigmoid(-x)).sum() / count

        return loss

    def in_numpy(numpy: Any) -> Any:
        def both(x: Array, dy: Array) -> list[Array]:
            p, peak = 1 / (1 + numpy.exp(-x)), target == 1
            u, v, far = -numpy.log(p), -numpy.log(1 - p), (1 - target) ** 4
            loss = (peak * (1 - p) ** 2 * u + far * p**2 * v).sum()
            dx = far * p**2 * (p + 2 * (1 - p) * v) - peak * (1 - p) ** 2 * (1 - p + 2 * p * u)
            return [loss / peak.sum(), dx * (dy / peak.sum())]

        return both

    return same(
        f"heatmap_loss forward+backward {'x'.join(map(str, shape))}",
        lambda: [normal(*shape), numpy.array(1, numpy.float32)],
        {
            "wxb": in_wxb,
            "torch": lambda torch: formula(torch.tensor(target), torch.sigmoid, torch.nn.functional.logsigmoid),
            "jax": lambda jax: formula(jax.numpy.asarray(target), jax.nn.sigmoid, jax.nn.log_sigmoid),
            "numpy": in_numpy,
        },
        backward=True,
        bytes=3 * FLOAT * target.size,
    )
