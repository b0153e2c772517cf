"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any, ClassVar

from .optimizer import Optimizer, Parameters

__all__ = ["SGD"]


class SGD(Optimizer):
    """Gradient descent, ``p -= lr g``, with momentum ``b = momentum b + g``, ``p -= lr b``.

    ``nesterov`` takes ``g + momentum b`` in place of ``b`` (Sutskever, Martens, Dahl, Hinton 2013); ``weight_decay``
    adds ``weight_decay p`` to ``g``. The formulas are PyTorch's, with dampening 0.
    """

    ranges: ClassVar = {**Optimizer.ranges, "momentum": (0, 1)}

    def __init__(
        self,
        parameters: Parameters,
        lr: float = 1e-2,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        clip_norm: float | None = None,
    ) -> None:
        self.momentum, self.nesterov = momentum, bool(nesterov)
        if nesterov and not momentum:
            raise ValueError("sgd: nesterov=True wants a momentum above 0; pass momentum=0.9")
        super().__init__(parameters, lr, weight_decay, clip_norm, ("momentum",) if momentum else ())

    def _update(self, table: Any) -> None:
        table.sgd(self._lr, self._step, self.momentum, self.weight_decay, self.nesterov)
