"""Schedules: the learning rate as a function of the number of steps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy

from .optimizer import Optimizer

__all__ = ["CosineSchedule", "OneCycleSchedule", "Schedule", "StepSchedule", "WarmupSchedule"]


class Schedule:
    """The learning rate after ``count`` steps, ``schedule(count)``; ``step()`` counts one and sets ``optimizer.lr``.

    A step is an update or an epoch, as you call it. ``base`` is the optimizer's rate when the schedule is made.
    Subclasses define ``__call__``. Outside a captured step only: a replay reads the rate that was set before it.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer, self.base, self.count = optimizer, optimizer.lr, 0
        optimizer.lr = self(0)

    def __call__(self, count: int) -> float:
        """Return the learning rate after ``count`` steps."""
        raise NotImplementedError(f"{type(self).__name__}: __call__ is not defined")

    def step(self) -> None:
        """Count a step and set the learning rate that follows it."""
        self.optimizer.lr = self(self.count + 1)
        self.count += 1

    def state_dict(self) -> dict[str, numpy.ndarray[Any, Any]]:
        """Return what ``load_state_dict`` needs to go on from here."""
        return {"base": numpy.array(self.base), "count": numpy.array(self.count)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state; sets the learning rate. Raises ``ValueError`` for a state of something else."""
        if set(state) != {"base", "count"}:
            raise ValueError(f"load_state_dict: a schedule's state has base and count, this one has {sorted(state)}")
        self.base, self.count = float(state["base"]), int(state["count"])
        self.optimizer.lr = self(self.count)


class StepSchedule(Schedule):
    """Multiply by ``factor`` after ``every`` steps, ``base factor^(count // every)``."""

    def __init__(self, optimizer: Optimizer, every: int, factor: float = 0.1) -> None:
        self.every, self.factor = _count("every", every), _within("factor", factor, 0, math.inf)
        super().__init__(optimizer)

    def __call__(self, count: int) -> float:
        """Return the learning rate after ``count`` steps."""
        return float(self.base * self.factor ** (count // self.every))


class CosineSchedule(Schedule):
    """Half a cosine from ``base`` down to ``low`` in ``steps``, then constant.

    Loshchilov, Hutter 2016, arXiv:1608.03983, without restarts.
    """

    def __init__(self, optimizer: Optimizer, steps: int, low: float = 0.0) -> None:
        self.steps, self.low = _count("steps", steps), _within("low", low, 0, math.inf)
        super().__init__(optimizer)

    def __call__(self, count: int) -> float:
        """Return the learning rate after ``count`` steps."""
        return _cosine(self.base, self.low, count / self.steps)


class WarmupSchedule(Schedule):
    """Rise on a line from ``start base`` to ``base`` in ``steps``, then stay, or follow the schedule ``then``.

    ``WarmupSchedule(optimizer, 500, then=CosineSchedule(optimizer, 9500))`` (Goyal et al. 2017, arXiv:1706.02677).
    """

    def __init__(self, optimizer: Optimizer, steps: int, start: float = 0.0, then: Schedule | None = None) -> None:
        self.steps, self.start, self.then = _count("steps", steps), _within("start", start, 0, 1), then
        super().__init__(optimizer)

    def __call__(self, count: int) -> float:
        """Return the learning rate after ``count`` steps."""
        if count >= self.steps and self.then is not None:
            return self.then(count - self.steps)
        return self.base * (self.start + (1 - self.start) * min(1.0, count / self.steps))


class OneCycleSchedule(Schedule):
    """Rise from ``max_lr / start_divisor`` to ``max_lr``, fall to ``max_lr / start_divisor / end_divisor``.

    Along half a cosine each, or with ``anneal="linear"`` on straight lines. The first ``rise`` of all ``steps`` go up,
    the others down (Smith, Topin 2018, arXiv:1708.07120; Smith 2018, arXiv:1803.09820). As PyTorch's, but the momentum
    stays as it is, and so does the rate after the last step.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float,
        steps: int,
        rise: float = 0.3,
        start_divisor: float = 25.0,
        end_divisor: float = 1e4,
        anneal: str = "cosine",
    ) -> None:
        if anneal not in _ANNEAL:
            raise ValueError(f"schedule: anneal is {anneal!r}, it must be one of {', '.join(_ANNEAL)}")
        self.anneal = anneal
        self.max_lr, self.steps = _within("max_lr", max_lr, 0, math.inf), _count("steps", steps)
        self.rise = _within("rise", rise, 0, 1)
        self.start_divisor = _within("start_divisor", start_divisor, 1, math.inf)
        self.end_divisor = _within("end_divisor", end_divisor, 1, math.inf)
        super().__init__(optimizer)

    def __call__(self, count: int) -> float:
        """Return the learning rate after ``count`` steps."""
        start, peak, last = self.max_lr / self.start_divisor, self.rise * self.steps - 1, self.steps - 1
        along = _ANNEAL[self.anneal]
        if count < peak:
            return along(start, self.max_lr, count / peak)
        return along(self.max_lr, start / self.end_divisor, (count - peak) / (last - peak or 1.0))


def _cosine(begin: float, end: float, part: float) -> float:
    return end + (begin - end) * (1 + math.cos(math.pi * min(1.0, max(0.0, part)))) / 2


def _linear(begin: float, end: float, part: float) -> float:
    return begin + (end - begin) * min(1.0, max(0.0, part))


_ANNEAL = {"cosine": _cosine, "linear": _linear}


def _count(name: str, value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, numpy.integer)):
        raise TypeError(f"schedule: {name} is {value!r}, it must be an integer")
    if value < 1:
        raise ValueError(f"schedule: {name} is {value}, it must be at least 1")
    return int(value)


def _within(name: str, value: float, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, numpy.number)):
        raise TypeError(f"schedule: {name} is {value!r}, it must be a number")
    if not low <= value <= high or math.isinf(value):
        raise ValueError(f"schedule: {name} is {value}, it must be from {low} to {high}")
    return float(value)
