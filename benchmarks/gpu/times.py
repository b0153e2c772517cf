"""Time kernels beside CuPy's and torch's, in CUDA graphs, against the rate of a plain copy."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import elements
import numpy
import products
import row_times
import sequences
import torch_graphs
from checks import host
from plans import own_stream
from workload import Array, Call, Workload
from wxb.device import Device

BEYOND_CACHE = 160 << 20  # bytes that launches in a row go through: two and a half times the L2 cache of an H200
LAUNCHES, ROUNDS = 24, 15
NOTHING: dict[str, Any] = dict.fromkeys(("threads", "target", "limit", "share", "error", "best_peer", "ratio"))


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
    """Time wxb and its peers in turns; a row as of every benchmark, with its GB/s and spread."""
    sets = fresh(dev, work)
    graphs = {"wxb": graph_of(work.wxb, sets, stream), "cupy": graph_of(work.cupy, sets, stream)}
    graphs |= torch_graphs.of(work, sets, LAUNCHES)
    rounds = [{name: elapsed(stream, graph, dev.xp) for name, graph in graphs.items()} for _ in range(ROUNDS)]
    ours = sorted(r["wxb"] for r in rounds)
    us = {name: statistics.median(r[name] for r in rounds) for name in graphs}
    spread = (ours[ROUNDS * 9 // 10] - ours[ROUNDS // 10]) / us["wxb"]
    return row_of(work, us, limit) | {"spread": spread}


def row_of(work: Workload, us: dict[str, float], limit: float) -> dict[str, Any]:
    peer = "torch" if "torch" in us else "cupy"  # cuBLAS and cuDNN in the same precision, where torch is there
    rate = 1e-3 * work.bytes / us["wxb"]
    return NOTHING | {
        "name": work.name,
        "us": us,
        "best_peer": peer,
        "ratio": us[peer] / us["wxb"],
        "limit": limit,
        "share": rate / limit,
        "gb_per_s": rate,
        "tflops": 1e-6 * work.flops / us["wxb"],
        "flops": work.flops,
        "bytes": work.bytes,
    }


def rehearse(dev: Device, work: Workload) -> dict[str, Any]:
    """Call everything once, by the host's clock: a dry run of arguments, shapes and the row, without a GPU."""
    arrays = fresh(dev, work)[0]
    us = {}
    for name, call in (("wxb", work.wxb), ("cupy", work.cupy)):
        start = time.perf_counter()
        call(*arrays)
        us[name] = 1e6 * (time.perf_counter() - start)
    if work.torch:
        torch_graphs.call(work, arrays)
    return row_of(work, us, 1.0)


def first_launch(dev: Device) -> dict[str, Any]:
    """Time the first launch: it loads, and unpacks, the kernels."""
    y = dev.empty((16,), numpy.dtype("float32"))
    start = time.perf_counter()
    dev.kernels.fill(y, 0.0)
    host(y)
    return NOTHING | {"name": "first launch", "us": {"wxb": 1e6 * (time.perf_counter() - start)}}


def launch_overhead(dev: Device, dry: bool) -> dict[str, Any]:
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
        for _ in range(1 if dry else ROUNDS):
            host(y)
            start = time.perf_counter()
            for _ in range(200):
                call()
            best = min(best, (time.perf_counter() - start) / 200)
        us[name] = 1e6 * best
    return NOTHING | {"name": "launch, on the host", "us": us, "best_peer": "cupy", "ratio": us["cupy"] / us["wxb"]}


def workloads(dev: Device, dry: bool) -> Iterator[Workload]:
    for room in (elements, products, row_times, sequences):
        yield from room.workloads(dev, dry)


def cases(dev: Device, dry: bool) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    yield "first launch", partial(first_launch, dev)
    yield "launch, on the host", partial(launch_overhead, dev, dry)
    if dry:
        for work in workloads(dev, dry):
            yield work.name, partial(rehearse, dev, work)
        return
    with own_stream(dev) as stream, torch_graphs.same_stream(stream):
        limit = copy_rate(dev, stream)
        for work in workloads(dev, dry):
            yield work.name, partial(measure, dev, work, stream, limit)
