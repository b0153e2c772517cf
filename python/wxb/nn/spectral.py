"""Spectral normalisation of a layer's weight."""

from __future__ import annotations

import math
from typing import Any

import numpy

from .. import ops
from ..autograd import no_grad
from ..device import cpu
from ..tensor import Tensor, tensor
from .conv import Conv1d, Conv2d, ConvTranspose2d
from .linear import Linear
from .module import Module

__all__ = ["SpectralNorm"]

FIRST = 15  # steps of the power method before the first use, as in PyTorch


class SpectralNorm(Module):
    """A layer whose weight is divided by its largest singular value, so that it stretches nothing by more than 1.

    Miyato, Kataoka, Koyama, Yoshida 2018, arXiv:1802.05957. layer: a Linear, Conv1d, Conv2d or ConvTranspose2d, whose
    kernel counts as the matrix (out_channels, the rest). Every pass in training goes ``iterations`` steps of the power
    method on from the buffers u and v; ``eval()`` uses these as they are. Raises ``ValueError`` for a weight of zeros,
    ``TypeError`` for another layer.
    """

    def __init__(self, layer: Module, iterations: int = 1, eps: float = 1e-12) -> None:
        if not isinstance(layer, (Linear, Conv1d, Conv2d, ConvTranspose2d)):
            given = type(layer).__name__
            raise TypeError(
                f"spectral_norm: layer is a {given}, it must be a Linear, Conv1d, Conv2d or ConvTranspose2d"
            )
        if not layer.weight.numpy().any():
            raise ValueError("spectral_norm: weight is all zeros, it has no direction; pass another init=")
        shape = layer.weight.shape
        rows = math.prod(shape[:-1]) if isinstance(layer, ConvTranspose2d) else shape[0]
        self.layer, self.iterations, self.eps = layer, iterations, eps
        self.u, self.v = (_unit(size, layer.weight.dtype) for size in (rows, layer.weight.size // rows))
        with no_grad():
            ops.spectral_norm(layer.weight, self.u, self.v, max(FIRST, iterations), eps)

    def forward(self, x: Tensor) -> Tensor:
        """X as for the layer -> the layer's outputs."""
        steps = self.iterations if self.training else 0
        weight = ops.spectral_norm(self.layer.weight, self.u, self.v, steps, self.eps)
        return self.layer(x, weight)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Return what differs from the usual."""
        return "" if self.iterations == 1 else f"iterations={self.iterations}"


def _unit(size: int, dtype: Any) -> Tensor:
    direction = cpu.generator.normal(size=size)
    return tensor(direction / numpy.linalg.norm(direction), dtype)
