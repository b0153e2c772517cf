"""Activations as layers; ``activation=`` of a layer before them does the same in one pass."""

from __future__ import annotations

from collections.abc import Callable

from .. import ops
from ..tensor import Tensor
from .module import Module

__all__ = [
    "ELU", "GELU", "SELU", "Hardswish", "LeakyReLU", "LogSoftmax", "ReLU", "SiLU", "Sigmoid", "Softmax", "Softplus",
    "Tanh",
]  # fmt: skip


class _Activation(Module):
    op: Callable[[Tensor], Tensor]

    def forward(self, x: Tensor) -> Tensor:
        """X (...) -> (...)."""
        return type(self).op(x)


class ReLU(_Activation):
    """``max(x, 0)``."""

    op = staticmethod(ops.relu)


class SELU(_Activation):
    """Self-normalising ELU (Klambauer et al. 2017, arXiv:1706.02515)."""

    op = staticmethod(ops.selu)


class SiLU(_Activation):
    """``x sigmoid(x)``."""

    op = staticmethod(ops.silu)


class Sigmoid(_Activation):
    """``1 / (1 + e^-x)``."""

    op = staticmethod(ops.sigmoid)


class Tanh(_Activation):
    """Hyperbolic tangent."""

    op = staticmethod(ops.tanh)


class Softplus(_Activation):
    """``ln(1 + e^x)``."""

    op = staticmethod(ops.softplus)


class Hardswish(_Activation):
    """``x clip(x + 3, 0, 6) / 6`` (Howard et al. 2019, arXiv:1905.02244)."""

    op = staticmethod(ops.hardswish)


class LeakyReLU(Module):
    """``x`` above 0, ``alpha x`` below."""

    def __init__(self, alpha: float = 0.01) -> None:
        self.alpha = alpha

    def forward(self, x: Tensor) -> Tensor:
        """X (...) -> (...)."""
        return ops.leaky_relu(x, self.alpha)


class ELU(Module):
    """``x`` above 0, ``alpha (e^x - 1)`` below."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha

    def forward(self, x: Tensor) -> Tensor:
        """X (...) -> (...)."""
        return ops.elu(x, self.alpha)


class GELU(Module):
    """``x Phi(x)``; ``approximate="tanh"`` for the cheaper formula."""

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = approximate

    def forward(self, x: Tensor) -> Tensor:
        """X (...) -> (...)."""
        return ops.gelu(x, self.approximate)


class Softmax(Module):
    """``e^x_i / sum_j e^x_j`` along ``axis``."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        """X (...) -> (...)."""
        return ops.softmax(x, self.axis)


class LogSoftmax(Module):
    """Logarithm of softmax along ``axis``."""

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        """X (...) -> (...)."""
        return ops.log_softmax(x, self.axis)
