"""Step: what a Trainer does with a batch, captured as long as a replay can repeat it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import CaptureError
from .capture import Captured, warn
from .plan import Plan

__all__ = ["Step"]


class Step(Captured):
    """A captured function of batches that falls back to running eagerly, with a warning of one line that says why.

    The first replay of each plan is compared with the eager step, bit by bit: Python that changes the result from call
    to call is noticed there. Falling back is exact: model, optimizer and random numbers are as if nothing had been
    recorded. Its plans share ``arena``, a Trainer's: shapes and evaluation take turns, so they need no memory each.
    """

    prove = True

    def __init__(self, function: Callable[..., Any], parts: Callable[[], list[Any]], arena: Any) -> None:
        super().__init__(function)
        self._parts, self.arena = parts, arena
        self.eager = False  # whether it has fallen back

    def _chosen(self, values: list[Any], names: tuple[str, ...]) -> Any:
        return self._eager(values, names) if self.eager else super()._chosen(values, names)

    def _recorded(self, known: list[Plan], values: list[Any], names: tuple[str, ...]) -> Any:
        parts = self._parts()
        states, device = [part.state_dict() for part in parts], parts[0].device
        rng = device.rng.copy()
        try:
            return super()._recorded(known, values, names)
        except CaptureError as why:
            for part, state in zip(parts, states):
                part.load_state_dict(state)
            device.rng[...] = rng
            self._fall_back(str(why))
            return self._eager(values, names)

    def _refused(self, why: str, result: Any) -> Any:
        self._fall_back(why)
        return result

    def _fall_back(self, why: str) -> None:
        self.eager = True
        self._plans.clear()
        self._last = None
        warn(f"fit: the step runs eagerly, not captured: {why}")
