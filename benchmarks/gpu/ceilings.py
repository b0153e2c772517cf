"""What this GPU does at most: a copy within its memory, and products by the vendor's library.

Through torch where it is there, else through CuPy, in float32 alone. Random data: zeros are faster.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy

Call = Callable[[], Any]


def seconds_of(call: Call, wait: Call, rounds: int = 5, calls: int = 4) -> float:
    """Return the least time of a call, after one that does not count."""
    call()
    best = float("inf")
    for _ in range(rounds):
        wait()
        start = time.perf_counter()
        for _ in range(calls):
            call()
        wait()
        best = min(best, (time.perf_counter() - start) / calls)
    return best


def row(name: str, seconds: float, moved: float = 0.0, flops: float = 0.0) -> dict[str, Any]:
    gb, tflops = (1e-9 * moved / seconds if moved else None), (1e-12 * flops / seconds if flops else None)
    return {"name": name, "us": 1e6 * seconds, "gb_per_s": gb, "tflops": tflops}


def in_torch(side: int, elements: int) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    import torch

    torch.backends.cudnn.benchmark = True
    wait = torch.cuda.synchronize

    def copy() -> dict[str, Any]:
        source = torch.randn(elements, device="cuda")
        target = torch.empty_like(source)
        return row("copy", seconds_of(lambda: target.copy_(source), wait), 8.0 * elements)

    def product(how: str) -> dict[str, Any]:
        torch.backends.cuda.matmul.allow_tf32 = how == "tf32"
        dtype = torch.bfloat16 if how == "bf16" else torch.float32
        a, b = (torch.randn(side, side, device="cuda", dtype=dtype) for _ in range(2))
        y = torch.empty_like(a)
        return row(f"torch {how} {side}", seconds_of(lambda: torch.mm(a, b, out=y), wait), flops=2.0 * side**3)

    yield "copy", copy
    for how in ("bf16", "tf32", "fp32"):
        yield f"torch {how} {side}", lambda how=how: product(how)


def in_arrays(xp: Any, side: int, elements: int) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    """Measure through CuPy, or through numpy where that stands in for it."""
    name, wait = xp.__name__, (lambda: None) if xp is numpy else (lambda: xp.cuda.Device().synchronize())

    def copy() -> dict[str, Any]:
        source, target = xp.ones(elements, "float32"), xp.empty(elements, "float32")
        return row("copy", seconds_of(lambda: xp.copyto(target, source), wait), 8.0 * elements)

    def product() -> dict[str, Any]:
        a, b = (xp.asarray(numpy.random.default_rng(i).standard_normal((side, side), "float32")) for i in range(2))
        y = xp.empty_like(a)
        return row(f"{name} fp32 {side}", seconds_of(lambda: xp.matmul(a, b, out=y), wait), flops=2.0 * side**3)

    yield "copy", copy
    yield f"{name} fp32 {side}", product


def has_torch() -> bool:
    """Say whether torch is here and sees a GPU."""
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    return bool(torch.cuda.is_available())


def cases(dev: Any, dry: bool) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    """Yield them also where wxb does not run, and ``dev`` is None: torch is enough."""
    side, elements = (64, 1 << 12) if dry else (8192, 1 << 30)
    if not dry and has_torch():
        yield from in_torch(side, elements)
    elif dev is not None:
        yield from in_arrays(dev.xp, side, elements)
    else:
        raise RuntimeError("neither wxb nor torch sees a GPU")
