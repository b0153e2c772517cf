"""Measure wxb beside the libraries installed here: what ``wxb bench`` runs, and what ``benchmarks/`` is made of."""

from __future__ import annotations

from ..device import num_threads
from .command import Options, main, report, run
from .markdown import table
from .timing import Row, Workload

__all__ = ["Options", "Row", "Workload", "bench", "main", "report", "run", "subset", "table"]


def subset() -> list[Workload]:
    """Return a workload of each kind: products, elementwise, rows, random numbers, updates, whole steps."""
    from . import kernels, steps, updates

    return [
        kernels.gemm(64, 64, 64),
        kernels.gemm(512, 512, 512),
        kernels.gemm(128, 10, 512, "nt"),
        kernels.linear(32, 512),
        kernels.elementwise("gelu", 1 << 15),
        kernels.elementwise("relu", 1 << 24, "large"),
        kernels.softmax(256, 1000),
        kernels.reduction("sum", 4096, 1024, -1),
        kernels.dropout(1 << 20),
        updates.update("adam", (100352, 128, 1280, 10)),
        steps.step((2, 16, 16, 1), 32),
        steps.step((784, 128, 10), 32),
        steps.step((784, 1024, 1024, 10), 128),
    ]


def bench(seconds: float = 120.0) -> None:
    """Time a subset of kernels and steps on one thread and on all, for about ``seconds``, and print the table.

    Raises ``ValueError`` unless ``seconds`` is above 0, ``RuntimeError`` if a result is wrong.
    """
    if not 0 < seconds < float("inf"):
        raise ValueError(f"bench: seconds is {seconds}, it must be above 0")
    threads = sorted({1, num_threads()})
    options = Options(seconds, threads)
    if report(run(subset, options), options):
        raise RuntimeError("bench: a result is wrong; please report it with the lines above")
