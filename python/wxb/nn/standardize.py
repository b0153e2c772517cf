"""Standardize: the layer that carries the scale of the data."""

from __future__ import annotations

from typing import Any

import numpy

from .. import ops
from ..tensor import Tensor, as_array, tensor
from .linear import positive
from .module import Module

__all__ = ["Standardize"]


class Standardize(Module):
    """``(x - mean) / std`` per feature, with statistics taken from data once by ``fit`` and saved with the weights.

    x (..., features) -> (..., features). Buffers ``mean`` and ``scale`` (features,), at first 0 and 1. Integer and
    uint8 inputs are converted.
    """

    def __init__(self, features: int, dtype: Any = None) -> None:
        positive("standardize", features=features)
        self.features = features
        self.mean = tensor(numpy.zeros(features), dtype or numpy.float32)
        self.scale = tensor(numpy.ones(features), dtype or numpy.float32)

    def fit(self, x: Any, per_feature: bool = True) -> Standardize:
        """Take mean and deviation from x (N, ..., features), of each feature or of all together, and return self.

        A feature that does not vary is only centred.
        """
        values = as_array(x)
        if values.ndim < 2 or values.shape[-1] != self.features or not values.size:
            raise ValueError(
                f"standardize: x has shape {values.shape}, it must be (N, ..., {self.features}) with N > 0"
            )
        axis = tuple(range(values.ndim - 1)) if per_feature else None
        deviation = numpy.asarray(values.std(axis, dtype=numpy.float64))
        self.mean[...] = values.mean(axis, dtype=numpy.float64)
        self.scale[...] = numpy.where(deviation > 1e-12, 1 / numpy.maximum(deviation, 1e-12), 1.0)
        return self

    def forward(self, x: Tensor) -> Tensor:
        """X (..., features) -> (..., features)."""
        if not x.shape or x.shape[-1] != self.features:
            raise ValueError(f"standardize: input has shape {x.shape}, its last axis must be {self.features}")
        if x.data.dtype.kind != "f":
            x = ops.cast(x, self.mean.dtype)
        return (x - self.mean) * self.scale  # type: ignore[operator,no-any-return]

    def extra_repr(self) -> str:
        """Return the size."""
        return str(self.features)
