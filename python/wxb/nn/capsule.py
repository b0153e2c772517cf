"""Layers of capsules: groups of neurons whose length says whether a thing is there, and whose direction how it lies."""

from __future__ import annotations

import math
from typing import Any

from .. import ops
from ..device import cpu
from ..tensor import Tensor, parameter
from .conv import Conv2d
from .linear import positive
from .module import Module

__all__ = ["Length", "PrimaryCapsules", "RoutingCapsules"]


class PrimaryCapsules(Module):
    """The first capsules: a convolution whose channels are taken together by ``size``, and squashed.

    Sabour, Frosst, Hinton 2017, arXiv:1710.09829. x (N, H, W, in_channels) -> (N, OH OW capsules, size); ``conv`` is
    the ``Conv2d`` to ``capsules * size`` channels, ``padding`` as its.
    """

    def __init__(
        self,
        in_channels: int,
        capsules: int,
        size: int,
        kernel_size: int = 9,
        stride: int = 2,
        padding: Any = 0,
        dtype: Any = None,
    ) -> None:
        positive("primary_capsules", capsules=capsules, size=size)
        self.capsules, self.size = capsules, size
        self.conv = Conv2d(in_channels, capsules * size, kernel_size, stride, padding, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        """X (N, H, W, in_channels) -> (N, OH OW capsules, size)."""
        y = self.conv(x)
        return ops.squash(ops.reshape(y, (y.shape[0], math.prod(y.shape[1:3]) * self.capsules, self.size)))

    def extra_repr(self) -> str:
        """Return the capsules of a pixel and their size."""
        return f"capsules={self.capsules}, size={self.size}"


class RoutingCapsules(Module):
    """A layer of capsules to which those below are routed by agreement (``ops.routing``): the paper's DigitCaps.

    Sabour, Frosst, Hinton 2017, arXiv:1710.09829. x (N, in_capsules, in_size) -> (N, out_capsules, out_size); weight
    (out_capsules, out_size, in_size, in_capsules), drawn from N(0, std²), in the authors' code with 0.1. ``detach``:
    see ``ops.routing``.
    """

    def __init__(
        self,
        in_capsules: int,
        in_size: int,
        out_capsules: int,
        out_size: int,
        iterations: int = 3,
        detach: bool = False,
        std: float = 0.1,
        dtype: Any = None,
    ) -> None:
        sizes = {"in_capsules": in_capsules, "in_size": in_size, "out_capsules": out_capsules, "out_size": out_size}
        positive("routing_capsules", **sizes, iterations=iterations)
        self.in_capsules, self.in_size, self.out_capsules, self.out_size = sizes.values()
        self.iterations, self.detach = iterations, bool(detach)
        if not 0 <= std < math.inf:
            raise ValueError(f"routing_capsules: std is {std}, it must be finite and not negative")
        shape = (out_capsules, out_size, in_size, in_capsules)
        self.weight = parameter(cpu.generator.normal(0, std, shape), dtype, "weight")

    def forward(self, x: Tensor) -> Tensor:
        """X (N, in_capsules, in_size) -> (N, out_capsules, out_size)."""
        if x.shape[1:] != (self.in_capsules, self.in_size):
            raise ValueError(
                f"routing_capsules: input has shape {x.shape}, it must be (N, {self.in_capsules}, {self.in_size})"
            )
        return ops.routing(x, self.weight, self.iterations, self.detach)

    def multiply_adds(self, output_shape: tuple[int, ...]) -> int:
        """Return the multiply-adds of one forward pass that gives ``output_shape``: the votes, and their use."""
        votes = math.prod(output_shape) * self.in_capsules
        return votes * (self.in_size + 2 * self.iterations - 1)

    def extra_repr(self) -> str:
        """Return the sizes."""
        sizes = f"{self.in_capsules}, {self.in_size}, {self.out_capsules}, {self.out_size}"
        return f"{sizes}, iterations={self.iterations}{', detach=True' if self.detach else ''}"


class Length(Module):
    """The Euclidean length of each capsule, the probability that its thing is there: (..., size) -> (...)."""

    def forward(self, x: Tensor) -> Tensor:
        """X (..., size) -> (...)."""
        return ops.norm(x, -1)
