"""Normalisation layers."""

from __future__ import annotations

from typing import Any

from .. import ops
from ..ops.elementwise import activation_named
from ..tensor import Parameter, Tensor, parameter, tensor
from .linear import positive
from .module import Module

__all__ = ["BatchNorm1d", "BatchNorm2d", "GroupNorm", "LayerNorm", "RMSNorm"]


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


class _BatchNorm(Module):
    layer: str
    ndims: tuple[int, ...]
    axes: str

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        activation: str | None = None,
        dtype: Any = None,
    ) -> None:
        _check(self.layer, num_features, eps)
        if momentum is not None and not 0 <= momentum <= 1:
            raise ValueError(f"{self.layer}: momentum is {momentum}, it must be from 0 to 1 or None")
        activation_named(activation)
        self.num_features, self.eps, self.momentum, self.activation = num_features, eps, momentum, activation
        self.weight: Parameter | None = parameter([1.0] * num_features, dtype, "weight") if affine else None
        self.bias: Parameter | None = parameter([0.0] * num_features, dtype, "bias") if affine else None
        self.running_mean: Tensor | None = None
        self.running_var: Tensor | None = None
        self.num_batches_tracked: Tensor | None = None
        if track_running_stats:
            self.running_mean = tensor([0.0] * num_features, dtype)
            self.running_var = tensor([1.0] * num_features, dtype)
            self.num_batches_tracked = tensor(0)

    def forward(self, x: Tensor) -> Tensor:
        """X (N, ..., num_features) -> the same shape."""
        if x.ndim not in self.ndims:
            raise ValueError(f"{self.layer}: input has shape {x.shape}, it must be {self.axes}, channels last")
        _expect_features(self.layer, x, self.num_features)
        return ops.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self.training or self.running_mean is None,
            self.momentum,
            self.eps,
            self.num_batches_tracked,
            self.activation,
        )

    def extra_repr(self) -> str:
        """Return the size and what differs from the usual."""
        affine = "" if self.weight is not None else ", affine=False"
        tracked = "" if self.running_mean is not None else ", track_running_stats=False"
        act = f", activation={self.activation!r}" if self.activation else ""
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}{affine}{tracked}{act}"


class BatchNorm2d(_BatchNorm):
    """Normalise each channel over batch and image, ``y = act((x - mean) / sqrt(var + eps) * weight + bias)``.

    Ioffe, Szegedy 2015, arXiv:1502.03167. x (N, H, W, num_features) -> the same; weight and bias (num_features,), at
    first 1 and 0. While training mean and var are the batch's, and the buffers ``running_mean`` and ``running_var``
    follow them, by ``momentum`` of the way each time (None: they are the means of all batches); ``eval()`` uses these.
    ``activation``, one of those of ``Linear``, is done in the same pass. Raises ``ValueError`` for one value per
    channel in training.
    """

    layer, ndims, axes = "batch_norm2d", (4,), "(N, H, W, C)"


class BatchNorm1d(_BatchNorm):
    """Normalise each feature over the batch, or the batch and the sequence; see ``BatchNorm2d``.

    x (N, num_features) or (N, L, num_features) -> the same.
    """

    layer, ndims, axes = "batch_norm1d", (2, 3), "(N, C) or (N, L, C)"


class GroupNorm(Module):
    """Normalise the channels of each sample in groups, ``y = (x - mean) / sqrt(var + eps) * weight + bias``.

    Wu, He 2018, arXiv:1803.08494. x (N, ..., num_channels) -> the same; weight and bias (num_channels,), at first 1 and
    0; ``affine=False`` leaves them out. Raises ``ValueError`` unless ``num_groups`` divides ``num_channels``.
    """

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, dtype: Any = None
    ) -> None:
        positive("group_norm", num_groups=num_groups)
        _check("group_norm", num_channels, eps)
        if num_channels % num_groups:
            raise ValueError(f"group_norm: num_groups is {num_groups}, it must divide num_channels {num_channels}")
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        self.weight: Parameter | None = parameter([1.0] * num_channels, dtype, "weight") if affine else None
        self.bias: Parameter | None = parameter([0.0] * num_channels, dtype, "bias") if affine else None

    def forward(self, x: Tensor) -> Tensor:
        """X (N, ..., num_channels) -> the same shape."""
        _expect_features("group_norm", x, self.num_channels)
        return ops.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """Return the sizes and what differs from the usual."""
        affine = "" if self.weight is not None else ", affine=False"
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}{affine}"
