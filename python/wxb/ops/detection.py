"""Ops of object detection: how boxes overlap, which to keep, what a detector is to say, and its losses.

A box is (x1, y1, x2, y2): what lies between two corners, whichever is given first.
"""

from __future__ import annotations

import math
import operator

import numpy

from ..autograd import Grads, record
from ..device import Array
from ..tensor import Tensor
from .reduce import expect_constant, expect_tensor

__all__ = ["box_iou", "center_targets", "focal_loss", "giou_loss", "heatmap_loss", "iou_loss", "nms"]


def box_iou(a: Tensor, b: Tensor) -> Tensor:
    """Return the share that every two boxes have in common, ``|a ∩ b| / |a ∪ b|``, 0 where neither has an area.

    a (N, 4), b (M, 4) of one dtype -> (N, M). It has no gradient; see `iou_loss`.
    """
    for what, boxes in (("a", a), ("b", b)):
        expect_constant("box_iou", what, boxes)
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise ValueError(f"box_iou: {what} has shape {boxes.shape}, it must be (N, 4): x1, y1, x2, y2")
    y = a.device.empty((a.shape[0], b.shape[0]), a.data.dtype)
    a.device.kernels.box_iou(a.data, b.data, y)
    return record(y, (a, b), _no_gradient)


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float = 0.5, classes: Tensor | None = None) -> Tensor:
    """Non-maximum suppression: return the numbers of the boxes to keep, highest score first, then -1 for the others.

    From the highest score down (of equal scores the first box) a box is kept unless its IoU with a kept one of the same
    class is above ``iou_threshold``. boxes (..., N, 4), scores (..., N), classes (..., N) int64 or None for one class
    -> (..., N) int64: one size whatever is kept, so that it can be captured. A box with NaN as score or corner is not
    kept. Raises ``ValueError`` for other shapes and a threshold outside [0, 1].
    """
    expect_constant("nms", "boxes", boxes)
    expect_constant("nms", "scores", scores)
    shape = scores.shape
    if not shape or boxes.shape != (*shape, 4):
        raise ValueError(f"nms: boxes have shape {boxes.shape} for scores {shape}, they must be (..., N, 4), (..., N)")
    if not 0 <= iou_threshold <= 1:
        raise ValueError(f"nms: iou_threshold is {iou_threshold}, it must be from 0 to 1")
    if classes is not None:
        expect_constant("nms", "classes", classes)
        if classes.shape != shape:
            raise ValueError(f"nms: classes have shape {classes.shape}, it must be that of the scores, {shape}")
    dev, flat = boxes.device, (math.prod(shape[:-1]), shape[-1])
    kept = dev.empty(shape, numpy.dtype(numpy.int64))
    labels = None if classes is None else classes.data.reshape(flat)
    dev.kernels.nms(
        boxes.data.reshape(*flat, 4), scores.data.reshape(flat), labels, kept.reshape(flat), float(iou_threshold)
    )
    return record(kept, (boxes, scores, classes), _no_gradient)


def _no_gradient(dy: Array, grads: Grads) -> None:
    raise AssertionError("an op without a gradient was walked backward")


def iou_loss(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean of ``1 - IoU`` over boxes, ``sum(w (1 - |p ∩ t| / |p ∪ t|)) / sum(w)``; without overlap it has no gradient.

    prediction and target (..., 4), weight (...) or None for 1 -> (). Rows of weight 0 do not count, whatever they hold;
    the mean of nothing is 0. Raises ``ValueError`` for other shapes. Yu et al. 2016, arXiv:1608.01471.
    """
    return _box_loss("iou", prediction, target, weight)


def giou_loss(prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean of ``1 - GIoU`` over boxes, ``GIoU = IoU - (|h| - |p ∪ t|) / |h|`` with h the smallest box around both.

    Arguments as for `iou_loss`; boxes apart are pulled together. Rezatofighi et al. 2019, arXiv:1902.09630.
    """
    return _box_loss("giou", prediction, target, weight)


def _box_loss(kind: str, prediction: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    name = f"{kind}_loss"
    expect_tensor(name, "prediction", prediction)
    expect_constant(name, "target", target)
    pa, ta, wa = prediction.data, target.data, None
    if pa.shape != ta.shape or pa.shape[-1:] != (4,):
        raise ValueError(
            f"{name}: prediction has shape {pa.shape}, target {ta.shape}; both must be (..., 4): x1, y1, x2, y2"
        )
    rows = math.prod(pa.shape[:-1])
    if weight is not None:
        expect_constant(name, "weight", weight)
        if weight.shape != pa.shape[:-1]:
            raise ValueError(f"{name}: weight has shape {weight.shape}, it must be {pa.shape[:-1]}")
        wa = weight.data.reshape(rows)
    pa, ta = pa.reshape(rows, 4), ta.reshape(rows, 4)
    dev = prediction.device
    op, loss, total = getattr(dev.kernels.BoxLoss, kind), dev.empty((), pa.dtype), dev.empty((), pa.dtype)
    dev.kernels.box_loss_forward(op, pa, ta, wa, loss, total)

    def backward(dy: Array, grads: Grads) -> Array:
        dprediction = grads()
        dev.kernels.box_loss_backward(op, pa, ta, wa, total, dy, dprediction.reshape(rows, 4))
        return dprediction

    return record(loss, (prediction,), backward)


def focal_loss(logits: Tensor, target: Tensor, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """Binary cross-entropy in which what is right already counts little, so that rare positives are learned.

    ``sum(-α t (1 - p)^γ log p - (1 - α) (1 - t) p^γ log(1 - p)) / max(1, number of t = 1)``, p the logistic function of
    the logits. logits and target, 0 or 1, of one shape -> (). Raises ``ValueError`` unless 0 <= alpha <= 1 and gamma is
    finite and not negative. Lin et al. 2017, arXiv:1708.02002.
    """
    if not 0 <= alpha <= 1:
        raise ValueError(f"focal_loss: alpha is {alpha}, it must be from 0 to 1")
    return _focal("focal_loss", "sigmoid", logits, target, gamma, alpha)


def heatmap_loss(logits: Tensor, target: Tensor, gamma: float = 2.0, beta: float = 4.0) -> Tensor:
    """Focal loss of heat maps: the target is 1 at an object's centre and falls off around it, where less is punished.

    ``sum(-[t = 1] (1 - p)^γ log p - (1 - t)^β p^γ log(1 - p)) / max(1, number of t = 1)``, p the logistic function of
    the logits. logits and target, in [0, 1], of one shape -> (). Raises ``ValueError`` unless gamma is finite and not
    negative, beta finite and positive. Zhou, Wang, Krähenbühl 2019, arXiv:1904.07850 (γ is its α).
    """
    if not 0 < beta < math.inf:
        raise ValueError(f"heatmap_loss: beta is {beta}, it must be positive and finite")
    return _focal("heatmap_loss", "heatmap", logits, target, gamma, beta)


def _focal(name: str, kind: str, logits: Tensor, target: Tensor, gamma: float, shape: float) -> Tensor:
    expect_tensor(name, "logits", logits)
    expect_constant(name, "target", target)
    xa, ta = logits.data, target.data
    if xa.shape != ta.shape:
        raise ValueError(f"{name}: logits have shape {xa.shape}, target has shape {ta.shape}; they must be equal")
    if not 0 <= gamma < math.inf:
        raise ValueError(f"{name}: gamma is {gamma}, it must be finite and not negative")
    dev = logits.device
    op, loss, total = getattr(dev.kernels.Focal, kind), dev.empty((), xa.dtype), dev.empty((), xa.dtype)
    dev.kernels.focal_loss_forward(op, xa, ta, loss, total, gamma, shape)

    def backward(dy: Array, grads: Grads) -> Array:
        dx = grads()
        dev.kernels.focal_loss_backward(op, xa, ta, total, dy, dx, gamma, shape)
        return dx

    return record(loss, (logits,), backward)


def center_targets(
    objects: Tensor, height: int, width: int, classes: int, stride: float = 4.0, spread: float = 0.54
) -> tuple[Tensor, Tensor, Tensor]:
    """Return what a detector by centres is to say: heat (N, height, width, classes), box (N, height, width, 4), weight.

    objects (N, M, 5): x1, y1, x2, y2 in pixels, class; those of class -1 do not count. Cell (i, j) stands at
    (x, y) = (j + 1/2, i + 1/2) stride. heat: 1 in the cell that holds an object's centre, a bell around it over the
    ``spread`` part of its box. box: within that part the corners, less the cell's place (the smaller object has the
    cell); weight (N, height, width): a bell that sums to 1 over an object's cells, 0 elsewhere. For `heatmap_loss` and
    `giou_loss`. Raises ``IndexError`` for another class, ``FloatingPointError`` for NaN. Zhou, Wang, Krähenbühl 2019,
    arXiv:1904.07850; Liu et al. 2019, arXiv:1909.00700.
    """
    expect_constant("center_targets", "objects", objects)
    shape = operator.index(height), operator.index(width), operator.index(classes)
    if objects.ndim != 3 or objects.shape[2] != 5:
        raise ValueError(
            f"center_targets: objects have shape {objects.shape}, they must be (N, M, 5): x1, y1, x2, y2, class"
        )
    if min(shape) < 1:
        raise ValueError(f"center_targets: height, width, classes are {shape}, they must be positive")
    if not 0 < stride < 1e9 or not 0 <= spread < 1e9:
        raise ValueError(f"center_targets: stride is {stride}, spread {spread}; they must be positive")
    dev, oa = objects.device, objects.data
    heat = dev.empty((oa.shape[0], *shape), oa.dtype)
    box, weight = dev.empty((*heat.shape[:3], 4), oa.dtype), dev.empty(heat.shape[:3], oa.dtype)
    dev.kernels.center_targets(oa, heat, box, weight, stride, spread)
    return (
        record(heat, (objects,), _no_gradient),
        record(box, (objects,), _no_gradient),
        record(weight, (objects,), _no_gradient),
    )
