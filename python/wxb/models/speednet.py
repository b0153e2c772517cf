"""The network of the CIFAR-10 speed runs: what learns most in the fewest products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy

from .. import nn, ops
from ..tensor import Tensor, as_array

__all__ = ["Whitening", "speednet"]


class Whitening(nn.Module):
    """Standardize, then a 2 x 2 convolution whose outputs vary by 1 and independently over the data, each with both
    signs; its weights come from ``fit`` and stay, only its bias learns.

    (N, H, W, channels) -> (N, H - 1, W - 1, 8 channels). Page 2022 (https://github.com/tysam-code/hlb-CIFAR10).
    """

    def __init__(self, channels: int, activation: str | None = None) -> None:
        self.standardize = nn.Standardize(channels)
        self.conv = nn.Conv2d(channels, 8 * channels, 2, activation=activation)
        self.conv.requires_grad_(False)
        assert self.conv.bias is not None
        self.conv.bias.requires_grad = True

    def fit(self, x: Any, eps: float = 5e-4) -> Whitening:
        """Take the statistics from pictures x (N, H, W, channels), some thousand are enough, and return self."""
        values = as_array(x)
        self.standardize.fit(values)
        count, channels = 0, values.shape[-1]
        products = numpy.zeros((4 * channels, 4 * channels))
        for start in range(0, len(values), 256):  # patches are four times the pictures, in double: not all at once
            z = (values[start : start + 256] - self.standardize.mean.numpy()) * self.standardize.scale.numpy()
            patches = numpy.lib.stride_tricks.sliding_window_view(z, (2, 2), (1, 2)).transpose(0, 1, 2, 4, 5, 3)
            flat = patches.reshape(-1, 4 * channels).astype(numpy.float64)
            count, products = count + len(flat), products + flat.T @ flat
        variance, directions = numpy.linalg.eigh(products / count)
        whitening = (directions / numpy.sqrt(variance + eps)).T[::-1].reshape(-1, 2, 2, channels)
        self.conv.weight[...] = numpy.concatenate([whitening, -whitening])
        return self

    def forward(self, x: Tensor) -> Tensor:
        """X (N, H, W, channels) -> (N, H - 1, W - 1, 8 channels)."""
        return self.conv(self.standardize(x))  # type: ignore[no-any-return]


def _norm(channels: int) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(channels, momentum=0.4, activation="gelu_tanh")
    assert norm.weight is not None
    norm.weight.requires_grad = False
    return norm


def _passing(shape: tuple[int, ...], fan_in: int, fan_out: int, rng: numpy.random.Generator) -> Any:
    """Let the first outputs pass their inputs on (a Dirac in the kernel's middle), draw the others."""
    weight = rng.uniform(-1, 1, shape) / fan_in**0.5
    some = min(shape[0], shape[3])
    weight[:some] = 0
    weight[range(some), shape[1] // 2, shape[2] // 2, range(some)] = 1
    return weight


class _Scale(nn.Module):
    def __init__(self, factor: float) -> None:
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        return ops.multiply(x, self.factor)


def speednet(channels: int = 3, classes: int = 10, widths: Sequence[int] = (64, 256, 256)) -> nn.Sequential:
    """The network of the CIFAR-10 speed runs, here airbench94's (Jordan 2024, arXiv:2404.00498).

    A whitening layer, then stages of convolution, pooling, norm, gelu, convolution, norm, gelu; the norms learn only
    their bias. (N, 32, 32, channels) -> (N, classes).
    """
    layers: list[nn.Module] = [Whitening(channels, "gelu_tanh")]
    inputs = 8 * channels
    for width in widths:
        first = nn.Conv2d(inputs, width, 3, padding=1, bias=False, init=_passing)
        second = nn.Conv2d(width, width, 3, padding=1, bias=False, init=_passing)
        layers += [first, nn.MaxPool2d(2), _norm(width), second, _norm(width)]
        inputs = width
    return nn.Sequential(*layers, nn.MaxPool2d(3), nn.Flatten(), nn.Linear(inputs, classes, bias=False), _Scale(1 / 9))
