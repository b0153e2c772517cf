"""The capsule network, and its decoder."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .. import nn, ops
from ..tensor import Tensor

__all__ = ["CapsNet", "capsnet"]


class CapsNet(nn.Module):
    """Two convolutions, capsules of each class routed from what they see, and a decoder of the picture from these.

    Sabour, Frosst, Hinton 2017, arXiv:1710.09829. x (N, H, W, channels), ink from 0 to 255 -> capsules (N, classes,
    size): how long one is says how likely its class is there, where it points to how the thing looks.
    """

    def __init__(
        self, shape: Sequence[int], classes: int, width: int, capsules: int, size: int, iterations: int
    ) -> None:
        height, across, channels = shape
        sides = [(side - 8 - 9) // 2 + 1 for side in (height, across)]  # after 9 x 9, and 9 x 9 in steps of 2
        if min(sides) < 1:
            raise ValueError(f"capsnet: pictures are {height} x {across}, they must be at least 17 x 17")
        self.scale = nn.Standardize(channels)
        self.scale.scale[...] = 1 / 255
        self.conv = nn.Conv2d(channels, width, 9, activation="relu")
        self.primary = nn.PrimaryCapsules(width, capsules, 8, 9, 2)
        self.digits = nn.RoutingCapsules(math.prod(sides) * capsules, 8, classes, size, iterations)
        self.decoder = nn.Sequential(
            nn.Linear(classes * size, 512, "relu"),
            nn.Linear(512, 1024, "relu"),
            nn.Linear(1024, math.prod(shape), "sigmoid"),
        )

    def forward(self, x: Tensor) -> Tensor:
        """X (N, H, W, channels) -> capsules (N, classes, size)."""
        return self.digits(self.primary(self.conv(self.scale(x))))  # type: ignore[no-any-return]

    def reconstruct(self, capsules: Tensor, there: Tensor) -> Tensor:
        """Decode the capsules of the classes that are there: (N, classes, size), (N, classes) of 0 and 1 ->
        pictures (N, H W channels) from 0 to 1.
        """
        masked = ops.multiply(capsules, ops.expand_dims(there, 2))
        return self.decoder(ops.flatten(masked, 1))  # type: ignore[no-any-return]

    def loss(self, capsules: Tensor, target: Tensor, reconstruction: float = 5e-4) -> Tensor:
        """Return the margin loss of the lengths plus ``reconstruction`` times the squared error of the decoded picture.

        target (N, classes + H W channels): which classes are there, then the picture from 0 to 1.
        """
        classes = capsules.shape[1]
        there, picture = target[:, :classes], target[:, classes:]  # type: ignore[index]
        error = ops.mse(self.reconstruct(capsules, there), picture)
        margin = ops.margin_loss(ops.norm(capsules, -1), there)
        return ops.add(margin, ops.multiply(error, reconstruction * picture.shape[1]))


def capsnet(
    shape: Sequence[int] = (28, 28, 1),
    classes: int = 10,
    width: int = 256,
    capsules: int = 32,
    size: int = 16,
    iterations: int = 3,
) -> CapsNet:
    """Build the paper's network; with ``width=64, capsules=8`` one that takes a thirteenth of its products.

    shape: (H, W, channels) of the pictures; width: channels of the first convolution; capsules: of each of the pixels
    that the second one makes; size: of a class's capsule.
    """
    return CapsNet(shape, classes, width, capsules, size, iterations)
