"""Convolutional layers, channels last."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .. import ops
from ..device import cpu
from ..ops.conv import Padding, algorithm_named, each_axis
from ..ops.elementwise import activation_named
from ..tensor import Parameter, Tensor, parameter
from . import init as _init
from .linear import positive
from .module import Module

__all__ = ["Conv1d", "Conv2d", "ConvTranspose2d"]


class _Conv(Module):
    """What the layers have in common; ``kernel`` are the sizes of the kernel's axes."""

    kernel_size: Any
    stride: Any
    padding: Any
    dilation: Any
    output_padding: Any = 0
    algorithm: str = "auto"

    def __init__(
        self,
        layer: str,
        in_channels: int,
        out_channels: int,
        kernel: tuple[int, ...],
        groups: int,
        bias: bool,
        activation: str | None,
        init: str | _init.Initialiser | None,
        dtype: Any,
    ) -> None:
        positive(layer, in_channels=in_channels, out_channels=out_channels, groups=groups)
        for size in kernel:
            positive(layer, kernel_size=size)
        for what, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
            if channels % groups:
                raise ValueError(f"{layer}: groups is {groups}, it must divide {what} {channels}")
        activation_named(activation)
        self.in_channels, self.out_channels, self.groups, self.activation = (
            in_channels,
            out_channels,
            groups,
            activation,
        )
        shape, fans = self._weights(kernel)
        draw = _init.initialiser(init, activation)
        self.weight = parameter(draw(shape, *fans, cpu.generator), dtype, "weight")
        self.bias: Parameter | None = parameter([0.0] * out_channels, dtype, "bias") if bias else None

    def _weights(self, kernel: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, int]]:
        """Return the shape of the weights; how many inputs an output sees, and outputs an input."""
        taps, given, made = math.prod(kernel), self.in_channels // self.groups, self.out_channels // self.groups
        return (self.out_channels, *kernel, given), (taps * given, taps * made)

    def multiply_adds(self, output_shape: tuple[int, ...]) -> int:
        """Return the multiply-adds of one forward pass that gives ``output_shape``."""
        return math.prod(output_shape) * math.prod(self.weight.shape[1:])

    def _as_floats(self, x: Tensor) -> Tensor:
        return x if x.data.dtype.kind == "f" else ops.cast(x, self.weight.dtype)

    def extra_repr(self) -> str:
        """Return the sizes and what differs from the usual."""
        more = _said(
            stride=self.stride,
            padding=self.padding,
            output_padding=self.output_padding,
            dilation=self.dilation,
            groups=self.groups,
            activation=self.activation,
            bias=self.bias is not None,
            algorithm=self.algorithm,
        )
        return f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}{more}"


def _said(**given: Any) -> str:
    """Return the arguments that differ from the usual, as text."""
    usual = {
        "stride": 1,
        "padding": 0,
        "output_padding": 0,
        "dilation": 1,
        "groups": 1,
        "bias": True,
        "activation": None,
        "algorithm": "auto",
    }
    return "".join(f", {name}={value!r}" for name, value in given.items() if value != usual[name])


def _two(layer: str, kernel_size: Any) -> tuple[Any, ...]:
    kernel: tuple[Any, ...] = (kernel_size, kernel_size)
    if isinstance(kernel_size, (tuple, list)):
        kernel = tuple(kernel_size)
    if len(kernel) != 2:
        raise ValueError(f"{layer}: kernel_size is {kernel_size}, it must be an integer or two, of height and width")
    return kernel


class Conv2d(_Conv):
    """Convolution of images, ``y = act(conv2d(x, W) + b)``.

    x (N, H, W, in_channels) -> (N, OH, OW, out_channels); weight (out_channels, kh, kw, in_channels / groups), bias
    (out_channels,). kernel_size, stride, dilation: an integer or (height, width); padding: these, ((top, bottom),
    (left, right)), "same" or "valid". ``groups=in_channels`` is a depthwise convolution. ``activation`` is fused;
    ``init`` names an initialiser, by default the one that suits the activation. ``algorithm`` is that of
    ``ops.conv2d``: "auto", "direct" or "winograd". Integer and uint8 inputs are converted to the weight's dtype.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: Padding = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
        bias: bool = True,
        activation: str | None = None,
        init: str | _init.Initialiser | None = None,
        dtype: Any = None,
        algorithm: str = "auto",
    ) -> None:
        kernel = _two("conv2d", kernel_size)
        algorithm_named("conv2d", algorithm)
        super().__init__("conv2d", in_channels, out_channels, kernel, groups, bias, activation, init, dtype)
        self.kernel_size, self.stride, self.padding, self.dilation = kernel_size, stride, padding, dilation
        self.algorithm = algorithm

    def forward(self, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """X (N, H, W, in_channels) -> (N, OH, OW, out_channels); ``weight`` in place of the layer's own."""
        x, more = self._as_floats(x), (self.stride, self.padding, self.dilation, self.groups, self.activation)
        return ops.conv2d(
            x, self.weight if weight is None else weight, self.bias, *more, self.algorithm, self.precision
        )


class Conv1d(_Conv):
    """Convolution along one axis, ``y = act(conv1d(x, W) + b)``.

    x (N, L, in_channels) -> (N, OL, out_channels); weight (out_channels, k, in_channels / groups), bias
    (out_channels,). padding: an integer, (before, after), "same" or "valid". The rest is as in ``Conv2d``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int | str | Sequence[int] = 0,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
        activation: str | None = None,
        init: str | _init.Initialiser | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__("conv1d", in_channels, out_channels, (kernel_size,), groups, bias, activation, init, dtype)
        self.kernel_size, self.stride, self.padding, self.dilation = kernel_size, stride, padding, dilation

    def forward(self, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """X (N, L, in_channels) -> (N, OL, out_channels); ``weight`` in place of the layer's own."""
        x, more = self._as_floats(x), (self.stride, self.padding, self.dilation, self.groups, self.activation)
        return ops.conv1d(x, self.weight if weight is None else weight, self.bias, *more, self.precision)


class ConvTranspose2d(_Conv):
    """Transposed convolution of images, ``y = act(conv_transpose2d(x, W) + b)``: with a stride, images grow.

    x (N, H, W, in_channels) -> (N, OH, OW, out_channels), OH = (H - 1) stride - 2 padding + (kh - 1) dilation + 1 +
    output_padding; weight (in_channels, kh, kw, out_channels / groups), bias (out_channels,). kernel_size, stride,
    padding, output_padding, dilation: an integer or (height, width). The rest is as in ``Conv2d``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int],
        stride: int | Sequence[int] = 1,
        padding: int | Sequence[int] = 0,
        output_padding: int | Sequence[int] = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Sequence[int] = 1,
        activation: str | None = None,
        init: str | _init.Initialiser | None = None,
        dtype: Any = None,
        algorithm: str = "auto",
    ) -> None:
        name = "conv_transpose2d"
        kernel = _two(name, kernel_size)
        algorithm_named(name, algorithm)
        self._strides = each_axis(name, "stride", stride, 1)
        super().__init__(name, in_channels, out_channels, kernel, groups, bias, activation, init, dtype)
        self.kernel_size, self.stride, self.padding, self.dilation = kernel_size, stride, padding, dilation
        self.output_padding, self.algorithm = output_padding, algorithm

    def _weights(self, kernel: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, int]]:
        """As ever, but of the taps an output meets only every ``stride``-th."""
        taps, given, made = math.prod(kernel), self.in_channels // self.groups, self.out_channels // self.groups
        met = max(1, taps // math.prod(self._strides))
        return (self.in_channels, *kernel, made), (met * given, taps * made)

    def multiply_adds(self, output_shape: tuple[int, ...]) -> int:
        """Return about how many multiply-adds one forward pass takes that gives ``output_shape``."""
        n, *sizes, _ = output_shape
        pixels = n * math.prod(-(-size // s) for size, s in zip(sizes, self._strides))
        return pixels * math.prod(self.weight.shape)

    def forward(self, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """X (N, H, W, in_channels) -> (N, OH, OW, out_channels); ``weight`` in place of the layer's own."""
        more = (self.stride, self.padding, self.output_padding, self.groups, self.dilation, self.activation)
        x, weight = self._as_floats(x), self.weight if weight is None else weight
        return ops.conv_transpose2d(x, weight, self.bias, *more, self.algorithm, self.precision)
