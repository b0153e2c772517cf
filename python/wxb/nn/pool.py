"""Pooling layers and upsampling, channels last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import ops
from ..tensor import Tensor
from .module import Module

__all__ = ["AdaptiveAvgPool2d", "AvgPool2d", "MaxPool1d", "MaxPool2d", "Upsample"]

Size = int | Sequence[int]


def _plain(value: Any) -> Any:
    """Return a list as a tuple: a recorded step compares what it depends on."""
    return tuple(value) if isinstance(value, list) else value


def expect_ndim(layer: str, x: Tensor, axes: str) -> None:
    """Raise ``ValueError`` unless x has the axes named, ``"N, H, W, C"``."""
    if x.ndim != axes.count(",") + 1:
        raise ValueError(f"{layer}: input has shape {x.shape}, it must be ({axes}), channels last")


class _Windows(Module):
    layer: str
    axes: str
    op: Callable[[Tensor, Size, Size | None, Size], Tensor]

    def __init__(self, kernel_size: Size, stride: Size | None = None, padding: Size = 0) -> None:
        self.kernel_size, self.stride, self.padding = _plain(kernel_size), _plain(stride), _plain(padding)

    def forward(self, x: Tensor) -> Tensor:
        """X (N, ..., C) -> (N, ..., C), smaller."""
        expect_ndim(self.layer, x, self.axes)
        return type(self).op(x, self.kernel_size, self.stride, self.padding)

    def extra_repr(self) -> str:
        """Return the sizes."""
        stride = "" if self.stride is None else f", stride={self.stride}"
        return f"{self.kernel_size}{stride}{f', padding={self.padding}' if self.padding else ''}"


class MaxPool2d(_Windows):
    """Largest element of each window; x (N, H, W, C) -> (N, H', W', C).

    ``H' = (H + 2 padding - kernel_size) // stride + 1``; ``stride`` is ``kernel_size`` by default. Sizes are an integer
    or two. Raises ``ValueError`` for a kernel larger than the padded input, a stride below 1 and padding above half the
    kernel.
    """

    layer, axes, op = "max_pool2d", "N, H, W, C", staticmethod(ops.max_pool)


class MaxPool1d(_Windows):
    """Largest element of each window; x (N, L, C) -> (N, L', C), sizes as in ``MaxPool2d``."""

    layer, axes, op = "max_pool1d", "N, L, C", staticmethod(ops.max_pool)


class AvgPool2d(_Windows):
    """Mean of each window, padding counted as zeros; x (N, H, W, C) -> (N, H', W', C), sizes as in ``MaxPool2d``."""

    layer, axes, op = "avg_pool2d", "N, H, W, C", staticmethod(ops.avg_pool)


class AdaptiveAvgPool2d(Module):
    """Mean of each of ``output_size`` windows that cut the image evenly; x (N, H, W, C) -> (N, *output_size, C).

    ``AdaptiveAvgPool2d(1)`` is the mean of each channel, (N, 1, 1, C).
    """

    def __init__(self, output_size: Size) -> None:
        self.output_size = _plain(output_size)

    def forward(self, x: Tensor) -> Tensor:
        """X (N, H, W, C) -> (N, *output_size, C)."""
        expect_ndim("adaptive_avg_pool2d", x, "N, H, W, C")
        return ops.adaptive_avg_pool(x, self.output_size)

    def extra_repr(self) -> str:
        """Return the size."""
        return str(self.output_size)


class Upsample(Module):
    """Resample to ``size``, or by ``scale_factor``; x (N, H, W, C) -> (N, H', W', C) or (N, L, C) -> (N, L', C).

    ``mode`` is ``"nearest"`` or ``"bilinear"`` (``"linear"`` for sequences), as PyTorch's with ``align_corners=False``.
    """

    def __init__(
        self, size: Size | None = None, scale_factor: float | Sequence[float] | None = None, mode: str = "nearest"
    ) -> None:
        self.size, self.scale_factor, self.mode = _plain(size), _plain(scale_factor), mode

    def forward(self, x: Tensor) -> Tensor:
        """X (N, ..., C) -> (N, ..., C) of another size."""
        return ops.upsample(x, self.size, self.scale_factor, self.mode)

    def extra_repr(self) -> str:
        """Return the size or factor, and the mode."""
        target = f"size={self.size}" if self.size is not None else f"scale_factor={self.scale_factor}"
        return f"{target}, mode={self.mode!r}"
