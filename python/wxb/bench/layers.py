"""The layers of the convolutional networks that are timed, channels last: their weights, and what they are in torch, in
jax, and by hand in NumPy, forward and backward.
"""

# ruff: noqa: D102, the methods are described in Layer

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy

from .kernels import Array

__all__ = [
    "Conv", "ConvTransposed", "Flatten", "Layer", "Leaky", "Linear", "Maps", "Mean", "Norm", "Pool", "Relu", "Residual",
    "Tanh",
]  # fmt: skip

EPS = 1e-5
Weights = Iterator[Any]  # the arrays of the layers that are still to come


class Layer:
    """A layer without weights; ``flops`` of the products in ``forward`` are known once it has run."""

    flops = 0.0

    def weights(self, draw: numpy.random.Generator) -> list[Array]:
        """Return new arrays, float32."""
        return []

    def in_torch(self, torch: Any) -> Any:
        """Return torch's module, which has its images (N, C, H, W)."""
        raise NotImplementedError

    def in_jax(self, jax: Any, weights: Weights, x: Any) -> Any:
        """Apply the layer."""
        raise NotImplementedError

    def forward(self, weights: Weights, x: Array) -> Array:
        """Apply the layer in NumPy."""
        raise NotImplementedError

    def backward(self, gradients: list[Array], dy: Array) -> Array:
        """Return dx and put the gradients of the weights, the last first, at the end of ``gradients``."""
        raise NotImplementedError


@dataclasses.dataclass
class Conv(Layer):
    """Convolution with a square kernel and zeros around the image."""

    inputs: int
    outputs: int
    kernel: int
    stride: int = 1
    padding: int = 0
    bias: bool = False

    def weights(self, draw: numpy.random.Generator) -> list[Array]:
        shape = (self.outputs, self.kernel, self.kernel, self.inputs)
        w = draw.standard_normal(shape, numpy.float32) * numpy.float32((2 / numpy.prod(shape[1:])) ** 0.5)
        return [w, numpy.zeros(self.outputs, numpy.float32)] if self.bias else [w]

    def in_torch(self, torch: Any) -> Any:
        sizes = (self.inputs, self.outputs, self.kernel, self.stride, self.padding)
        return torch.nn.Conv2d(*sizes, bias=self.bias)

    def in_jax(self, jax: Any, weights: Weights, x: Any) -> Any:
        sides, axes = [(self.padding, self.padding)] * 2, ("NHWC", "OHWI", "NHWC")
        y = jax.lax.conv_general_dilated(x, next(weights), [self.stride] * 2, sides, dimension_numbers=axes)
        return y + next(weights) if self.bias else y

    def forward(self, weights: Weights, x: Array) -> Array:
        self.w, p = next(weights), self.padding
        self.padded = numpy.pad(x, [(0, 0), (p, p), (p, p), (0, 0)])
        height, width = ((n + 2 * p - self.kernel) // self.stride + 1 for n in x.shape[1:3])
        self.size = height, width
        y = numpy.zeros((len(x), height, width, self.outputs), x.dtype)
        for i, j, seen in self._taps(self.padded):
            y += seen @ self.w[:, i, j].T
        self.flops = 2.0 * y.size * self.w[0].size
        return y + next(weights) if self.bias else y

    def backward(self, gradients: list[Array], dy: Array) -> Array:
        if self.bias:
            gradients.append(dy.sum((0, 1, 2)))
        dw, dx = numpy.empty_like(self.w), numpy.zeros_like(self.padded)
        for (i, j, seen), (_, _, into) in zip(self._taps(self.padded), self._taps(dx)):
            into += dy @ self.w[:, i, j]
            dw[:, i, j] = dy.reshape(-1, self.outputs).T @ seen.reshape(-1, self.inputs)
        gradients.append(dw)
        inside = slice(self.padding, -self.padding or None)
        return dx[:, inside, inside]

    def _taps(self, padded: Array) -> Iterator[tuple[int, int, Array]]:
        rows, columns = ((n - 1) * self.stride + 1 for n in self.size)
        for i in range(self.kernel):
            for j in range(self.kernel):
                yield i, j, padded[:, i : i + rows : self.stride, j : j + columns : self.stride]


@dataclasses.dataclass
class ConvTransposed(Layer):
    """Transposed convolution with a square kernel, whose output is cut by ``padding`` on every side."""

    inputs: int
    outputs: int
    kernel: int
    stride: int
    padding: int
    bias: bool = False

    def weights(self, draw: numpy.random.Generator) -> list[Array]:
        shape = (self.inputs, self.kernel, self.kernel, self.outputs)
        met = self.inputs * (self.kernel // self.stride) ** 2
        w = draw.standard_normal(shape, numpy.float32) * numpy.float32((2 / met) ** 0.5)
        return [w, numpy.zeros(self.outputs, numpy.float32)] if self.bias else [w]

    def in_torch(self, torch: Any) -> Any:
        sizes = (self.inputs, self.outputs, self.kernel, self.stride, self.padding)
        return torch.nn.ConvTranspose2d(*sizes, bias=self.bias)

    def in_jax(self, jax: Any, weights: Weights, x: Any) -> Any:
        sides, axes = [(self.kernel - 1 - self.padding,) * 2] * 2, ("NHWC", "IHWO", "NHWC")
        w = next(weights)[:, ::-1, ::-1]
        apart = [self.stride] * 2
        y = jax.lax.conv_general_dilated(x, w, (1, 1), sides, lhs_dilation=apart, dimension_numbers=axes)
        return y + next(weights) if self.bias else y

    def forward(self, weights: Weights, x: Array) -> Array:
        self.x, self.w = x, next(weights)
        height, width = ((n - 1) * self.stride + self.kernel for n in x.shape[1:3])
        whole = numpy.zeros((len(x), height, width, self.outputs), x.dtype)
        for i, j, into in self._taps(whole):
            into += x @ self.w[:, i, j]
        self.flops = 2.0 * x.size * self.w[0].size
        inside = slice(self.padding, -self.padding or None)
        y = whole[:, inside, inside]
        return y + next(weights) if self.bias else y

    def backward(self, gradients: list[Array], dy: Array) -> Array:
        if self.bias:
            gradients.append(dy.sum((0, 1, 2)))
        p = self.padding
        dw, dx = numpy.empty_like(self.w), numpy.zeros_like(self.x)
        for i, j, seen in self._taps(numpy.pad(dy, [(0, 0), (p, p), (p, p), (0, 0)])):
            dx += seen @ self.w[:, i, j].T
            dw[:, i, j] = self.x.reshape(-1, self.inputs).T @ seen.reshape(-1, self.outputs)
        gradients.append(dw)
        return dx

    def _taps(self, whole: Array) -> Iterator[tuple[int, int, Array]]:
        rows, columns = ((n - 1) * self.stride + 1 for n in self.x.shape[1:3])
        for i in range(self.kernel):
            for j in range(self.kernel):
                yield i, j, whole[:, i : i + rows : self.stride, j : j + columns : self.stride]


@dataclasses.dataclass
class Norm(Layer):
    """Batch normalisation by the statistics of the batch; the running ones are kept, too, where a library has them."""

    channels: int

    def weights(self, draw: numpy.random.Generator) -> list[Array]:
        return [numpy.ones(self.channels, numpy.float32), numpy.zeros(self.channels, numpy.float32)]

    def in_torch(self, torch: Any) -> Any:
        return torch.nn.BatchNorm2d(self.channels, EPS)

    def in_jax(self, jax: Any, weights: Weights, x: Any) -> Any:
        mean, var = x.mean((0, 1, 2)), x.var((0, 1, 2))
        return (x - mean) * (jax.lax.rsqrt(var + EPS) * next(weights)) + next(weights)

    def forward(self, weights: Weights, x: Array) -> Array:
        self.w = next(weights)
        centred = x - x.mean((0, 1, 2))
        self.rstd = 1 / numpy.sqrt((centred * centred).mean((0, 1, 2)) + EPS)
        self.z = centred * self.rstd
        return self.z * self.w + next(weights)

    def backward(self, gradients: list[Array], dy: Array) -> Array:
        gradients += [dy.sum((0, 1, 2)), (dy * self.z).sum((0, 1, 2))]
        rows = dy.size // self.channels
        return (self.w * self.rstd) * (dy - gradients[-2] / rows - self.z * (gradients[-1] / rows))


class Relu(Layer):
    """max(x, 0)."""

    def in_torch(self, torch: Any) -> Any:
        return torch.nn.ReLU()

    def in_jax(self, jax: Any, weights: Weights, x: Any) -> Any:
        return jax.nn.relu(x)

    def forward(self, weights: Weights, x: Array) -> Array:
        self.y = numpy.maximum(x, 0)
        return self.y

    def backward(self, gradients: list[Array], dy: Array) -> Array:
        return dy * (self.y > 0)


@dataclasses.dataclass
class Leaky(Layer):
    """x above 0, slope x below."""

    slope: float

    def in_torch(self, torch: Any) -> Any:
        return torch.nn.LeakyReLU(self.slope)

    def in_jax(self, jax: Any, weights: Weights, x: Any) -> Any:
        return jax.nn.leaky_relu(x, self.slope)

    def forward(self, weights: Weights, x: Array) -> Array:
        self.factor = numpy.where(x > 0, x.dtype.type(1), x.dtype.type(self.slope))
        return x * self.factor

    def backward(self, gradients: list[Array], dy: Array) -> Array:
        return dy * self.factor


class Tanh(Layer):
    """Hyperbolic tangent."""

    def in_torch(self, torch: Any) -> Any:
        return torch.nn.Tanh()

    def in_jax(self, jax: Any, weights: Weights, x: Any) -> Any:
        return jax.numpy.tanh(x)

    def forward(self, weights: Weights, x: Array) -> Array:
        self.y = numpy.tanh(x)
        return self.y

    def backward(self, gradients: list[Array], dy: Array) -> Array:
        return dy * (1 - self.y * self.y)


class Pool(Layer):
    """Largest of each 2 x 2."""

    def in_torch(self, torch: Any) -> Any:
        return torch.nn.MaxPool2d(2)

    def in_jax(self, jax: Any, weights: Weights, x: Any) -> Any:
        return jax.lax.reduce_window(x, -numpy.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def forward(self, weights: Weights, x: Array) -> Array:
        n, height, width, c = x.shape
        windows = x.reshape(n, height // 2, 2, width // 2, 2, c).transpose(0, 1, 3, 5, 2, 4)
        windows = windows.reshape(n, height // 2, width // 2, c, 4)
        self.shape, self.at = x.shape, windows.argmax(-1)[..., None]
        return numpy.take_along_axis(windows, self.at, -1)[..., 0]

    def backward(self, gradients: list[Array], dy: Array) -> Array:
        windows = numpy.zeros((*dy.shape, 4), dy.dtype)
        numpy.put_along_axis(windows, self.at, dy[..., None], -1)
        n, height, width, c = dy.shape
        return windows.reshape(n, height, width, c, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(self.shape)


class Mean(Layer):
    """Mean over the image."""

    def in_torch(self, torch: Any) -> Any:
        return torch.nn.AdaptiveAvgPool2d(1)

    def in_jax(self, jax: Any, weights: Weights, x: Any) -> Any:
        return x.mean((1, 2), keepdims=True)

    def forward(self, weights: Weights, x: Array) -> Array:
        self.shape = x.shape
        return x.mean((1, 2), keepdims=True)

    def backward(self, gradients: list[Array], dy: Array) -> Array:
        return numpy.broadcast_to(dy / (self.shape[1] * self.shape[2]), self.shape)


class Flatten(Layer):
    """(N, H, W, C) -> (N, H W C), in this order in torch too."""

    def in_torch(self, torch: Any) -> Any:
        class Rows(torch.nn.Module):  # type: ignore[misc]
            def forward(self, x: Any) -> Any:
                return x.permute(0, 2, 3, 1).flatten(1)

        return Rows()

    def in_jax(self, jax: Any, weights: Weights, x: Any) -> Any:
        return x.reshape(len(x), -1)

    def forward(self, weights: Weights, x: Array) -> Array:
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, gradients: list[Array], dy: Array) -> Array:
        return dy.reshape(self.shape)


@dataclasses.dataclass
class Maps(Layer):
    """(N, H W C) -> (N, H, W, C)."""

    shape: tuple[int, int, int]

    def in_torch(self, torch: Any) -> Any:
        class Maps(torch.nn.Module):  # type: ignore[misc]
            channels_last = True

            def forward(self, x: Any) -> Any:
                y = x.unflatten(1, shape).permute(0, 3, 1, 2)
                return y if self.channels_last else y.contiguous()

        shape = self.shape
        return Maps()

    def in_jax(self, jax: Any, weights: Weights, x: Any) -> Any:
        return x.reshape(-1, *self.shape)

    def forward(self, weights: Weights, x: Array) -> Array:
        return x.reshape(-1, *self.shape)

    def backward(self, gradients: list[Array], dy: Array) -> Array:
        return dy.reshape(len(dy), -1)


@dataclasses.dataclass
class Linear(Layer):
    """x Wᵀ + b."""

    inputs: int
    outputs: int
    bias: bool = True

    def weights(self, draw: numpy.random.Generator) -> list[Array]:
        w = draw.standard_normal((self.outputs, self.inputs), numpy.float32) * numpy.float32((1 / self.inputs) ** 0.5)
        return [w, numpy.zeros(self.outputs, numpy.float32)] if self.bias else [w]

    def in_torch(self, torch: Any) -> Any:
        return torch.nn.Linear(self.inputs, self.outputs, bias=self.bias)

    def in_jax(self, jax: Any, weights: Weights, x: Any) -> Any:
        y = x @ next(weights).T
        return y + next(weights) if self.bias else y

    def forward(self, weights: Weights, x: Array) -> Array:
        self.x, self.w = x, next(weights)
        self.flops = 2.0 * len(x) * self.w.size
        y = x @ self.w.T
        return y + next(weights) if self.bias else y

    def backward(self, gradients: list[Array], dy: Array) -> Array:
        if self.bias:
            gradients.append(dy.sum(0))
        gradients.append(dy.T @ self.x)
        return dy @ self.w


@dataclasses.dataclass
class Residual(Layer):
    """Body and the way around it, added."""

    body: Sequence[Layer]
    around: Sequence[Layer] = ()

    def weights(self, draw: numpy.random.Generator) -> list[Array]:
        return [w for layer in (*self.body, *self.around) for w in layer.weights(draw)]

    def in_torch(self, torch: Any) -> Any:
        class Sum(torch.nn.Module):  # type: ignore[misc]
            def __init__(self, body: Any, around: Any) -> None:
                super().__init__()
                self.body, self.around = body, around

            def forward(self, x: Any) -> Any:
                return self.around(x) + self.body(x)

        return Sum(
            *(torch.nn.Sequential(*[layer.in_torch(torch) for layer in way]) for way in (self.body, self.around))
        )

    def in_jax(self, jax: Any, weights: Weights, x: Any) -> Any:
        y = x
        for layer in self.body:
            y = layer.in_jax(jax, weights, y)
        for layer in self.around:
            x = layer.in_jax(jax, weights, x)
        return x + y

    def forward(self, weights: Weights, x: Array) -> Array:
        y = x
        for layer in self.body:
            y = layer.forward(weights, y)
        for layer in self.around:
            x = layer.forward(weights, x)
        self.flops = sum(layer.flops for layer in (*self.body, *self.around))
        return x + y

    def backward(self, gradients: list[Array], dy: Array) -> Array:
        around = dy
        for layer in reversed(self.around):
            around = layer.backward(gradients, around)
        for layer in reversed(self.body):
            dy = layer.backward(gradients, dy)
        return around + dy
