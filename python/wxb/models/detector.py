"""A one-stage detector without anchors: at every fourth pixel it says what is centred there, and where its box ends.

Zhou, Wang, Krähenbühl, "Objects as points", 2019, arXiv:1904.07850, with the boxes learned over the middle of each
object as in Liu et al., "Training-time-friendly network", 2019, arXiv:1909.00700.
"""

from __future__ import annotations

import math
from typing import Any

import numpy

from .. import nn, ops
from ..tensor import Tensor, tensor
from .cnn import Block, conv_norm

__all__ = ["Detector", "decode_boxes", "detection_loss", "detector"]

Array = numpy.ndarray[Any, Any]

STRIDE = 4  # pixels from one answer to the next
REACH = 16.0  # pixels: a distance from centre to side for which the network says about 1


class Detector(nn.Module):
    """Pictures (N, H, W, channels) -> (N, H / 4, W / 4, classes + 4), H and W multiples of 16.

    The first ``classes`` channels are logits of an object's centre, the last four the corners x1, y1, x2, y2 of the box
    there, in pixels from the cell's place. The picture is halved four times, width, 2 width, 3 width wide, and what the
    coarse maps know is added to the finer ones (Lin et al. 2016, arXiv:1612.03144).
    """

    def __init__(self, classes: int, channels: int = 3, width: int = 64) -> None:
        fine, middle, coarse = width, 2 * width, 3 * width
        self.classes = classes
        self.standardize = nn.Standardize(channels)
        self.stem = conv_norm(channels, width // 2, stride=2)
        # Pooling and a convolution of stride 1, by Winograd's algorithm, take half the time of one of stride 2.
        self.fine = nn.Sequential(nn.MaxPool2d(2), conv_norm(width // 2, fine), Block(fine, fine))
        self.middle = nn.Sequential(nn.MaxPool2d(2), conv_norm(fine, middle), Block(middle, middle))
        deepest = Block(coarse, coarse), Block(coarse, coarse)
        self.coarse = nn.Sequential(nn.MaxPool2d(2), conv_norm(middle, coarse), *deepest)
        self.coarse_up = nn.Sequential(conv_norm(coarse, middle, 1), nn.Upsample(scale_factor=2))
        self.middle_up = nn.Sequential(conv_norm(middle, fine), nn.Upsample(scale_factor=2))
        answers = nn.Conv2d(middle, classes + 4, 1)
        assert answers.bias is not None
        answers.bias[...] = [-math.log(9)] * classes + [0.0] * 4  # a tenth everywhere: hardly a cell is a centre
        self.head = nn.Sequential(conv_norm(fine, fine), conv_norm(fine, middle), answers)
        self.sides = tensor([-REACH, -REACH, REACH, REACH])

    def forward(self, x: Tensor) -> Tensor:
        """X (N, H, W, channels) -> (N, H / 4, W / 4, classes + 4)."""
        if x.ndim != 4 or x.shape[1] % 16 or x.shape[2] % 16:
            raise ValueError(f"detector: input has shape {x.shape}, it must be (N, H, W, C), sides multiples of 16")
        fine = self.fine(self.stem(self.standardize(x)))
        middle = self.middle(fine)
        middle = ops.add(middle, self.coarse_up(self.coarse(middle)))
        answers = self.head(ops.add(fine, self.middle_up(middle)))
        logits, sides = ops.split(answers, (self.classes, 4), -1)
        return ops.concat([logits, ops.multiply(ops.softplus(sides), self.sides)], -1)


def detector(classes: int, channels: int = 3, width: int = 64) -> Detector:
    """Return a `Detector` for so many classes of objects."""
    return Detector(classes, channels, width)


def detection_loss(outputs: Tensor, objects: Tensor) -> Tensor:
    """Return the heat-map loss of the centres + 5 times the generalised IoU loss of the boxes.

    outputs: of a `Detector`; objects (N, M, 5): x1, y1, x2, y2 in pixels of its input and the class, -1 for none.
    """
    _, height, width, channels = outputs.shape
    heat, box, weight = ops.center_targets(objects, height, width, channels - 4, STRIDE)
    logits, corners = ops.split(outputs, (channels - 4, 4), -1)
    return ops.add(ops.heatmap_loss(logits, heat), ops.multiply(ops.giou_loss(corners, box, weight), 5.0))


def decode_boxes(outputs: Array, threshold: float = 0.01, most: int = 100, iou_threshold: float = 0.5) -> list[Array]:
    """Return for each picture the boxes found, (K, 6): x1, y1, x2, y2 in pixels, score, class; highest score first.

    outputs (N, H, W, classes + 4) of a `Detector`. A box stands where a score is the highest of the 3 x 3 around it and
    at least ``threshold``; the ``most`` best of a picture then pass non-maximum suppression within their class.
    """
    count, height, width, channels = outputs.shape
    cells, labels = height * width, channels - 4
    logits = numpy.ascontiguousarray(outputs[..., :labels])
    peaks = logits == ops.max_pool(tensor(logits), 3, 1, 1).numpy()
    scores = numpy.where(peaks, ops.sigmoid(tensor(logits)).numpy(), 0).reshape(count, cells * labels)
    best = numpy.argsort(-scores, 1, kind="stable")[:, :most]
    cell, classes, scores = best // labels, best % labels, numpy.take_along_axis(scores, best, 1)
    corners = numpy.take_along_axis(outputs[..., labels:].reshape(count, cells, 4), cell[..., None], 1)
    places = (numpy.stack([cell % width, cell // width] * 2, -1) + 0.5) * STRIDE
    sides = numpy.array([width, height] * 2) * STRIDE
    boxes = numpy.clip(corners + places, 0, sides).astype(outputs.dtype)
    kept = ops.nms(tensor(boxes), tensor(scores), iou_threshold, tensor(classes)).numpy()
    rows = numpy.concatenate([boxes, scores[..., None], classes[..., None]], -1)
    chosen = [row[k[k >= 0]] for row, k in zip(rows, kept)]
    return [row[row[:, 4] >= threshold] for row in chosen]
