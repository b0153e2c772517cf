"""Networks, each readable on one screen, and the table that rebuilds a saved one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..nn import Module
from .autoencoder import VAE, masked_autoencoder, vae
from .capsnet import CapsNet, capsnet
from .cnn import lenet5, resnet8, resnet18, vgg
from .detector import Detector, decode_boxes, detection_loss, detector
from .gan import dcgan_discriminator, dcgan_generator
from .mlp import mlp
from .rnn import char_rnn
from .speech import speechnet
from .speednet import Whitening, speednet
from .translation import Translator, translator
from .tree import treenet

__all__ = [
    "MODELS",
    "VAE",
    "CapsNet",
    "Detector",
    "Translator",
    "Whitening",
    "build",
    "capsnet",
    "char_rnn",
    "dcgan_discriminator",
    "dcgan_generator",
    "decode_boxes",
    "detection_loss",
    "detector",
    "lenet5",
    "masked_autoencoder",
    "mlp",
    "resnet8",
    "resnet18",
    "speechnet",
    "speednet",
    "translator",
    "treenet",
    "vae",
    "vgg",
]

# Only what stands here can be built from a file: nothing in a saved run is ever imported or run.
MODELS: dict[str, Callable[..., Module]] = {
    builder.__name__: builder
    for builder in (
        mlp,
        lenet5,
        vgg,
        resnet8,
        resnet18,
        speednet,
        capsnet,
        masked_autoencoder,
        vae,
        detector,
        char_rnn,
        speechnet,
        treenet,
        translator,
        dcgan_generator,
        dcgan_discriminator,
    )
}


def build(description: Mapping[str, Any]) -> Module:
    """Build the model that ``{"kind": "mlp", "sizes": [...], ...}`` describes."""
    arguments = dict(description)
    kind = arguments.pop("kind", None)
    if kind not in MODELS:
        raise ValueError(f"model: kind is {kind!r}, it must be one of {', '.join(MODELS)}")
    try:
        return MODELS[kind](**arguments)
    except TypeError as error:
        raise ValueError(f"model: {kind} cannot be built from {arguments}: {error}") from None
