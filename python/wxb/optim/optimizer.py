"""What all optimizers share: one kernel launch updates every parameter that holds a gradient."""

from __future__ import annotations

import math
import weakref
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy

from .. import watch
from ..autograd import backward
from ..device import Array
from ..errors import CaptureError
from ..tensor import Tensor

__all__ = ["Optimizer"]

Parameters = Iterable[Tensor] | Iterable[Mapping[str, Any]]
Scale = tuple[float, float]

_SCALES = ("lr_scale", "weight_decay_scale")
_FLOAT, _INT = numpy.dtype(numpy.float64), numpy.dtype(numpy.int64)


class Optimizer:
    """The parameters it updates, what it remembers of each, and the learning rate.

    ``step(loss)`` does a whole update; or, as in PyTorch, ``loss.backward()``, ``step()``, ``zero_grad()``. A parameter
    listed twice counts once. ``clip_norm`` limits the joint L2 norm of the gradients before each update. Kernels read
    ``lr`` and the number of updates from arrays, so a captured step follows a schedule; other hyper-parameters are
    constants of a recorded step, and setting one records it again.

    parameters: Tensors, or groups ``{"params": [...], "lr_scale": 1.0, "weight_decay_scale": 1.0}`` whose learning rate
    and weight decay are the optimizer's times these numbers, whatever a schedule makes of them.

    Raises ``ValueError`` for no parameters, a parameter that another optimizer has, and a hyper-parameter out of range,
    ``TypeError`` for what is no Tensor of one floating dtype.
    """

    #: Hyper-parameters that are numbers: the lowest value, and the one to stay below.
    ranges: ClassVar[dict[str, tuple[float, float]]] = {"lr": (0, math.inf), "weight_decay": (0, math.inf)}

    def __init__(
        self,
        parameters: Parameters,
        lr: float,
        weight_decay: float = 0.0,
        clip_norm: float | None = None,
        states: tuple[str, ...] = (),
    ) -> None:
        self.parameters, scales = _checked(parameters)
        self.device, self.dtype = self.parameters[0].device, self.parameters[0].dtype
        self.weight_decay, self.clip_norm = weight_decay, clip_norm
        self._lr = self.device.array(self._in_range("lr", lr), _FLOAT)
        self._step = self.device.array(0, _INT)
        self._norm = self.device.array(0, self.dtype)
        self._states = {name: [self._zeros(p) for p in self.parameters] for name in states}
        self._scales = scales
        self._tables: dict[tuple[bool, ...], Any] = {}
        self._set = set(self.parameters)
        for p in self.parameters:
            p.owner = weakref.ref(self)

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "lr":
            if name == "clip_norm" and value is not None:
                value = _number(self, name, value)
                if value <= 0:
                    raise ValueError(f"{_title(self)}: clip_norm is {value}, it must be above 0, or None")
            elif name in self.ranges:
                value = self._in_range(name, value)
        object.__setattr__(self, name, value)
        if name != "lr":  # kernels read lr from its array: no plan depends on it
            watch.edited()

    def _in_range(self, name: str, value: Any) -> Any:
        low, high = self.ranges[name]
        value = _number(self, name, value)
        if not low <= value < high:
            limit = "finite" if high == math.inf else f"below {high}"
            raise ValueError(f"{_title(self)}: {name} is {value}, it must be at least {low} and {limit}")
        return value

    def _zeros(self, p: Tensor) -> Array:
        return self.device.array(numpy.zeros(p.shape, p.dtype), p.dtype)

    # ---- the update ----

    @property
    def lr(self) -> float:
        """The learning rate; setting it inside a captured step raises ``CaptureError``."""
        return float(self._lr)

    @lr.setter
    def lr(self, value: float) -> None:
        value = self._in_range("lr", value)
        if self.device.recording():
            raise CaptureError(f"{_title(self)}: lr is set inside a captured step; set it before the call")
        self._lr[...] = value

    @property
    def steps(self) -> int:
        """The number of updates so far."""
        return int(self._step)

    def signature(self) -> Any:
        """Return what a recorded step depends on: the hyper-parameters by value, without lr."""
        plain = (bool, int, float, tuple, type(None))
        return [(k, v) for k, v in vars(self).items() if isinstance(v, plain)]

    def step(self, loss: Tensor | None = None) -> None:
        """Update the parameters that hold a gradient.

        With ``loss``: first add its gradient with respect to these parameters, and to no others; clear them afterwards.
        """
        watch.note(self)
        if loss is None:
            self._step_held()
            return
        try:
            backward(loss, self._set)
            self._step_held()
        finally:
            self.zero_grad()

    def zero_grad(self) -> None:
        """Forget the gradients of these parameters."""
        recorder = watch.local.recorder
        for p in self.parameters:
            if recorder is not None:
                recorder.note_held(p)
            p.held = False

    def _step_held(self) -> None:
        recorder = watch.local.recorder
        held = tuple([p.held for p in self.parameters])
        if recorder is not None:
            for p in self.parameters:
                recorder.note_held(p)
        if not any(held):
            return
        table = self._tables.get(held) or self._make_table(held)
        if self.clip_norm is not None:
            for p in self.parameters:
                p.grad_written()  # a norm that is NaN makes all of them NaN
            table.clip(self._norm, self.clip_norm)
        self._update(table)
        for p, updated in zip(self.parameters, held):
            if updated:
                p.version += 1
                if recorder is not None:
                    recorder.note_moved(p)

    def _make_table(self, held: tuple[bool, ...]) -> Any:
        states = zip(*self._states.values()) if self._states else [()] * len(held)
        rows = [[p.data, p.grad_buffer(), *s] for p, s, h in zip(self.parameters, states, held) if h]
        scales = [scale for scale, h in zip(self._scales, held) if h]
        table = self._tables[held] = self.device.kernels.optimizer_table(rows, scales)
        return table

    def _update(self, table: Any) -> None:
        """Launch the update over a table; every optimizer defines it."""
        raise NotImplementedError(f"{type(self).__name__}: _update is not defined")

    # ---- state ----

    def _arrays(self) -> dict[str, Array]:
        arrays = {"lr": self._lr, "step": self._step}
        for name, states in self._states.items():
            arrays.update({f"{i}.{name}": state for i, state in enumerate(states)})
        return arrays

    def state_dict(self) -> dict[str, numpy.ndarray[Any, Any]]:
        """Return copies of lr, the step count, and each parameter's states as ``"index.state"``, in their order."""
        self._host_access("state_dict")
        return {name: self.device.host(array) for name, array in self._arrays().items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy ``state`` in place; nothing is written unless all of it fits.

        Raises ``ValueError`` that lists missing and unexpected names and wrong shapes.
        """
        self._host_access("load_state_dict")
        own = self._arrays()
        given = {name: numpy.asarray(value) for name, value in state.items()}
        problems = [f"{name} is missing" for name in own if name not in given]
        problems += [f"{name} is not part of this {type(self).__name__}" for name in given if name not in own]
        problems += [
            f"{name} has shape {given[name].shape}, it must be {array.shape}"
            for name, array in own.items()
            if name in given and given[name].shape != array.shape
        ]
        if problems:
            raise ValueError(f"load_state_dict: {'; '.join(problems)}; was it saved with the same model and optimizer?")
        self._in_range("lr", given["lr"].item())
        converted = {name: numpy.asarray(given[name], array.dtype) for name, array in own.items()}
        for name, array in own.items():
            self.device.write(array, converted[name])

    def _host_access(self, what: str) -> None:
        if self.device.recording():
            raise CaptureError(f"{_title(self)}: {what} inside a captured step; call it outside")

    def __repr__(self) -> str:
        values = {k: v for k, v in vars(self).items() if k in self.ranges or k == "clip_norm"}
        shown = ", ".join(f"{k}={v}" for k, v in {"lr": self.lr, **values}.items())
        return f"{type(self).__name__}({len(self.parameters)} parameters, {shown})"


def _title(optimizer: Optimizer) -> str:
    return type(optimizer).__name__.lower()


def _number(optimizer: Optimizer, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, numpy.number)):
        raise TypeError(f"{_title(optimizer)}: {name} is {value!r}, it must be a number")
    return float(value)


def _checked(parameters: Parameters) -> tuple[list[Tensor], list[Scale]]:
    """Return the parameters, each once, and the scales of their learning rate and weight decay."""
    if isinstance(parameters, (Tensor, Mapping)) or not isinstance(parameters, Iterable):
        given = type(parameters).__name__
        raise TypeError(f"optimizer: parameters is {given}, it must be a list of Tensors; pass model.parameters()")
    groups: list[Any] = list(parameters)
    if not groups:
        raise ValueError("optimizer: there are no parameters; pass model.parameters()")
    if not any(isinstance(group, Mapping) for group in groups):
        unique = _checked_tensors(groups)
        return unique, [(1.0, 1.0)] * len(unique)
    scales = {id(p): scale for group in groups for p, scale in _members(group)}
    unique = _checked_tensors([p for group in groups for p, _ in _members(group)])
    return unique, [scales[id(p)] for p in unique]


def _members(group: Any) -> list[tuple[Any, Scale]]:
    if not isinstance(group, Mapping) or not {"params"} <= set(group) <= {"params", *_SCALES}:
        given = sorted(group) if isinstance(group, Mapping) else type(group).__name__
        raise ValueError(f"optimizer: a group is {given}, it must be a dict of params and of {' and '.join(_SCALES)}")
    scale = tuple(float(group.get(name, 1.0)) for name in _SCALES)
    if not all(0 <= value < math.inf for value in scale):
        raise ValueError(f"optimizer: a group's scales are {scale}, they must be finite and not negative")
    return [(p, scale) for p in group["params"]]  # type: ignore[misc]


def _checked_tensors(listed: list[Any]) -> list[Tensor]:
    for i, p in enumerate(listed):
        if not isinstance(p, Tensor):
            raise TypeError(f"optimizer: parameter {i} is {type(p).__name__}, it must be a Tensor")
    unique = list(dict.fromkeys(listed))
    for i, p in enumerate(unique):
        name = f"parameter {i} ({repr(p.name) + ', ' if p.name else ''}shape {p.shape})"
        if p.node is not None:
            raise ValueError(f"optimizer: {name} is the result of an op, it must be a leaf")
        if p.dtype.kind != "f" or p.dtype != unique[0].dtype or p.device is not unique[0].device:
            raise TypeError(
                f"optimizer: {name} is {p.dtype} on {p.device.name}, all must be of one floating dtype on one device"
            )
        if p.owner is not None and p.owner() is not None:
            raise ValueError(f"optimizer: {name} already belongs to another optimizer; delete that one first")
    return unique
