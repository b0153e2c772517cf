"""Normalisation layers."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..tensor import Parameter, Tensor, parameter
from .linear import positive
from .module import Module

__all__ = ["LayerNorm", "RMSNorm"]


def _check(layer: str, features: int, eps: float) -> None:
    positive(layer, features=features)
    if not 0 <= eps < float("inf"):
        raise ValueError(f"{layer}: eps is {eps}, it must be finite and not negative")


def _expect_features(layer: str, x: Tensor, features: int) -> None:
    if not x.shape or x.shape[-1] != features:
        raise ValueError(
            f"{layer}: input has shape {x.shape}, its last axis must be {features}; move that axis to the end"
        )


class LayerNorm(Module):
    """Normalise each row, ``y = (x - mean) / sqrt(var + eps) * weight + bias``, over the last axis.

    Ba, Kiros, Hinton 2016, arXiv:1607.06450. x (..., features) -> (..., features); weight and bias (features,), at
    first 1 and 0. ``bias=False`` leaves out the bias, ``elementwise_affine=False`` both.
    """

    def __init__(
        self,
        features: int,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        dtype: Any = None,
    ) -> None:
        _check("layer_norm", features, eps)
        self.features, self.eps = features, eps
        self.weight: Parameter | None = parameter([1.0] * features, dtype, "weight") if elementwise_affine else None
        with_bias = elementwise_affine and bias
        self.bias: Parameter | None = parameter([0.0] * features, dtype, "bias") if with_bias else None

    def forward(self, x: Tensor) -> Tensor:
        """X (..., features) -> (..., features)."""
        _expect_features("layer_norm", x, self.features)
        return ops.layer_norm(x, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the size and what differs from the usual."""
        affine = "" if self.weight is not None else ", elementwise_affine=False"
        bias = ", bias=False" if self.weight is not None and self.bias is None else ""
        return f"{self.features}, eps={self.eps}{affine}{bias}"


class RMSNorm(Module):
    """Divide each row by its root mean square, ``y = x / sqrt(mean(x^2) + eps) * weight``, over the last axis.

    Zhang, Sennrich 2019, arXiv:1910.07467. x (..., features) -> (..., features); weight (features,), at first 1.
    """

    def __init__(self, features: int, eps: float = 1e-5, elementwise_affine: bool = True, dtype: Any = None) -> None:
        _check("rms_norm", features, eps)
        self.features, self.eps = features, eps
        self.weight: Parameter | None = parameter([1.0] * features, dtype, "weight") if elementwise_affine else None

    def forward(self, x: Tensor) -> Tensor:
        """X (..., features) -> (..., features)."""
        _expect_features("rms_norm", x, self.features)
        return ops.rms_norm(x, self.weight, self.eps)

    def extra_repr(self) -> str:
        """Return the size and what differs from the usual."""
        affine = "" if self.weight is not None else ", elementwise_affine=False"
        return f"{self.features}, eps={self.eps}{affine}"
