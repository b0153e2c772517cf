"""capture: run a training step once, record it once, replay it from then on."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import numpy

from .. import watch
from ..device import Array, cpu
from ..errors import CaptureError
from ..tensor import Tensor, tensor

__all__ = ["Captured", "capture"]

MOST_PLANS = 16  # per function; a step that needs more has an argument that changes all the time


class Recorder:
    """Collects, while a plan records, what the step depends on and what it leaves behind on the host."""

    def __init__(self) -> None:
        self.notes: dict[Any, Any] = {}  # thing -> its signature
        self.held: dict[Tensor, bool] = {}  # leaf -> whether it held a gradient when the step first touched it
        self.moved: list[Tensor] = []  # parameters that were updated

    def note(self, thing: Any) -> None:
        if thing not in self.notes:
            self.notes[thing] = thing.signature()

    def note_held(self, leaf: Tensor) -> None:
        self.held.setdefault(leaf, leaf.held)

    def note_moved(self, parameter: Tensor) -> None:
        self.moved.append(parameter)


class Recording:
    """A plan, and the conditions under which it may be replayed."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...], alias_outputs: bool) -> None:
        self.plan = plan = cpu.kernels.Plan()
        self.alias_outputs = alias_outputs
        recorder = watch.local.recorder = Recorder()
        try:
            with plan:
                slots = [_slot(a) if isinstance(a, Tensor) else a for a in args]
                result = function(*slots)
        finally:
            watch.local.recorder = None
        plan.slots = [s.data for s in slots if isinstance(s, Tensor)]
        flat = result if isinstance(result, (tuple, list)) else (result,)
        plan.outputs = [r.data for r in flat if isinstance(r, Tensor)]
        self.result = tuple([Tensor if isinstance(r, Tensor) else r for r in flat])  # what is no Tensor is a constant
        self.single = flat is not result
        self.notes, self.moved, self.held_before = recorder.notes, recorder.moved, recorder.held
        self.held_after = {leaf: leaf.held for leaf in recorder.held}
        for thing, signature in self.notes.items():
            if thing.signature() != signature:
                raise CaptureError(
                    f"{type(thing).__name__} changes itself inside the captured step; change it outside: "
                    f"{signature} became {thing.signature()}"
                )
        # A step that itself changes what it depends on must look at its notes before each replay.
        self.edits = watch.edits if self.held_after == self.held_before else None
        self.first: Any = result

    def valid(self) -> bool:
        """Say whether everything noted is as it was before the recording."""
        if self.edits == watch.edits:
            return True
        if all(leaf.held == held for leaf, held in self.held_before.items()) and all(
            thing.signature() == signature for thing, signature in self.notes.items()
        ):
            if self.edits is not None:
                self.edits = watch.edits
            return True
        return False

    def run(self, args: tuple[Any, ...]) -> Any:
        """Replay, and repeat what the step does to the host's side of parameters."""
        arrays = self.plan.run([a.data for a in args if isinstance(a, Tensor)], self.alias_outputs)
        for p in self.moved:
            p.version += 1
        if self.held_after != self.held_before:
            for leaf, held in self.held_after.items():
                leaf.held = held
        if self.single:
            return Tensor(arrays[0]) if arrays else self.result[0]
        rest = iter(arrays)
        return tuple([Tensor(next(rest)) if r is Tensor else r for r in self.result])


class Captured:
    """A step and its recordings: one per signature of the arguments and state of what the step depends on."""

    def __init__(self, function: Callable[..., Any], check: bool, alias_outputs: bool) -> None:
        functools.update_wrapper(self, function)
        self.function, self.check, self.alias_outputs = function, check, alias_outputs
        self.recordings: dict[Any, list[Recording]] = {}  # signature -> recordings; an empty list: it ran once
        self._eager = False

    def __call__(self, *args: Any) -> Any:
        """Run, record or replay the step."""
        if cpu.recording():  # inside another captured step: a part of it
            return self.function(*args)
        args = tuple([tensor(a) if isinstance(a, numpy.ndarray) else a for a in args])
        key = tuple([(a.data.shape, a.data.dtype) if isinstance(a, Tensor) else (type(a), a) for a in args])
        known = self.recordings.get(key)
        if known is None:
            if not self._eager:
                self.recordings[key] = []
            return _detached(self.function(*args))
        for recording in known:
            if recording.valid():
                return self._checked(recording, args) if self.check else recording.run(args)
        if self._full():
            return _detached(self.function(*args))
        recording = Recording(self.function, args, self.alias_outputs)
        known.append(recording)
        result, recording.first = recording.first, None
        return _detached(result)

    def _full(self) -> bool:
        if not self._eager and sum(map(len, self.recordings.values())) >= MOST_PLANS:
            self._eager = True
            name = getattr(self, "__name__", "a step")
            warnings.warn(
                f"capture: {name} has {MOST_PLANS} plans; new ones run eagerly from here on. Pass what varies as an "
                "array instead of a Python number",
                stacklevel=3,
            )
        return self._eager

    def _checked(self, recording: Recording, args: tuple[Any, ...]) -> Any:
        """Replay and run eagerly from the same state; raise if a bit differs."""
        plan, before = recording.plan, recording.plan.state()
        replayed = recording.run(args)
        after = plan.state()
        plan.set_state(before)
        for p in recording.moved:
            p.version -= 1
        for leaf, held in recording.held_before.items():
            leaf.held = held
        ran = _detached(self.function(*args))
        if plan.state() != after or _bits(ran) != _bits(replayed):
            raise CaptureError(f"{getattr(self, '__name__', 'capture')}: a replay differs from the eager step")
        return ran


def capture(function: Callable[..., Any] | None = None, *, check: bool = False, alias_outputs: bool = False) -> Any:
    """Make a step replay itself: the first call runs, the second records, later calls replay the recorded kernel calls.

    ``@wxb.capture`` on a function of Tensors (or arrays) that computes, and updates parameters, with wxb alone. Its
    results have no graph. Python numbers it uses are constants of the recording, one plan per value of an argument;
    what must vary is an array. ``check=True`` runs eagerly and replayed from the same state and compares bits;
    ``alias_outputs=True`` returns the plan's own outputs, valid until the next call. Raises ``CaptureError`` for what a
    replay could not repeat: reading a value on the host, item assignment, an argument that requires a gradient.
    """
    if function is None:
        return functools.partial(capture, check=check, alias_outputs=alias_outputs)
    return Captured(function, check, alias_outputs)


def _slot(argument: Tensor) -> Tensor:
    """Return a Tensor on the plan's own copy of an argument."""
    if argument.requires_grad:
        raise CaptureError("capture: an argument requires a gradient; let the step use it as a parameter instead")
    slot: Array = cpu.empty(argument.shape, argument.dtype)
    slot[...] = argument.data
    return Tensor(slot)


def _detached(result: Any) -> Any:
    """Copy the Tensors of a result: what a captured step returns has no graph and no part in later replays."""
    if isinstance(result, (tuple, list)):
        return tuple([_detached(r) for r in result])
    return Tensor(cpu.array(result.data, result.data.dtype)) if isinstance(result, Tensor) else result


def _bits(outputs: Any) -> list[Any]:
    flat = outputs if isinstance(outputs, tuple) else (outputs,)
    return [o.data.tobytes() if isinstance(o, Tensor) else o for o in flat]
