"""capture: run a training step once, record it once, replay it from then on."""

from __future__ import annotations

import functools
import sys
import types
import warnings
from collections.abc import Callable
from typing import Any

import numpy

from .. import watch
from ..autograd import no_grad
from ..device import Device
from ..device import device as _device
from ..errors import CaptureError
from ..nn.module import Module
from ..tensor import Tensor, plain, tensor
from .plan import Plan, called, each

__all__ = ["Captured", "capture"]

MOST_PLANS = 16  # per function; a step that needs more has an argument that changes all the time
IDLE = 256  # replays of others after which a plan gives way to a new one
MOST_SEEN = 64  # signatures that are remembered


class Captured:
    """A step and its plans: one per signature of the arguments and state of what the step depends on."""

    prove = False  # whether a plan's first replay is compared with the eager step
    arena: Any = None  # where plans have their memory; None: each in an arena of its own

    def __init__(self, function: Callable[..., Any], check: bool = False, alias_outputs: bool = False) -> None:
        functools.update_wrapper(self, function, updated=())
        self.function, self.check, self.alias_outputs = function, check, alias_outputs
        self._convert: Callable[[tuple[Any, ...]], tuple[Any, ...]] = _tensors
        if isinstance(function, Module):
            self.function, self._convert = _inference(function), function._tensors
        self._plans: dict[Any, list[Plan]] = {}  # signature -> plans; an empty list: it ran once
        self._last: Plan | None = None
        self._device: Device | None = None  # of what the eager run took and gave
        self._replays = 0
        self._warned = False
        self._attribute = ""

    @property
    def plans(self) -> list[Plan]:
        """What has been recorded, oldest first."""
        return [plan for plans in list(self._plans.values()) for plan in plans]  # another thread may add to them

    def __get__(self, instance: Any, owner: Any = None) -> Captured:
        """Return the step of an instance, with plans of its own, where a class has a captured method."""
        if instance is None:
            return self
        bound = Captured(types.MethodType(self.function, instance), self.check, self.alias_outputs)
        vars(instance)[self._attribute or self._title] = bound  # which is found first from now on
        return bound

    def __set_name__(self, owner: Any, name: str) -> None:
        self._attribute = name

    def __call__(self, *args: Any, **named: Any) -> Any:
        """Run, record or replay the step."""
        plan = self._last
        if plan is not None and plan.edits == watch.edits and not named:  # the common case, in one microsecond
            result = plan.run(args)
            if result is not NotImplemented:
                self._replays += 1
                return result
        if watch.local.recorder is not None:  # inside another captured step: a part of it
            return self.function(*args, **named)
        return self._chosen(list(self._convert((*args, *named.values()))), tuple(named))

    def _chosen(self, values: list[Any], names: tuple[str, ...]) -> Any:
        """Replay the plan that fits, or record one at the second call that none fits."""
        if self._last is not None:
            self._last.used, self._last = self._replays, None
        key = (*map(_key, values), names)
        try:
            known = self._plans.get(key)
        except TypeError:
            kinds = ", ".join(type(v).__name__ for v in values)
            raise TypeError(f"capture: arguments are {kinds}; pass Tensors, arrays, or what can be hashed") from None
        if known is None:
            self._remember(key)
            result = self._eager(values, names)
            self._device = _device_of((values, result))
            return result
        for plan in known:
            if plan.valid():
                return self._replayed(plan, values, names)
        if not self._has_room():
            return self._eager(values, names)
        return self._recorded(known, values, names)

    def _replayed(self, plan: Plan, values: list[Any], names: tuple[str, ...]) -> Any:
        self._replays += 1
        plan.used = self._replays
        if self.check or (self.prove and not plan.proven):
            return self._compared(plan, values, names)
        if plan.only_tensors:
            self._last = plan
        return plan.replay(values)

    def _compared(self, plan: Plan, values: list[Any], names: tuple[str, ...]) -> Any:
        """Replay and run eagerly from the same state; return the result if all bits agree."""
        before = plan.recorded.state()
        replayed = plan.replay(values)
        after = plan.recorded.state()
        plan.undo(before)
        ran = self._eager(values, names)
        plan.proven = plan.recorded.has_state(after) and _bits(ran) == _bits(replayed)
        if plan.proven:
            return ran
        return self._refused("a replay differs from the eager step: something in it is done by Python alone", ran)

    def _recorded(self, known: list[Plan], values: list[Any], names: tuple[str, ...]) -> Any:
        device = _device_of(values) or self._device or _device(None)
        device.empty_cache()  # the eager steps' memory goes before the plan's comes
        plan = Plan(self.function, values, names, device, self.alias_outputs, self.arena)
        result, plan.first = _copied(plan.first), None
        if plan.refusal:
            return self._refused(plan.refusal, result)
        known.append(plan)
        plan.used = self._replays
        return result

    def _refused(self, why: str, result: Any) -> Any:
        """Refuse a plan that is whole but may not be replayed; the step has run and gave ``result``."""
        raise CaptureError(why)

    def _eager(self, values: list[Any], names: tuple[str, ...]) -> Any:
        return _copied(called(self.function, values, names))

    @property
    def _title(self) -> str:
        return str(getattr(self, "__name__", None) or type(self.function).__name__)

    # ---- how many ----

    def _remember(self, key: Any) -> None:
        """Note that a signature has been seen; the oldest without a plan is forgotten."""
        if len(self._plans) >= MOST_SEEN:
            idle = next((k for k, plans in list(self._plans.items()) if not plans), None)
            self._plans.pop(idle, None)
        self._plans[key] = []

    def _has_room(self) -> bool:
        """Say whether one more plan may be recorded; the least recently used gives way if it has lain idle."""
        plans = self.plans
        if len(plans) < MOST_PLANS:
            return True
        oldest = min(plans, key=lambda plan: plan.used)
        if self._replays - oldest.used >= IDLE:
            for several in list(self._plans.values()):
                several[:] = [plan for plan in several if plan is not oldest]
            return True
        if not self._warned:
            self._warned = True
            warn(
                f"capture: {self._title} has {MOST_PLANS} plans in use; what needs another runs eagerly. Pass what "
                "varies as an array or a wxb.scalar instead of a Python number"
            )
        return False


def capture(function: Callable[..., Any] | None = None, *, check: bool = False, alias_outputs: bool = False) -> Any:
    """Make a step replay itself: the first call runs, the second records, later calls replay the recorded kernel calls.

    ``@wxb.capture`` on a function of Tensors (or arrays) that computes, and updates parameters, with wxb alone; or
    ``wxb.capture(model)`` for inference. Results have no graph. Each shape of the arguments, and each state of modules
    and optimizers, has a plan of its own, at most 16. Python numbers are constants of a plan, an argument makes a plan
    for each of its values; what must vary is an array argument or a ``wxb.scalar``.

    ``check=True`` runs eagerly and replayed from the same state and compares bits; ``alias_outputs=True`` returns the
    plan's own outputs, valid until the next call. Raises ``CaptureError`` for what a replay could not repeat: reading
    a value on the host, item assignment, an argument that requires a gradient. ``.plans`` has the plans, of which
    ``summary()`` and ``draw()`` show what the step does.
    """
    if function is None:
        return functools.partial(capture, check=check, alias_outputs=alias_outputs)
    if not callable(function):
        raise TypeError(f"capture: {type(function).__name__} is no function; pass a function of Tensors or a Module")
    return Captured(function, check, alias_outputs)


def warn(text: str) -> None:
    """Warn with the place outside of wxb that called it."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").startswith("wxb."):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, stacklevel=level)


def _inference(model: Module) -> Callable[..., Any]:
    def forward(*args: Any) -> Any:
        with no_grad():
            return model(*args)

    return forward


def _tensors(args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple([tensor(a) if isinstance(a, numpy.ndarray) else a for a in args])


def _key(value: Any) -> Any:
    """Return what of an argument a plan is for."""
    if not isinstance(value, Tensor):
        return type(value), repr(value) if isinstance(value, float) else value  # 0.0 == -0.0, and NaN != NaN
    if value.requires_grad:
        raise CaptureError("capture: an argument requires a gradient; let the step use it as a parameter instead")
    return value.data.shape, value.data.dtype, value.device


def _copied(result: Any) -> Any:
    """Copy the Tensors of a result: what a captured step returns has no graph and no part in later replays."""

    def copy(part: Any) -> Any:
        return plain(part.device.copy(part.data), part.device) if isinstance(part, Tensor) else part

    return each(result, copy)


def _device_of(value: Any) -> Device | None:
    """Return the device of the first Tensor in arguments and results."""
    found: list[Device] = []
    each(value, lambda part: found.append(part.device) if isinstance(part, Tensor) else None)
    return found[0] if found else None


def _bits(result: Any) -> Any:
    return each(result, lambda part: part.device.host(part.data).tobytes() if isinstance(part, Tensor) else part)
