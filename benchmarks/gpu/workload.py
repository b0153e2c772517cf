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
    """The shapes of its inputs, its output last, and the same arithmetic in wxb, CuPy and, where it has it, torch.

    Torch's function is given the module and then tensors that share the arrays' memory.
    """

    name: str
    shapes: list[tuple[int, ...]]
    dtypes: list[str]
    wxb: Call
    cupy: Call
    flops: float = 0.0
    torch: Call | None = None

    @property
    def bytes(self) -> int:
        """Read and written, each array once."""
        return sum(int(numpy.prod(s)) * numpy.dtype(d).itemsize for s, d in zip(self.shapes, self.dtypes))


def less(n: int, dry: bool) -> int:
    """Return a size, or in a dry run the little of it that an emulator can do."""
    return max(2, n >> 8) if dry else n
