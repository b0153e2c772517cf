"""Call every raw kernel with one thing wrong at a time: an error or a result, never a signal and never a hang.

A script, run by test_fuzz.py: the calls run in forked children between guard pages, under a limit of memory and an
alarm, and the parent says which call killed its child.
"""

from __future__ import annotations

import argparse
import faulthandler
import mmap
import os
import random
import resource
import signal
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from guard import MOST, place
from kernels import REAL, Call, Guarded, Place, calls, each, invoke

INTEGERS = (0, -1, -2, -7, 2**15, 2**31 - 1, 2**31, -(2**31), 2**33, 2**62, 2**63 - 1, -(2**63))
FLOATS = (float("nan"), float("inf"), -float("inf"), 1e308, -1.0, 0.0)
STRANGERS = (None, "text", object(), 1.5, 7, True, [], (1, 2))
FINE = (TypeError, ValueError, IndexError, OverflowError, MemoryError, FloatingPointError, RuntimeError)
SECONDS, BYTES = 10, 2 << 30  # of one call
PER_KERNEL = 6  # calls of different shapes that each kernel's faults are tried on


class Broken:
    """An array argument with a fault: made from the good one when the call is tried."""

    def __init__(self, place: Place, fault: str, number: int = 0) -> None:
        self.place, self.fault, self.number = place, fault, number

    def __repr__(self) -> str:
        return f"{self.place.dtype}{self.place.shape} {self.fault} {self.number or ''}"

    def array(self, regions: list[np.ndarray]) -> Any:
        a = self.place.array(regions)
        dtypes = {"f": [np.int64, np.float16], "i": [np.float32, np.int32], "u": [np.float32], "b": [np.int64]}
        match self.fault:
            case "other dtype":
                return a.astype(dtypes[a.dtype.kind][0])
            case "strange dtype":
                return a.astype(dtypes[a.dtype.kind][-1])
            case "other float":
                return a.astype(np.float64 if a.dtype == np.float32 else np.float32)
            case "big-endian":
                return a.astype(a.dtype.newbyteorder(">"))
            case "0-d":
                return np.zeros((), a.dtype)
            case "flat":
                return a.reshape(-1).copy()
            case "one axis more":
                return a[None].copy()
            case "shorter":
                return a[:-1].copy() if a.ndim else a
            case "longer":
                return np.concatenate([a, a[:1]]) if a.ndim else np.zeros(2, a.dtype)
            case "narrower":
                return a[..., :-1].copy() if a.ndim else a
            case "empty":
                return a[:0].copy() if a.ndim else np.zeros(0, a.dtype)
            case "swapped":
                return np.ascontiguousarray(a.T)
            case "strided":
                return np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a
            case "read-only":
                a = a.copy()
                a.flags.writeable = False
                return a
            case "misaligned":
                raw = np.zeros(a.nbytes + 1, np.uint8)[1:]
                return raw.view(a.dtype).reshape(a.shape)
            case "endless":
                return np.broadcast_to(np.zeros(1, a.dtype), (2**40, *a.shape[1:]) if a.ndim else (2**40,))
            case "many axes":
                return a.reshape(a.shape + (1,) * (32 - a.ndim))
            case "content":
                copy = a.copy()
                copy.reshape(-1)[-1:] = np.array(self.number).astype(a.dtype)
                return copy
        raise AssertionError(self.fault)


ARRAYS = (
    "other dtype",
    "strange dtype",
    "other float",
    "big-endian",
    "0-d",
    "flat",
    "one axis more",
    "shorter",
    "longer",
)
ARRAYS += ("narrower", "empty", "swapped", "strided", "read-only", "misaligned", "endless", "many axes")


def faults(value: Any) -> Iterator[Any]:
    """Yield what may stand wrongly in place of one argument."""
    if isinstance(value, Place):
        yield from (Broken(value, fault) for fault in ARRAYS)
        yield from (Broken(value, "content", n) for n in INTEGERS if value.dtype.kind in "iu")
        yield from STRANGERS
    elif isinstance(value, bool) or value is None:
        yield from STRANGERS
    elif isinstance(value, int):
        yield from (*INTEGERS, *FLOATS[:3], None, "text")
    elif isinstance(value, float):
        yield from (*FLOATS, 2**70, None, "text")
    elif isinstance(value, (list, tuple)):
        kind = type(value)
        yield from (kind(), value + value[:1], value[:-1], value * 40, None, 3, "text", object())
        for i, part in enumerate(value):
            yield from (kind([*value[:i], fault, *value[i + 1 :]]) for fault in faults(part))
    else:  # an enumeration
        yield from (getattr(type(value), "__members__", {}).values())
        yield from (*STRANGERS, type(value)(255) if hasattr(type(value), "__members__") else None)


def cases(all_calls: list[Call]) -> list[tuple[Call, int, Any]]:
    """Return (call, position, fault): every fault of every argument of some calls of each kernel."""
    chosen: dict[str, list[Call]] = {}
    for call in all_calls:
        chosen.setdefault(call.name, []).append(call)
    found = []
    for name in sorted(chosen):
        several = random.Random(name).sample(chosen[name], min(PER_KERNEL, len(chosen[name])))
        for call in several:
            for position, value in enumerate(call.args):
                found += [(call, position, fault) for fault in faults(value)]
    return found


def attempt(call: Call, position: int, fault: Any, guards: list[Guarded]) -> None:
    regions = place(call, guards, at_end=True)
    args = [fault if i == position else a for i, a in enumerate(call.args)]
    args = each(args, Place, lambda p: p.array(regions))
    args = each(args, Broken, lambda b: b.array(regions))
    try:
        invoke(call.name, tuple(args))
    except FINE:
        return


def child(todo: list[tuple[Call, int, Any]], first: int, progress: mmap.mmap) -> None:
    """Try the cases from ``first`` on, writing down the number of each before it runs."""
    size = int(Path("/proc/self/statm").read_text().split()[0]) * mmap.PAGESIZE
    resource.setrlimit(resource.RLIMIT_AS, (size + BYTES, size + BYTES))
    guards: list[Guarded] = []
    for i in range(first, len(todo)):
        progress[:8] = struct.pack("q", i)
        signal.alarm(SECONDS)
        attempt(*todo[i], guards)
    signal.alarm(0)
    os._exit(0)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    faulthandler.enable()
    REAL.set_num_threads(1)
    small = [c for _, made in calls() for c in made if all(len(r) <= MOST for r in c.regions) and c.regions]
    todo = cases(small)
    random.Random(options.seed).shuffle(todo)
    todo = todo[: options.cases] if options.cases else todo
    progress, first, bad = mmap.mmap(-1, 8), 0, 0
    while first < len(todo):
        pid = os.fork()
        if pid == 0:
            try:
                child(todo, first, progress)
            except BaseException as error:
                print(type(error).__name__, error, flush=True)
                os._exit(1)
        status = os.waitpid(pid, 0)[1]
        if status == 0:
            break
        at = struct.unpack("q", progress[:8])[0]
        call, position, fault = todo[at]
        how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else "exit"
        print(f"{how}: {call.name}{call.args}, argument {position} replaced by {fault!r}", flush=True)
        first, bad = at + 1, bad + 1
    print(f"{len(todo)} calls with a fault, {bad} of them fatal")
    return bad > 0


if __name__ == "__main__":
    sys.exit(main())
