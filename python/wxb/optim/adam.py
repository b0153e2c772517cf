"""Adam and AdamW."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .optimizer import Optimizer, Parameters

__all__ = ["Adam", "AdamW"]


class Adam(Optimizer):
    """Descent by moments, ``p -= lr m̂ / (sqrt(v̂) + eps)`` (Kingma, Ba 2014, arXiv:1412.6980).

    ``m`` and ``v`` are running means of ``g`` and ``g²`` with weights ``1 - betas``, ``m̂`` and ``v̂`` the same without
    their bias towards 0. ``weight_decay`` adds ``weight_decay p`` to ``g``.
    """

    ranges: ClassVar = {**Optimizer.ranges, "betas": (0, 1), "eps": (0, math.inf)}
    decoupled: ClassVar[bool] = False

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
    ) -> None:
        self.betas, self.eps = betas, eps
        super().__init__(parameters, lr, weight_decay, clip_norm, ("first_moment", "second_moment"))

    def _in_range(self, name: str, value: Any) -> Any:
        if name != "betas":
            return super()._in_range(name, value)
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise ValueError(f"{type(self).__name__.lower()}: betas is {value!r}, it must be two numbers")
        return super()._in_range(name, value[0]), super()._in_range(name, value[1])

    def _update(self, table: Any) -> None:
        table.adam(self._lr, self._step, *self.betas, self.eps, self.weight_decay, self.decoupled)


class AdamW(Adam):
    """Adam with decoupled decay, ``p -= lr weight_decay p`` beside the update.

    Loshchilov, Hutter 2017, arXiv:1711.05101.
    """

    decoupled = True

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        clip_norm: float | None = None,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay, clip_norm)
