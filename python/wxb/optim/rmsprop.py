"""RMSprop."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from .optimizer import Optimizer, Parameters

__all__ = ["RMSprop"]


class RMSprop(Optimizer):
    """Descent by the root of the mean square, ``p -= lr g / (sqrt(v) + eps)`` (Tieleman, Hinton 2012, lecture 6.5).

    ``v = alpha v + (1 - alpha) g²``; ``centered`` subtracts the square of the running mean of ``g`` from ``v`` (Graves
    2013, arXiv:1308.0850); ``momentum`` runs over the quotient; ``weight_decay`` adds ``weight_decay p`` to ``g``.
    """

    ranges: ClassVar = {**Optimizer.ranges, "alpha": (0, 1), "eps": (0, math.inf), "momentum": (0, 1)}

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        clip_norm: float | None = None,
    ) -> None:
        self.alpha, self.eps, self.momentum, self.centered = alpha, eps, momentum, bool(centered)
        states = ("mean_square", *(("mean",) if centered else ()), *(("momentum",) if momentum else ()))
        super().__init__(parameters, lr, weight_decay, clip_norm, states)

    def _update(self, table: Any) -> None:
        table.rmsprop(self._lr, self._step, self.alpha, self.eps, self.momentum, self.weight_decay, self.centered)
