"""Tensor: an array, its gradient, and the node that made it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import numpy

from . import watch
from .device import Array, Device, cpu
from .device import device as _device
from .errors import CaptureError

if TYPE_CHECKING:
    from .autograd import Node

HostArray = numpy.ndarray[Any, Any]
Kind = TypeVar("Kind", bound="Tensor")

__all__ = ["Parameter", "Scalar", "Tensor", "parameter", "plain", "scalar", "tensor"]


class Tensor:
    """An n-dimensional array that gradients can be taken with respect to.

    ``data`` is the contiguous array behind it. Operators, indexing and the methods named like functions of ``wxb.ops``
    give new Tensors; numpy functions and ``numpy.asarray`` get a copy.
    """

    data: Array
    device: Device = cpu
    node: Node | None = None
    owner: Any = None  # a weak reference to the optimizer that updates it
    name: str | None = None
    version: int = 0  # of a leaf: how often its data was changed in place
    _buffer: Array = None
    _requires_grad = False
    _held = False
    _used: Array = None  # of a table: which rows of the gradient's buffer may not be 0

    __array_ufunc__ = None  # ndarray + Tensor is Tensor.__radd__

    def __init__(self, data: Array, requires_grad: bool = False, name: str | None = None) -> None:
        self.data = data
        if requires_grad:
            self._requires_grad = True
        if name is not None:
            self.name = name

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        return self.data.shape  # type: ignore[no-any-return]

    @property
    def dtype(self) -> numpy.dtype[Any]:
        """The numpy dtype: float32, float64, int64, uint8 or bool."""
        return self.data.dtype  # type: ignore[no-any-return]

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.data.ndim  # type: ignore[no-any-return]

    @property
    def size(self) -> int:
        """The number of elements."""
        return self.data.size  # type: ignore[no-any-return]

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to (a leaf) or through (a result) this Tensor."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if self.node is not None:
            raise ValueError("requires_grad: it can be set on leaves only; use detach() to cut a result off")
        if value and self.dtype.kind != "f":
            raise TypeError(f"requires_grad: dtype is {self.dtype}, only float32 and float64 have gradients")
        self._requires_grad = bool(value)
        watch.edited()

    # The gradient: one persistent buffer, and whether it holds a gradient now. Clearing it writes no memory.

    @property
    def grad(self) -> Tensor | None:
        """The gradient added up by ``backward()``, of this Tensor's shape and dtype; None where there is none."""
        if not self._held:
            return None
        self.grad_written()  # by whoever gets it
        return Tensor(self._buffer)

    @property
    def held(self) -> bool:
        """Whether ``grad`` holds a gradient."""
        return self._held

    @held.setter
    def held(self, value: bool) -> None:
        if value != self._held:
            self._held = value
            watch.edited()

    def grad_buffer(self) -> Array:
        """Return the array behind ``grad``, made once."""
        if self._buffer is None:
            self._buffer = self.device.empty(self.data.shape, self.data.dtype, True)
        return self._buffer

    def used_rows(self) -> Array:
        """Return which rows of the gradient's buffer may not be 0, (rows,) uint8, made once; for a table's gradient."""
        if self._used is None:
            self._used = self.device.array([1] * self.data.shape[0], numpy.uint8)
        return self._used

    def grad_written(self) -> None:
        """Note that any row of the gradient's buffer may be written, by whoever does not keep ``used_rows``."""
        if self._used is not None:
            self.device.kernels.fill(self._used, 1)

    def zero_grad(self) -> None:
        """Forget the gradient."""
        if watch.local.recorder is not None:
            watch.local.recorder.note_held(self)
        self.held = False

    def signature(self) -> Any:
        """Return what a recorded step that used this leaf depends on."""
        return self._requires_grad, self.device

    def backward(self) -> None:
        """Add the gradient of this one-element Tensor to the ``grad`` of every leaf behind it that requires one."""
        from .autograd import backward

        backward(self)

    def detach(self) -> Tensor:
        """Return a Tensor on the same data that no gradient flows through."""
        return plain(self.data, self.device)

    def to(self, device: str | Device) -> Tensor:
        """Return this Tensor on another device (itself if it is there already)."""
        target = _device(device)
        if target is self.device:
            return self
        return tensor(self.numpy(), self.dtype, self.requires_grad, self.name, target)

    def move(self, device: Device) -> None:
        """Put this leaf's data on another device, in place; its gradient is forgotten. See ``Module.to``."""
        self.data, self.device = device.array(self.numpy(), self.dtype), device
        self._buffer = self._used = None
        self.held = False
        self.version += 1
        watch.edited()

    # What reads the data on the host: not inside a captured step.

    def numpy(self) -> HostArray:
        """Return a copy as a numpy array."""
        _host_access(self.device, "numpy()")
        return self.device.host(self.data)

    def item(self) -> Any:
        """Return the only element as a Python number."""
        _host_access(self.device, "item()")
        if self.data.size != 1:
            raise ValueError(f"item: shape is {self.shape}, only a Tensor of one element is a number; use tolist()")
        return self.data.item() if self.device is cpu else self.device.host(self.data).item()

    def tolist(self) -> Any:
        """Return the elements as nested lists of Python numbers."""
        return self.numpy().tolist()

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self.dtype.kind not in "iu":
            raise TypeError(f"index: dtype is {self.dtype}, only integers index")
        return int(self.item())

    def __bool__(self) -> bool:
        _host_access(self.device, "bool()")
        if self.data.size != 1:
            raise ValueError(f"bool: shape is {self.shape}, the truth of several elements is ambiguous")
        return bool(self.item())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> HostArray:
        if copy is False:
            raise ValueError("__array__: a Tensor converts to numpy by copying only")
        array = self.numpy()
        return array if dtype is None else array.astype(dtype, copy=False)

    def __dlpack__(self, **options: Any) -> Any:
        return self.numpy().__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0  # the copy lies on the CPU

    def __setitem__(self, key: Any, value: Any) -> None:
        _host_access(self.device, "item assignment")
        if self.node is not None:
            raise ValueError("item assignment: this Tensor is the result of an op; only leaves can be written")
        if isinstance(key, Tensor):
            key = key.numpy()
        self.device.write(self.data, value.numpy() if isinstance(value, Tensor) else value, key)
        self.version += 1

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len: a 0-d Tensor has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        return (self[i] for i in range(len(self)))  # type: ignore[index]

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        name = f", name={self.name!r}" if self.name else ""
        grad = ", requires_grad=True" if self._requires_grad else ""
        if self.device.recording():
            return f"Tensor(shape={self.shape}, dtype={self.dtype}{name}{grad})"
        text = numpy.array2string(self.numpy(), separator=", ", prefix="Tensor(", threshold=100, precision=5)
        shape = f", shape={self.shape}" if self.data.size > 100 else ""
        return f"Tensor({text}{shape}, dtype={self.dtype}{name}{grad})"


def plain(data: Array, device: Device) -> Tensor:
    """Return a Tensor of an array that lies on ``device``, which no gradient flows through."""
    out = Tensor(data)
    if device is not cpu:
        out.device = device
    return out


class Parameter(Tensor):
    """A leaf that a Module learns: it requires a gradient, and its storage never moves."""


class Scalar(Tensor):
    """A number that may change between the replays of a captured step; see ``scalar``."""

    @property
    def value(self) -> float:
        """The number; setting it inside a captured step raises ``CaptureError``."""
        return float(self.item())

    @value.setter
    def value(self, number: float) -> None:
        self[...] = number


_KEPT = {numpy.dtype(d) for d in (numpy.float32, numpy.int64, numpy.uint8, numpy.bool_)}
_POSSIBLE = _KEPT | {numpy.dtype(numpy.float64)}


def tensor(
    value: Any,
    dtype: Any = None,
    requires_grad: bool = False,
    name: str | None = None,
    device: str | Device | None = None,
) -> Tensor:
    """Copy ``value`` into a new Tensor.

    ``value``: a number, nested lists, or anything numpy, pandas, Pillow, torch or DLPack makes an array of. Floats
    become float32, integers int64; uint8 and bool stay; ``dtype`` asks for another (float64 only so). ``device``:
    "cpu", "cuda" or a Device; None is the default one. Raises ``TypeError`` for text, objects, complex
    numbers and masked arrays, ``ValueError`` for ragged lists and integers beyond int64.
    """
    array = as_array(value, dtype)
    if requires_grad and array.dtype.kind != "f":
        raise TypeError(f"tensor: dtype is {array.dtype}, only float32 and float64 have gradients")
    return _placed(Tensor, array, device, requires_grad, name)


def parameter(value: Any, dtype: Any = None, name: str | None = None, device: str | Device | None = None) -> Parameter:
    """Copy ``value`` into a new Parameter (float32 unless ``dtype`` says float64)."""
    array = as_array(value, dtype)
    if array.dtype.kind != "f":
        raise TypeError(f"parameter: dtype is {array.dtype}, it must be float32 or float64; pass dtype=")
    return _placed(Parameter, array, device, True, name)


def scalar(value: float, dtype: Any = None, device: str | Device | None = None) -> Scalar:
    """Return a Tensor () of a number that a captured step reads anew at each replay; ``.value`` reads and sets it.

    A plain Python number is a constant of the recorded step. float32 unless ``dtype`` says otherwise.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, numpy.number)):
        raise TypeError(f"scalar: value is {value!r}, it must be a number")
    return _placed(Scalar, numpy.asarray(value, numpy.dtype(dtype or numpy.float32)), device)


def _placed(
    kind: type[Kind],
    array: HostArray,
    device: str | Device | None,
    requires_grad: bool = False,
    name: str | None = None,
) -> Kind:
    """Return a Tensor of this kind on a copy of ``array``."""
    target = _device(device)
    out = kind(target.array(array, array.dtype), requires_grad, name)
    if target is not cpu:
        out.device = target
    return out


def as_array(value: Any, dtype: Any = None) -> HostArray:
    """Return ``value`` as a numpy array of a dtype that Tensors have (see ``tensor``); perhaps the caller's memory."""
    if isinstance(value, Tensor):
        value = value.numpy()
    if isinstance(value, numpy.ma.MaskedArray):
        raise TypeError("tensor: a masked array would lose its mask; pass .filled(value)")
    if hasattr(value, "__dlpack__") and not hasattr(value, "__array__"):
        value = numpy.from_dlpack(value)
    try:
        array = numpy.asarray(value)
    except ValueError as error:
        raise ValueError(f"tensor: {error}; rows must have equal lengths") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"tensor: dtype is {array.dtype}, it must be a float, integer or bool; encode text first")
    wanted = _dtype_for(array.dtype) if dtype is None else numpy.dtype(dtype)
    if wanted not in _POSSIBLE:
        raise TypeError(f"tensor: dtype {wanted} is wanted, it must be float32, float64, int64, uint8 or bool")
    if wanted == numpy.int64 and array.dtype == numpy.uint64 and array.size and array.max() > 2**63 - 1:
        raise ValueError("tensor: an integer is beyond the largest int64")
    return array.astype(wanted, copy=False)


def _dtype_for(given: numpy.dtype[Any]) -> numpy.dtype[Any]:
    native: numpy.dtype[Any] = given.newbyteorder("=")
    if native in _KEPT:
        return native
    return numpy.dtype(numpy.float32 if given.kind == "f" else numpy.int64)


def _host_access(device: Device, what: str) -> None:
    """Raise while a plan records: the host's part of a step would run once and be missing from every replay."""
    if watch.local.recorder is None and not device.recording():
        return
    frame = sys._getframe(2)
    while frame.f_globals.get("__name__", "").startswith("wxb.") and frame.f_back:
        frame = frame.f_back
    raise CaptureError(
        f"{frame.f_code.co_filename}:{frame.f_lineno}: {what} inside a captured step; "
        "return the Tensor from the step and read it outside"
    )
