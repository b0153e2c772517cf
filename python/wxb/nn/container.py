"""Modules made of modules, and layers that only change the shape or drop elements."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from .. import ops
from ..tensor import Tensor
from .module import Module

__all__ = ["Dropout", "Dropout2d", "Flatten", "Reshape", "Residual", "Sequential"]


class Sequential(Module):
    """Layers one after the other: ``Sequential(a, b)(x) = b(a(x))``. Indexing and len() as a list."""

    def __init__(self, *layers: Module) -> None:
        for layer in layers:
            if not isinstance(layer, Module):
                raise TypeError(f"sequential: {type(layer).__name__} is no Module; wrap it in one")
        self.layers = layers

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the layers, named by position."""
        return ((str(i), layer) for i, layer in enumerate(self.layers))

    def forward(self, x: Any) -> Any:
        """Apply the layers in order."""
        for layer in self.layers:
            x = layer(x)
        return x

    def __len__(self) -> int:
        return len(self.layers)

    def __getitem__(self, i: int) -> Module:
        return self.layers[i]


class Residual(Module):
    """``x + body(x)`` (He et al. 2015, arXiv:1512.03385), or ``shortcut(x) + body(x)``."""

    def __init__(self, body: Module, shortcut: Module | None = None) -> None:
        self.body, self.shortcut = body, shortcut

    def forward(self, x: Tensor) -> Tensor:
        """X (...) -> body's shape, which must be that of x or of shortcut(x)."""
        y, around = self.body(x), x if self.shortcut is None else self.shortcut(x)
        if y.shape != around.shape:
            raise ValueError(f"residual: body gives shape {y.shape}, the way around it {around.shape}; pass shortcut=")
        return ops.add(around, y)


class Dropout(Module):
    """Zero each element with probability ``p`` while training and scale the rest by ``1 / (1 - p)``.

    Srivastava et al. 2014. The identity in ``eval()``. Raises ``ValueError`` unless 0 <= p < 1.
    """

    def __init__(self, p: float = 0.5) -> None:
        if not 0 <= p < 1:
            raise ValueError(f"dropout: p is {p}, it must be in [0, 1)")
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """X (...) -> (...)."""
        return ops.dropout(x, self.p) if self.training and self.p else x

    def extra_repr(self) -> str:
        """Return p."""
        return str(self.p)


class Dropout2d(Dropout):
    """Zero each channel of each sample with probability ``p`` while training and scale the rest by ``1 / (1 - p)``.

    Tompson et al. 2015, arXiv:1411.4280. The identity in ``eval()``. Raises ``ValueError`` unless 0 <= p < 1.
    """

    def forward(self, x: Tensor) -> Tensor:
        """X (N, H, W, C) -> the same shape."""
        if x.ndim != 4:
            raise ValueError(f"dropout2d: input has shape {x.shape}, it must be (N, H, W, C), channels last")
        if not (self.training and self.p):
            return x
        kept = ops.bernoulli((x.shape[0], 1, 1, x.shape[3]), 1 - self.p, x.dtype, x.device)
        return ops.multiply(x, ops.multiply(kept, 1 / (1 - self.p)))


class Flatten(Module):
    """Make one axis of all but the first: (N, ...) -> (N, product)."""

    def forward(self, x: Tensor) -> Tensor:
        """X (N, ...) -> (N, product of the rest)."""
        if not x.ndim:
            raise ValueError("flatten: input is 0-d, it must have a batch axis")
        return ops.reshape(x, (x.shape[0], math.prod(x.shape[1:])))


class Reshape(Module):
    """Give each sample another shape: (N, ...) -> (N, *shape)."""

    def __init__(self, *shape: int) -> None:
        self.target = shape

    def forward(self, x: Tensor) -> Tensor:
        """X (N, ...) -> (N, *shape)."""
        return ops.reshape(x, (x.shape[0], *self.target))

    def extra_repr(self) -> str:
        """Return the shape."""
        return ", ".join(str(n) for n in self.target)
