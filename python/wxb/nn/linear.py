"""Layers that are W x + b, or look up its columns."""

from __future__ import annotations

import math
from typing import Any

from .. import ops
from ..device import cpu
from ..ops.elementwise import activation_named
from ..tensor import Parameter, Tensor, parameter
from . import init as _init
from .module import Module

__all__ = ["Embedding", "Linear"]


def positive(layer: str, **sizes: Any) -> None:
    """Raise ``ValueError`` or ``TypeError`` unless every size is an integer from 1 on."""
    for name, value in sizes.items():
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"{layer}: {name} is {value!r}, it must be an integer")
        if value < 1:
            raise ValueError(f"{layer}: {name} is {value}, it must be at least 1")


class Linear(Module):
    """Affine layer, ``y = act(x Wᵀ + b)``.

    x (..., in_features) -> (..., out_features); weight (out_features, in_features), bias (out_features,).
    ``activation`` is fused into the product: relu, leaky_relu, elu, selu, gelu, gelu_tanh, silu, sigmoid, tanh,
    softplus, hardswish. ``init`` names an initialiser (glorot, he, lecun, orthogonal) or is one; by default the one
    that suits the activation.
    Integer and uint8 inputs are converted to the weight's dtype.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        activation: str | None = None,
        bias: bool = True,
        init: str | _init.Initialiser | None = None,
        dtype: Any = None,
    ) -> None:
        positive("linear", in_features=in_features, out_features=out_features)
        activation_named(activation)
        self.in_features, self.out_features, self.activation = in_features, out_features, activation
        draw = _init.initialiser(init, activation)
        shape = (out_features, in_features)
        self.weight = parameter(draw(shape, in_features, out_features, cpu.generator), dtype, "weight")
        self.bias: Parameter | None = parameter([0.0] * out_features, dtype, "bias") if bias else None

    def forward(self, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """X (..., in_features) -> (..., out_features); ``weight`` in place of the layer's own."""
        if x.data.dtype.kind != "f":
            x = ops.cast(x, self.weight.dtype)
        return ops.linear(x, self.weight if weight is None else weight, self.bias, self.activation, self.precision)

    def multiply_adds(self, output_shape: tuple[int, ...]) -> int:
        """Return the multiply-adds of one forward pass that gives ``output_shape``."""
        return math.prod(output_shape) * self.in_features

    def extra_repr(self) -> str:
        """Return the sizes and the activation."""
        act = f", activation={self.activation!r}" if self.activation else ""
        return f"{self.in_features}, {self.out_features}{act}{'' if self.bias is not None else ', bias=False'}"


class Embedding(Module):
    """Table of vectors, ``y = W[index]``.

    index (...) of int64 in [0, num_embeddings) -> (..., embedding_dim); weight (num_embeddings, embedding_dim), drawn
    from N(0, 1). ``padding_idx``: the row of what fills batches up, 0 at first and without a gradient; negative ones
    count from the end. Raises ``IndexError`` for an index out of range. An optimizer with momentum or moments moves all
    rows, also those that a step did not use, as the papers say.
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None, dtype: Any = None
    ) -> None:
        positive("embedding", num_embeddings=num_embeddings, embedding_dim=embedding_dim)
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        drawn = cpu.generator.normal(size=(num_embeddings, embedding_dim))
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise ValueError(f"embedding: padding_idx is {padding_idx}, there are {num_embeddings} rows")
            padding_idx %= num_embeddings
            drawn[padding_idx] = 0
        self.padding_idx = padding_idx
        self.weight = parameter(drawn, dtype, "weight")

    def forward(self, index: Tensor) -> Tensor:
        """Index (...) -> (..., embedding_dim)."""
        return ops.embedding(index, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        """Return the sizes."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
