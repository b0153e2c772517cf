"""Valid calls of the raw kernels, overheard while ops, optimizers and augmentations run: for guard.py and fuzz.py."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import check
import numpy as np
import wxb
from registry import ROWS
from rows import Array
from wxb import data, optim
from wxb.device import cpu

REAL = cpu.kernels
# What is no kernel: classes, the machine, memory, plans, and the measurements of limits.
NOT_KERNELS = {"empty", "memory", "empty_cache", "fail_allocation", "raise_reported", "recording"}
NOT_KERNELS |= {"isa", "isas", "isa_reason", "set_isa", "num_threads", "set_num_threads"}
NOT_KERNELS |= {"fma_peak", "copy_bandwidth", "fork_join"}


def kernel_names() -> set[str]:
    functions = {name for name in dir(REAL) if not name.startswith("_") and not isinstance(getattr(REAL, name), type)}
    methods = {f"optimizer_table.{m}" for m in dir(REAL.TableFloat32) if not m.startswith("_")}
    return (functions | methods) - NOT_KERNELS - {"optimizer_table"}


# ---- memory between guard pages ----

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mmap.restype = ctypes.c_void_p
_libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
_libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
PAGE = mmap.PAGESIZE
NO_ACCESS, READ_WRITE, PRIVATE_ANONYMOUS = 0, 3, 0x22


class Guarded:
    """Bytes with a page on both sides that no one may touch."""

    def __init__(self, size: int) -> None:
        self.size = -(-size // PAGE) * PAGE
        self.start = _libc.mmap(None, self.size + 2 * PAGE, NO_ACCESS, PRIVATE_ANONYMOUS, -1, 0) + PAGE
        assert _libc.mprotect(self.start, self.size, READ_WRITE) == 0

    def bytes(self, count: int, at_end: bool) -> Array:
        """Return the last (or the first) ``count`` bytes as an array."""
        address = self.start + (self.size - count if at_end else 0)
        return np.frombuffer((ctypes.c_ubyte * count).from_address(address), np.uint8)


# ---- calls ----


@dataclass(frozen=True)
class Place:
    """An array argument: where it lies in which region of memory."""

    region: int
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype

    def array(self, regions: list[Array]) -> Array:
        count = int(np.prod(self.shape)) * self.dtype.itemsize
        if not count:
            return np.empty(self.shape, self.dtype)
        return regions[self.region][self.offset : self.offset + count].view(self.dtype).reshape(self.shape)


@dataclass(frozen=True)
class Call:
    """A kernel's name and arguments; regions of memory that arrays shared in the original call they share here too."""

    name: str
    args: tuple[Any, ...]
    regions: list[bytes]

    def run(self, regions: list[Array]) -> None:
        invoke(self.name, each(self.args, Place, lambda p: p.array(regions)))

    def copies(self) -> list[Array]:
        return [np.frombuffer(r, np.uint8).copy() for r in self.regions]


def invoke(name: str, args: tuple[Any, ...]) -> Any:
    owner, _, method = name.partition(".")
    function = getattr(REAL, owner)
    return getattr(function(*args[0]), method)(*args[1:]) if method else function(*args)


def each(value: Any, kind: type, change: Callable[[Any], Any]) -> Any:
    """Return a nested argument with ``change`` applied to everything of ``kind``."""
    if isinstance(value, (list, tuple)):
        return type(value)(each(v, kind, change) for v in value)
    return change(value) if isinstance(value, kind) else value


def overheard(name: str, args: tuple[Any, ...]) -> Call:
    arrays: list[Array] = []
    each(args, np.ndarray, arrays.append)
    spans = sorted({(a.ctypes.data, a.ctypes.data + a.nbytes) for a in arrays if a.nbytes})
    merged: list[list[int]] = []
    for start, end in spans:
        if merged and start < merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])

    def place(a: Array) -> Place:
        region = next((i for i, (s, e) in enumerate(merged) if a.nbytes and s <= a.ctypes.data < e), 0)
        return Place(region, a.ctypes.data - merged[region][0] if a.nbytes else 0, a.shape, a.dtype)

    return Call(name, each(args, np.ndarray, place), [ctypes.string_at(s, e - s) for s, e in merged])


class _Spy:
    """The kernel module, with every call of a kernel noted before it runs."""

    def __init__(self, calls: list[Call]) -> None:
        self.calls = calls

    def __getattr__(self, name: str) -> Any:
        real = getattr(REAL, name)
        if name == "optimizer_table":
            return lambda *made_of: _SpyTable(self.calls, made_of)
        if isinstance(real, type) or name in NOT_KERNELS:
            return real

        def call(*args: Any) -> Any:
            self.calls.append(overheard(name, args))
            return real(*args)

        return call


class _SpyTable:
    def __init__(self, calls: list[Call], made_of: tuple[Any, ...]) -> None:
        self.calls, self.made_of, self.real = calls, made_of, REAL.optimizer_table(*made_of)

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any) -> Any:
            self.calls.append(overheard(f"optimizer_table.{name}", (self.made_of, *args)))
            return getattr(self.real, name)(*args)

        return call


def calls_of(run: Callable[[], Any]) -> list[Call]:
    calls: list[Call] = []
    cpu.kernels = _Spy(calls)
    try:
        run()
    finally:
        cpu.kernels = REAL
    return calls


def update(kind: Callable[..., optim.Optimizer], dtype: type) -> None:
    rng = np.random.default_rng(0)
    parameters = [wxb.parameter(rng.standard_normal(n), dtype) for n in (1, 7, 33, 64, 100)]
    optimizer = kind(parameters)
    for _ in range(2):
        check.backward(parameters, [rng.standard_normal(p.shape) for p in parameters])
        optimizer.step()
        optimizer.zero_grad()


OPTIMIZERS: list[Callable[..., optim.Optimizer]] = [
    lambda p: optim.SGD(p, 0.1),
    lambda p: optim.SGD(p, 0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    lambda p: optim.Adam(p, 0.1, clip_norm=1.0),
    lambda p: optim.AdamW(p, 0.1),
    lambda p: optim.RMSprop(p, 0.1),
    lambda p: optim.RMSprop(p, 0.1, centered=True, momentum=0.9),
]


def augment(transform: Any, dtype: type, *shape: int) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, shape).astype(dtype)
    transform((pictures,), data.Draws(np.arange(len(pictures))))


AUGMENTATIONS: list[Any] = [
    data.RandomFlip(0.5, 0.5),
    data.RandomShift(3, padding="reflect"),
    data.RandomCrop(4, pad=2, padding="edge"),
    data.RandomAffine(90, 0.5, 0.2, "edge"),
    data.RandomRotation(20, "reflect"),
    data.RandomColor(0.5, 0.5, 0.5),
    data.Cutout((3, 4)),
]


def calls() -> Iterator[tuple[str, list[Call]]]:
    """Yield, for every row of the registry, every optimizer and augmentation, the kernel calls it makes."""
    for row in ROWS:
        for dtype in (np.float32, np.float64):
            for sample in row.samples(np.random.default_rng(20)):
                yield check.describe(row, sample), calls_of(lambda r=row, s=sample, d=dtype: check.run(r, s, d))
    for i, kind in enumerate(OPTIMIZERS):
        for dtype in (np.float32, np.float64):
            yield f"optimizer {i} {np.dtype(dtype)}", calls_of(lambda k=kind, d=dtype: update(k, d))
    for transform in AUGMENTATIONS:
        for dtype in (np.uint8, np.float32):
            for shape in ((3, 8, 7, 3), (2, 5, 23, 1), (2, 6, 4)):
                name = f"{type(transform).__name__} {np.dtype(dtype)}{shape}"
                yield name, calls_of(lambda t=transform, d=dtype, s=shape: augment(t, d, *s))
