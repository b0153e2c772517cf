"""Folding batch normalisation into the layer before it."""

from __future__ import annotations

from typing import Any

import numpy

from ..tensor import parameter
from .container import Sequential
from .conv import Conv1d, Conv2d
from .linear import Linear
from .module import Module
from .norm import BatchNorm1d, BatchNorm2d

__all__ = ["fold_batch_norm"]


def fold_batch_norm(model: Module) -> int:
    """Multiply each batch normalisation that follows a Linear or Conv layer in a Sequential into its weights, in place.

    In eval mode ``norm(W x + b)`` is ``(s W) x + s (b - mean) + shift`` with ``s = weight / sqrt(running_var + eps)``:
    one pass less over every image, and the norm's activation becomes the layer's. Returns how many were folded; the
    results differ by rounding. For inference: the norms are gone afterwards, and so are their running statistics.
    Raises ``ValueError`` where a norm is in training mode.
    """
    count = 0
    for module in list(model.modules()):
        if isinstance(module, Sequential):
            folded = _folded(module.layers)
            count += len(module.layers) - len(folded)
            if len(folded) < len(module.layers):
                module.layers = folded
    return count


def _folded(layers: tuple[Module, ...]) -> tuple[Module, ...]:
    kept: list[Module] = []
    for layer in layers:
        before = kept[-1] if kept else None
        if _folds(before, layer):
            _fold(before, layer)
        else:
            kept.append(layer)
    return tuple(kept)


def _folds(before: Module | None, layer: Module) -> bool:
    if not isinstance(layer, (BatchNorm1d, BatchNorm2d)) or not isinstance(before, (Linear, Conv1d, Conv2d)):
        return False
    return before.activation is None and layer.running_mean is not None


def _fold(layer: Any, norm: Any) -> None:
    if norm.training:
        raise ValueError("fold_batch_norm: the model is in training mode; call model.eval() first")
    channels, double = norm.num_features, numpy.float64
    mean, var = (a.numpy().astype(double) for a in (norm.running_mean, norm.running_var))
    weight = norm.weight.numpy() if norm.weight is not None else numpy.ones(channels)
    shift = norm.bias.numpy() if norm.bias is not None else numpy.zeros(channels)
    bias = layer.bias.numpy() if layer.bias is not None else numpy.zeros(channels)
    scale = weight / numpy.sqrt(var + norm.eps)
    scaled = layer.weight.numpy().astype(double) * scale.reshape(-1, *[1] * (layer.weight.ndim - 1))
    dtype = layer.weight.dtype
    layer.weight = parameter(scaled, dtype, "weight")
    layer.bias = parameter(scale * (bias - mean) + shift, dtype, "bias")
    layer.activation = norm.activation
