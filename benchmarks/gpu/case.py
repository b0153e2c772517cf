"""One launch of a kernel, to be checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Array = Any
Launch = Callable[..., None]  # launch(kernels, *inputs, *outputs)

DTYPES = ("float32", "float64", "int64", "uint8", "bool")
FLOATS = DTYPES[:2]


@dataclass
class Case:
    """Its arrays on the host, the outputs' shapes and dtypes, the call."""

    op: str
    dtype: str
    inputs: list[Array]
    outputs: list[tuple[tuple[int, ...], str]]
    launch: Launch
