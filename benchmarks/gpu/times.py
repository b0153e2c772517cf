"""Time kernels beside CuPy's, against the rate of a plain copy."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy
from wxb.device import Device

Array = Any
Call = Callable[..., Any]

SIZES = (1 << 14, 1 << 20, 1 << 26)
BEYOND_CACHE = 160 << 20  # bytes that launches in a row go through: two and a half times the L2 cache of an H200
LAUNCHES, ROUNDS = 24, 15


@dataclass
class Workload:
    """One launch: the shapes of its inputs, its output last, and the same arithmetic in wxb and CuPy."""

    name: str
    shapes: list[tuple[int, ...]]
    dtypes: list[str]
    wxb: Call
    cupy: Call
    flops: float = 0.0

    @property
    def bytes(self) -> int:
        """Read and written, each array once."""
        return sum(int(numpy.prod(s)) * numpy.dtype(d).itemsize for s, d in zip(self.shapes, self.dtypes))


def workloads(dev: Device) -> Iterator[Workload]:
    k, xp = dev.kernels, dev.xp

    def unary(name: str, n: int, peer: Call) -> Workload:
        op = getattr(k.Unary, name)
        return Workload(
            f"{name} {n}", [(n,)] * 2, ["float32"] * 2, lambda x, y: k.unary_forward(op, x, y, 0.0, 0.0), peer
        )

    def binary(name: str, shapes: list[tuple[int, ...]], peer: Call, label: str) -> Workload:
        op = getattr(k.Binary, name)
        return Workload(
            label, shapes, ["float32"] * 3, lambda a, b, y: k.binary_forward(op, a, b, y), lambda a, b, y: peer(a, b, y)
        )

    gelu = xp.ElementwiseKernel("float32 x", "float32 y", "y = 0.5f * x * (1 + erff(x * 0.70710678f))", "gelu")
    for n in SIZES:
        yield unary("relu", n, lambda x, y: xp.maximum(x, numpy.float32(0), y))
        yield unary("tanh", n, xp.tanh)
        yield unary("exp", n, xp.exp)
        yield unary("gelu", n, gelu)
        yield binary("add", [(n,)] * 3, xp.add, f"add {n}")
        rows = n // 256
        yield binary("add", [(rows, 256), (256,), (rows, 256)], xp.add, f"add bias {rows}x256")
        yield binary("add", [(rows, 255), (255,), (rows, 255)], xp.add, f"add bias {rows}x255, one by one")
        yield Workload(
            f"gelu backward {n}",
            [(n,)] * 3,
            ["float32"] * 3,
            lambda x, dy, dx: k.unary_backward(k.Unary.gelu, x, dy, dx, 0.0, 0.0),
            lambda x, dy, dx: xp.multiply(x, dy, dx),  # the same memory traffic
        )
        yield Workload(
            f"cast uint8 to float32 {n}", [(n,)] * 2, ["uint8", "float32"], k.cast, lambda x, y: xp.copyto(y, x)
        )


def elapsed(stream: Any, graph: Any, xp: Any) -> float:
    """Return the microseconds of one launch of a graph of LAUNCHES."""
    start, stop = xp.cuda.Event(), xp.cuda.Event()
    start.record(stream)
    graph.launch(stream)
    stop.record(stream)
    stop.synchronize()
    return 1e3 * float(xp.cuda.get_elapsed_time(start, stop)) / LAUNCHES


def graph_of(call: Call, sets: list[list[Array]], stream: Any) -> Any:
    call(*sets[0])  # loads the kernel
    stream.synchronize()
    stream.begin_capture()
    for i in range(LAUNCHES):
        call(*sets[i % len(sets)])
    return stream.end_capture()


def fresh(dev: Device, work: Workload) -> list[list[Array]]:
    """Return so many sets of arrays that one after the other does not fit the cache."""
    rng, copies = numpy.random.default_rng(0), min(LAUNCHES, BEYOND_CACHE // work.bytes + 1)
    first = [
        dev.array(rng.standard_normal(s, "float32") if d == "float32" else numpy.ones(s), d)
        for s, d in zip(work.shapes, work.dtypes)
    ]
    return [[array.copy() for array in first] for _ in range(copies)]


def copy_rate(dev: Device, stream: Any) -> float:
    """Return the GB/s, read and written, of copying 1 GiB."""
    source, target = (dev.empty((1 << 28,), numpy.dtype("float32")) for _ in range(2))
    source[...] = target[...] = 1
    graph = graph_of(lambda a, b: b.data.copy_from_device_async(a.data, a.nbytes), [[source, target]], stream)
    return 2e-3 * source.nbytes / min(elapsed(stream, graph, dev.xp) for _ in range(5))


def measure(dev: Device, work: Workload, stream: Any, limit: float) -> dict[str, Any]:
    """Time wxb and CuPy in turns; a row as of every benchmark, with its GB/s and spread."""
    sets = fresh(dev, work)
    graphs = {"wxb": graph_of(work.wxb, sets, stream), "cupy": graph_of(work.cupy, sets, stream)}
    rounds = [{name: elapsed(stream, graph, dev.xp) for name, graph in graphs.items()} for _ in range(ROUNDS)]
    ours = sorted(r["wxb"] for r in rounds)
    us = {name: statistics.median(r[name] for r in rounds) for name in graphs}
    rate = 1e-3 * work.bytes / us["wxb"]
    return {
        "name": work.name,
        "threads": None,
        "us": us,
        "best_peer": "cupy",
        "ratio": us["cupy"] / us["wxb"],
        "target": None,
        "limit": limit,
        "share": rate / limit,
        "error": None,
        "gb_per_s": rate,
        "tflops": 1e-6 * work.flops / us["wxb"],
        "spread": (ours[ROUNDS * 9 // 10] - ours[ROUNDS // 10]) / us["wxb"],
    }


def launch_overhead(dev: Device) -> dict[str, Any]:
    """Time what an eager launch costs the host."""
    a, b, y = (dev.array(numpy.ones(16), "float32") for _ in range(3))
    k, xp = dev.kernels, dev.xp
    calls: dict[str, Call] = {
        "wxb": lambda: k.binary_forward(k.Binary.add, a, b, y),
        "cupy": lambda: xp.add(a, b, y),
    }
    us: dict[str, float] = {}
    for name, call in calls.items():
        best = float("inf")
        for _ in range(ROUNDS):
            xp.cuda.Device().synchronize()
            start = time.perf_counter()
            for _ in range(200):
                call()
            best = min(best, (time.perf_counter() - start) / 200)
        us[name] = 1e6 * best
    nothing = dict.fromkeys(("threads", "target", "limit", "share", "error"))
    return nothing | {"name": "launch, on the host", "us": us, "best_peer": "cupy", "ratio": us["cupy"] / us["wxb"]}
