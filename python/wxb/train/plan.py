"""Plan: the kernel calls of a recorded step, and the conditions under which they may be replayed."""

from __future__ import annotations

import os
import types
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from .. import watch
from ..device import Array, Device, cpu
from ..errors import CaptureError
from ..nn.module import Module
from ..optim import Optimizer
from ..tensor import Tensor, plain
from .launches import Launch, Summary, launches_of

__all__ = ["Plan", "each"]


class Plan:
    """A recorded step: what it launched, what it depends on, and what it leaves behind on the host.

    ``recorded`` holds the launches and their memory. ``summary()`` says what they cost, ``draw()`` makes a picture.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        values: list[Any],
        names: tuple[str, ...],
        device: Device = cpu,
        alias: bool = False,
        arena: Any = None,
    ) -> None:
        self.device, self.recorded = device, device.kernels.Plan(arena)
        self._wrap: Callable[[Array], Tensor] = Tensor if device is cpu else lambda array: plain(array, device)
        self._alias = alias
        self.used = 0  # when, in replays of the captured step
        self.proven = False  # whether a replay was compared with the eager step
        self.only_tensors = not names and all(isinstance(v, Tensor) for v in values)
        recorder = watch.local.recorder = _Recorder(device)
        recorder.note(_Found(function))
        try:
            with self.recorded:
                given = [self._slot(v) if isinstance(v, Tensor) else v for v in values]
                result = called(function, given, names)
        finally:
            watch.local.recorder = None
        self.recorded.slots = [g.data for g in given if isinstance(g, Tensor)]
        outputs: list[Array] = []
        self._result = each(result, lambda t: _taken(t, outputs))
        self.recorded.outputs = outputs
        self._single = isinstance(result, Tensor)
        self._flat = type(result) is tuple and not any(isinstance(part, (tuple, list, dict)) for part in result)
        self._notes, self._moved, self._held_before = recorder.notes, recorder.moved, recorder.held
        self._held_after = {leaf: leaf.held for leaf in recorder.held}
        self._moves_held = self._held_after != self._held_before
        # A step that itself moves gradients must look at its notes before each replay.
        self.edits = None if self._moves_held else watch.edits
        self.first: Any = result
        #: Why it may not be replayed, if the step changed what it depends on.
        self.refusal = next(filter(None, (_changed(thing, before) for thing, before in self._notes.items())), None)

    def valid(self) -> bool:
        """Say whether everything noted is as it was before the recording."""
        now = watch.edits
        if self.edits == now:
            return True
        if all(leaf.held == held for leaf, held in self._held_before.items()) and all(
            thing.signature() == signature for thing, signature in self._notes.items()
        ):
            if self.edits is not None:
                self.edits = now
            return True
        return False

    def run(self, inputs: tuple[Tensor, ...]) -> Any:
        """Replay and return what the step returns.

        NotImplemented, and nothing was done, where the inputs are no Tensors of the recorded shapes and dtypes, or
        want a gradient.
        """
        outputs: list[Array] | None = self.recorded.run(inputs, self._alias)
        if outputs is None:
            return NotImplemented
        for p in self._moved:
            p.version += 1
        if self._moves_held:
            for leaf, held in self._held_after.items():
                leaf.held = held
        return self._wrap(outputs[0]) if self._single else self._several(outputs)

    def _several(self, outputs: list[Array]) -> Any:
        wrap, rest = self._wrap, iter(outputs)
        if self._flat:
            return tuple([wrap(next(rest)) if part is Tensor else part for part in self._result])
        return each(self._result, lambda part: wrap(next(rest)) if part is Tensor else part)

    def _slot(self, argument: Tensor) -> Tensor:
        """Return a Tensor on the plan's own copy of an argument: persistent, for another plan may share the arena."""
        return plain(self.device.copy(argument.data), self.device)

    def replay(self, values: list[Any]) -> Any:
        """Replay on arguments of the recorded signature and return the result."""
        result = self.run(tuple([v for v in values if isinstance(v, Tensor)]))
        if result is NotImplemented:
            raise CaptureError("capture: an argument is not contiguous; pass a copy")
        return result

    def undo(self, state: bytes) -> None:
        """Go back to the ``recorded.state()`` before the latest replay."""
        self.recorded.set_state(state)
        for p in self._moved:
            p.version -= 1
        for leaf, held in self._held_before.items():
            leaf.held = held

    def __len__(self) -> int:
        """Return the number of launches."""
        return len(self.recorded)

    def __repr__(self) -> str:
        return f"Plan({len(self)} launches, {self.recorded.memory.reserved} bytes)"

    # ---- what it says of itself ----

    def launches(self, profile: bool = False) -> list[Launch]:
        """Return the kernel calls in order; with ``profile`` their times, as the least of 20 replays.

        Replaying for that changes nothing: weights, optimizer and random state are put back.
        """
        return launches_of(self.recorded, self._seconds() if profile else None)

    def _seconds(self) -> list[float]:
        state = self.recorded.state()
        try:
            seconds: list[float] = self.recorded.profile(20)
        finally:
            self.recorded.set_state(state)
        return seconds

    def summary(self, profile: bool = False) -> Summary:
        """Return launches, bytes, operations and memory, as a table when printed; with ``profile`` also the times."""
        return Summary(self.launches(profile), self.recorded.memory.reserved)

    def draw(self, path: str | os.PathLike[str], profile: bool = False) -> None:
        """Draw the step into a file (png, svg, pdf): each launch and its cost, and which memory lives how long.

        Raises ``ImportError`` where matplotlib is missing.
        """
        from .. import plots

        plots.step(self.launches(profile), path)


class _Recorder:
    """Collects, while a plan records, what the step depends on and what it leaves behind on the host."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self.notes: dict[Any, Any] = {}  # thing -> its signature
        self.held: dict[Tensor, bool] = {}  # leaf -> whether it held a gradient when the step first touched it
        self.moved: list[Tensor] = []  # parameters that were updated

    def note(self, thing: Any) -> None:
        if isinstance(thing, (Tensor, Optimizer)) and thing.device is not self.device:
            name, other = self.device.name, thing.device.name
            raise CaptureError(f"capture: the step computes on {name} and on {other}; keep it on one device")
        if isinstance(thing, Optimizer):
            thing = _Living(thing)
        if thing not in self.notes:
            self.notes[thing] = thing.signature()

    def note_held(self, leaf: Tensor) -> None:
        self.held.setdefault(leaf, leaf.held)

    def note_moved(self, parameter: Tensor) -> None:
        self.moved.append(parameter)


class _Living:
    """An optimizer that may be deleted: a plan must not keep it, or its parameters could never get another one."""

    def __init__(self, optimizer: Optimizer) -> None:
        self._optimizer = weakref.ref(optimizer)

    def signature(self) -> Any:
        optimizer = self._optimizer()
        return None if optimizer is None else optimizer.signature()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Living) and other._optimizer == self._optimizer

    def __hash__(self) -> int:
        return hash(self._optimizer)


class _Found:
    """What a function finds by its names: another model or optimizer there makes another step.

    It looks into closures, globals, the attributes of ``self``, and the functions of the same file found there.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        plain = isinstance(function, (types.FunctionType, types.MethodType))
        self._function: Any = function if plain else function.__call__  # type: ignore[operator]
        self._globals = getattr(self._function, "__globals__", None)

    def signature(self) -> Any:
        found: dict[int, Any] = {}
        stack: list[Any] = [self._function]
        while stack:
            thing = stack.pop()
            if id(thing) in found:
                continue
            found[id(thing)] = thing
            if isinstance(thing, types.MethodType):
                stack += [thing.__func__, *getattr(thing.__self__, "__dict__", {}).values()]
            elif isinstance(thing, types.FunctionType) and thing.__globals__ is self._globals:
                stack += _behind(thing)
        parts = (t for t in found.values() if isinstance(t, (Tensor, Module, Optimizer)))
        return [weakref.ref(t) if isinstance(t, Optimizer) else watch.Same(t) for t in parts]


def _behind(function: types.FunctionType) -> Iterator[Any]:
    """Yield what a function refers to by name."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or ()):
        try:
            value = cell.cell_contents
        except ValueError:  # empty: the name was deleted
            continue
        yield value
        if name == "self":
            yield from getattr(value, "__dict__", {}).values()
    yield from (function.__globals__.get(name) for name in _names(function.__code__))


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _changed(thing: Any, before: Any) -> str | None:
    """Say how a thing changed while the plan recorded, if it did."""
    after = thing.signature()
    if after == before:
        return None
    if isinstance(before, list) and isinstance(after, list):
        before, after = next(((b, a) for b, a in zip(before, after) if b != a), (before, after))
    name = type(thing).__name__.lstrip("_")
    return f"{name} changes itself inside the captured step; change it outside: {before} became {after}"


def called(function: Callable[..., Any], values: list[Any], names: tuple[str, ...]) -> Any:
    """Call with the last values by name."""
    if not names:
        return function(*values)
    count = len(values) - len(names)
    return function(*values[:count], **dict(zip(names, values[count:])))


def each(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return a result with ``change`` applied to everything in its tuples, lists and dicts."""
    if isinstance(value, tuple):
        parts = [each(v, change) for v in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    if isinstance(value, list):
        return [each(v, change) for v in value]
    if isinstance(value, dict):
        return {k: each(v, change) for k, v in value.items()}
    return change(value)


def _taken(part: Any, outputs: list[Array]) -> Any:
    """Put a Tensor's array among the outputs; what is no Tensor is a constant of the plan."""
    if not isinstance(part, Tensor):
        return part
    outputs.append(part.data)
    return Tensor
