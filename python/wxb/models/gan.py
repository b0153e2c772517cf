"""The two networks of a generative adversarial network (Goodfellow et al. 2014, arXiv:1406.2661)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy

from .. import nn

__all__ = ["dcgan_discriminator", "dcgan_generator"]


def dcgan_generator(
    shape: Sequence[int] = (28, 28, 1), code: int = 64, widths: Sequence[int] = (64, 32), classes: int = 0
) -> nn.Sequential:
    """Build DCGAN's generator: a linear layer, then transposed convolutions that each double the picture.

    Radford, Metz, Chintala 2015, arXiv:1511.06434. Codes (N, code), normal numbers, -> pictures (N, H, W, channels)
    from -1 to 1. With ``classes`` the code ends in the label as a one-hot vector, (N, code + classes) (Mirza, Osindero
    2014, arXiv:1411.1784). H and W must be multiples of 2 ** len(widths).
    """
    height, across = _smallest("dcgan_generator", shape, widths)
    first = (height, across, widths[0])
    layers: list[nn.Module] = [
        nn.Linear(code + classes, math.prod(first), bias=False, init=_small),
        nn.Reshape(*first),
        nn.BatchNorm2d(widths[0], activation="relu"),
    ]
    for before, after in zip(widths, widths[1:]):
        layers += [
            nn.ConvTranspose2d(before, after, 4, 2, padding=1, bias=False, init=_small),
            nn.BatchNorm2d(after, activation="relu"),
        ]
    last = nn.ConvTranspose2d(widths[-1], shape[2], 4, 2, padding=1, activation="tanh", init=_small)
    return nn.Sequential(*layers, last)


def dcgan_discriminator(
    shape: Sequence[int] = (28, 28, 1), widths: Sequence[int] = (32, 64), classes: int = 0, spectral: bool = False
) -> nn.Sequential:
    """Build DCGAN's discriminator: convolutions that each halve the picture, and a linear layer.

    Radford, Metz, Chintala 2015, arXiv:1511.06434. Pictures (N, H, W, channels) from -1 to 1 -> logits (N, 1): above 0
    for real ones. With ``classes`` there is a logit for each, (N, classes), "this is a real one of this class": the
    projection discriminator (Miyato, Koyama 2018, arXiv:1802.05637) without the term that its classes share.
    ``spectral`` divides every weight by its largest singular value in place of batch normalisation (Miyato et al. 2018,
    arXiv:1802.05957). H and W must be multiples of 2 ** len(widths).
    """
    height, across = _smallest("dcgan_discriminator", shape, widths)
    bounded: Any = nn.SpectralNorm if spectral else lambda layer: layer
    layers: list[nn.Module] = []
    inputs = shape[2]
    for width in widths:
        normalised = not spectral and bool(layers)  # not the first: it would take the pictures' level away
        layers.append(bounded(nn.Conv2d(inputs, width, 4, 2, padding=1, bias=not normalised, init=_small)))
        if normalised:
            layers.append(nn.BatchNorm2d(width))
        layers.append(nn.LeakyReLU(0.2))
        inputs = width
    head = nn.Linear(height * across * inputs, max(1, classes), init=_small)
    return nn.Sequential(*layers, nn.Flatten(), bounded(head))


def _smallest(model: str, shape: Sequence[int], widths: Sequence[int]) -> tuple[int, int]:
    """Return height and width of the smallest maps; raise unless the pictures can be halved so often."""
    factor = 2 ** len(widths)
    if len(shape) != 3 or min(shape) < 1 or shape[0] % factor or shape[1] % factor:
        raise ValueError(
            f"{model}: shape is {tuple(shape)}, it must be (height, width, channels), sides multiples of {factor}"
        )
    if not widths or min(widths) < 1:
        raise ValueError(f"{model}: widths are {tuple(widths)}, there must be one or more, each at least 1")
    return shape[0] // factor, shape[1] // factor


def _small(shape: tuple[int, ...], fan_in: int, fan_out: int, rng: numpy.random.Generator) -> Any:
    """Draw normal weights of deviation 0.02, as the paper does."""
    return rng.normal(0, 0.02, shape)
