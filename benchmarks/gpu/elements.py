"""Workloads for times.py of the elementwise room: small and in cache, and far beyond it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy
from workload import Call, Workload, less
from wxb.device import Device

SIZES = (1 << 14, 1 << 20, 1 << 26)
GELU = "y = 0.5f * x * (1 + erff(x * 0.70710678f))"


def workloads(dev: Device, dry: bool) -> Iterator[Workload]:
    k, xp = dev.kernels, dev.xp

    def unary(name: str, n: int, cupy: Call, torch: Call) -> Workload:
        op = getattr(k.Unary, name)
        return Workload(
            f"{name} {n}",
            [(n,)] * 2,
            ["float32"] * 2,
            lambda x, y: k.unary_forward(op, x, y, 0.0, 0.0),
            cupy,
            torch=torch,
        )

    def add(label: str, *shapes: tuple[int, ...]) -> Workload:
        return Workload(
            label,
            [*shapes],
            ["float32"] * 3,
            lambda a, b, y: k.binary_forward(k.Binary.add, a, b, y),
            lambda a, b, y: xp.add(a, b, y),
            torch=lambda torch, a, b, y: torch.add(a, b, out=y),
        )

    gelu = xp.tanh if dry else xp.ElementwiseKernel("float32 x", "float32 y", GELU, "gelu")
    for n in SIZES[:1] if dry else SIZES:
        n = less(n, dry)
        yield unary(
            "relu",
            n,
            lambda x, y: xp.maximum(x, numpy.float32(0), y),
            lambda torch, x, y: torch.clamp_min(x, 0, out=y),
        )
        yield unary("tanh", n, xp.tanh, lambda torch, x, y: torch.tanh(x, out=y))
        yield unary("exp", n, xp.exp, lambda torch, x, y: torch.exp(x, out=y))
        yield unary("gelu", n, gelu, lambda torch, x, y: torch.nn.functional.gelu(x))
        yield add(f"add {n}", (n,), (n,), (n,))
        rows = max(1, n // 256)
        yield add(f"add bias {rows}x256", (rows, 256), (256,), (rows, 256))
        yield add(f"add bias {rows}x255, one by one", (rows, 255), (255,), (rows, 255))
        yield Workload(
            f"gelu backward {n}",
            [(n,)] * 3,
            ["float32"] * 3,
            lambda x, dy, dx: k.unary_backward(k.Unary.gelu, x, dy, dx, 0.0, 0.0),
            lambda x, dy, dx: xp.multiply(x, dy, dx),  # the same memory traffic
            torch=lambda torch, x, dy, dx: torch.ops.aten.gelu_backward(dy, x),
        )
        yield Workload(
            f"cast uint8 to float32 {n}", [(n,)] * 2, ["uint8", "float32"], k.cast, lambda x, y: xp.copyto(y, x)
        )
