"""Modern continuous Hopfield networks: memories that a state falls into, in one step of softmax."""

from __future__ import annotations

import math
from typing import Any

from .. import ops
from ..tensor import Tensor, as_array, tensor
from .linear import Linear, positive
from .module import Module

__all__ = ["Hopfield", "HopfieldMemory"]


class Hopfield(Module):
    """Associate states with stored patterns, ``softmax(beta (state Wq) (stored Wk)ᵀ) (stored Wk Wv)``.

    Ramsauer et al. 2020, arXiv:2008.02217. state (N, S, state_size), stored (N, L, stored_size), both the state where
    it is not given -> (N, S, out_size). ``beta``, by default 1 / sqrt(hidden_size), is how sharply one pattern is told
    from the others: large, the state falls into the nearest one; small, into a mean of many. With ``update_steps`` the
    state goes on towards what it found before it is read out.
    """

    def __init__(
        self,
        state_size: int,
        hidden_size: int,
        stored_size: int | None = None,
        out_size: int | None = None,
        beta: float | None = None,
        update_steps: int = 1,
        dtype: Any = None,
    ) -> None:
        positive("hopfield", update_steps=update_steps)
        self.beta, self.update_steps = _beta(1 / math.sqrt(hidden_size) if beta is None else beta), update_steps
        stored = state_size if stored_size is None else stored_size
        self.query = Linear(state_size, hidden_size, bias=False, dtype=dtype)
        self.key = Linear(stored, hidden_size, bias=False, dtype=dtype)
        self.value = Linear(hidden_size, state_size if out_size is None else out_size, bias=False, dtype=dtype)

    def forward(self, state: Tensor, stored: Tensor | None = None) -> Tensor:
        """State (N, S, state_size), stored (N, L, stored_size) -> (N, S, out_size)."""
        patterns: Tensor = self.key(state if stored is None else stored)
        found: Tensor = self.query(state)
        for _ in range(self.update_steps):
            scores = ops.matmul(found, patterns, transpose_b=True, precision=self.precision)
            nearness = ops.softmax(ops.multiply(scores, self.beta))
            found = ops.matmul(nearness, patterns, precision=self.precision)
        return self.value(found)  # type: ignore[no-any-return]

    def extra_repr(self) -> str:
        """Return beta and the steps."""
        return f"beta={self.beta:.4g}, update_steps={self.update_steps}"


class HopfieldMemory(Module):
    """Stored patterns that a state known in part is completed from, the mean of those that fit what is known.

    Of pattern p the weight is ``softmax over p of -beta / 2 |known (state - p)|²``: where all is known and patterns are
    of one length, the update of Ramsauer et al. 2020, arXiv:2008.02217. patterns (L, size) are a buffer; state (N,
    size) and known (N, size) of 0 and 1 -> (N, size).
    """

    def __init__(self, patterns: Any, beta: float = 1.0) -> None:
        values = as_array(patterns)
        if values.ndim != 2 or not values.size:
            raise ValueError(f"hopfield_memory: patterns have shape {values.shape}, they must be (L, size)")
        self.patterns = tensor(values, None if values.dtype.kind == "f" else "float32")
        self.beta = _beta(beta)

    def forward(self, state: Tensor, known: Tensor) -> Tensor:
        """State and known (N, size) -> (N, size)."""
        if state.shape != known.shape or state.shape[1:] != self.patterns.shape[1:]:
            raise ValueError(
                f"hopfield_memory: state has shape {state.shape}, known {known.shape}, both must be (N, "
                f"{self.patterns.shape[1]})"
            )
        squares = ops.multiply(self.patterns, self.patterns)  # small differences of large sums: never rounded
        meets = ops.matmul(ops.multiply(state, known), self.patterns, transpose_b=True)
        apart = ops.multiply(ops.matmul(known, squares, transpose_b=True), 0.5)
        return ops.matmul(ops.softmax(ops.multiply(ops.subtract(meets, apart), self.beta)), self.patterns)

    def extra_repr(self) -> str:
        """Return the patterns' number and size, and beta."""
        return f"{self.patterns.shape[0]} of {self.patterns.shape[1]}, beta={self.beta:.4g}"


def _beta(value: float) -> float:
    if not 0 <= value < math.inf:
        raise ValueError(f"hopfield: beta is {value}, it must be finite and not negative")
    return float(value)
