"""Record kernel calls on inputs A, replay them on inputs B, compare with eager B bit for bit.

On the default stream, on one of its own, and as a CUDA graph captured from a replay.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy
import wxb
from checks import host
from wxb.device import Device

Array = Any
SHAPE, STEPS = (67, 129), 5


def step(dev: Device, x: Array, weight: Array) -> Array:
    """Run a chain of launches whose scratch memory is reused along the way, and update a persistent array."""
    k = dev.kernels
    for _ in range(STEPS):
        y, z = dev.empty(x.shape, x.dtype), dev.empty(x.shape, x.dtype)
        k.binary_forward(k.Binary.multiply, x, weight, y)
        k.unary_forward(k.Unary.tanh, y, z, 0.0, 0.0)
        x = dev.empty(z.shape, z.dtype)
        k.binary_forward(k.Binary.add, y, z, x)
    first = weight.reshape(-1)
    k.unary_forward(k.Unary.gelu, first, first, 0.0, 0.0)
    return x


class Recorded:
    """A plan of ``step``, its slot and its weights."""

    def __init__(self, dev: Device, weight: Array) -> None:
        self.dev, self.start = dev, weight
        self.weight, self.plan = dev.array(weight, weight.dtype), dev.kernels.Plan()
        with self.plan:
            slot = dev.empty(SHAPE, weight.dtype)
            slot[...] = 0  # by the host: a launch would be recorded and overwrite the input
            self.output = step(dev, slot, self.weight)
        self.plan.slots, self.plan.outputs = [slot], [self.output]

    def run(self, given: Array) -> Array:
        """Replay on an array and return the result."""
        return self.plan.run((wxb.Tensor(given),))[0]

    def matches(self, replay: Callable[[Array], Array], x: Array) -> bool:
        """Say whether ``replay`` of a poisoned plan gives what eager launches give, result and weights."""
        dev = self.dev
        eager_weight = dev.array(self.start, self.start.dtype)
        wanted = host(step(dev, dev.array(x, x.dtype), eager_weight))
        self.weight[...] = dev.array(self.start, self.start.dtype)
        self.plan.poison()
        got = host(replay(dev.array(x, x.dtype)))
        return got.tobytes() == wanted.tobytes() and host(self.weight).tobytes() == host(eager_weight).tobytes()


def inputs() -> tuple[Array, Array]:
    rng = numpy.random.default_rng(2)
    return rng.standard_normal(SHAPE).astype("float32"), rng.standard_normal(SHAPE[1]).astype("float32")


def replayed(dev: Device) -> bool:
    """Replay in the order of the default stream."""
    x, weight = inputs()
    recorded = Recorded(dev, weight)
    return recorded.matches(recorded.run, x)


def replayed_on_stream(dev: Device) -> bool:
    """Record and replay on a stream that does not wait for the default one."""
    with own_stream(dev):
        x, weight = inputs()
        recorded = Recorded(dev, weight)
        same = recorded.matches(recorded.run, x)
    return same


def replayed_as_graph(dev: Device) -> bool:
    """Capture a replay on a stream, and launch the graph on memory of CuPy's."""
    with own_stream(dev) as stream:
        x, weight = inputs()
        recorded = Recorded(dev, weight)
        recorded.plan.replay()  # loads the kernels: that is not allowed while a stream captures
        stream.synchronize()
        stream.begin_capture()
        recorded.plan.replay()
        graph = stream.end_capture()

        def launch(given: Array) -> Array:
            recorded.plan.slots[0][...] = given
            graph.launch(stream)
            return recorded.output

        same = recorded.matches(launch, x) and recorded.matches(launch, x[::-1].copy())
    return same


@contextmanager
def own_stream(dev: Device) -> Iterator[Any]:
    """Give CuPy and the kernels a stream of their own, and the default one back."""
    with dev.xp.cuda.Stream(non_blocking=True) as stream:
        dev.kernels.set_stream(stream.ptr)
        try:
            yield stream
        finally:
            stream.synchronize()
            dev.kernels.set_stream(0)


def check(dev: Device, way: Callable[[Device], bool]) -> dict[str, Any]:
    return {"op": f"plan {way.__name__}", "dtype": "float32", "cases": 1, "ok": way(dev), "why": ""}


def cases(dev: Device, dry: bool) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    for way in [replayed] if dev.xp is numpy else [replayed, replayed_on_stream, replayed_as_graph]:
        yield f"plan {way.__name__}", partial(check, dev, way)
