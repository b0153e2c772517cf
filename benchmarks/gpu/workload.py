"""One launch of a kernel, to be timed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy

Array = Any
Call = Callable[..., Any]


@dataclass
class Workload:
    """The shapes of its inputs, its output last, and the same arithmetic in wxb and CuPy."""

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
