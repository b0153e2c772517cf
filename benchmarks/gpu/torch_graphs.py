"""Torch's half of times.py: tensors over CuPy's memory, a CUDA graph of its calls, both on one stream.

Nothing where torch is not installed, or does not see the GPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ceilings import has_torch
from workload import Array, Workload


class Graph:
    """A graph of torch's with the method of CuPy's; it is launched on the stream that ``same_stream`` made current."""

    def __init__(self, graph: Any) -> None:
        self.graph = graph

    def launch(self, stream: Any) -> None:
        """Replay on torch's current stream."""
        self.graph.replay()


@contextmanager
def same_stream(stream: Any) -> Iterator[None]:
    """Make CuPy's stream torch's current one."""
    if not has_torch():
        yield
        return
    import torch

    torch.backends.cudnn.benchmark = True
    with torch.cuda.stream(torch.cuda.ExternalStream(stream.ptr)):
        yield


def tensors(arrays: list[Array]) -> list[Any]:
    import torch

    return [torch.from_dlpack(array) for array in arrays]


def call(work: Workload, arrays: list[Array]) -> None:
    """Call torch's function once; without a GPU on the CPU, if torch is installed."""
    try:
        import torch
    except ImportError:
        return
    assert work.torch
    work.torch(torch, *tensors(arrays))


def of(work: Workload, sets: list[list[Array]], launches: int) -> dict[str, Graph]:
    """Return a graph of so many calls, which walk through the sets; nothing if torch has no such function."""
    if work.torch is None or not has_torch():
        return {}
    import torch

    shared = [tensors(arrays) for arrays in sets]
    for _ in range(3):  # cuDNN tries its algorithms, workspaces are made
        work.torch(torch, *shared[0])
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for i in range(launches):
            work.torch(torch, *shared[i % len(shared)])
    return {"torch": Graph(graph)}
