"""Cases and workloads of products and convolutions: gemm and conv, every precision."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from typing import Any

import numpy
from case import Case, gradient
from workload import Workload, less
from wxb.device import Device

Array = Any
PRECISIONS = ("fp32", "tf32", "bf16")
# Of one factor, half a unit in the last place: fp32 2^-24, tf32 2^-11, bf16 2^-8.
UNIT = {"fp32": 6e-8, "tf32": 4.9e-4, "bf16": 3.9e-3}
# m, n, k: single numbers, primes, edges of tiles, sums cut into parts, and enough tiles for wgmma.
PRODUCTS = (
    (1, 1, 1), (7, 8, 4), (33, 70, 52), (127, 129, 37), (128, 128, 64), (257, 129, 264), (1, 512, 4096),
    (64, 10, 5000), (2048, 2048, 96), (3000, 2500, 200),
)  # fmt: skip
# n, h, w, c, out, kernel, stride, padding, dilation, groups
IMAGES = (
    (2, 9, 8, 8, 12, 3, 1, 1, 1, 1), (1, 11, 10, 16, 24, 3, 2, 1, 1, 1), (2, 10, 9, 16, 32, 3, 1, 2, 2, 2),
    (1, 12, 12, 12, 20, 4, 3, 0, 1, 1), (2, 7, 9, 3, 16, 3, 1, 1, 1, 1), (2, 9, 9, 24, 24, 3, 1, 1, 1, 24),
    (16, 32, 32, 64, 64, 3, 1, 1, 1, 1), (8, 28, 28, 128, 256, 1, 1, 0, 1, 1),
)  # fmt: skip


def tolerance(how: str, k: int) -> float:
    """Return what a sum of k products of random numbers may be off, in one element of thousands."""
    return 8 * UNIT[how] * math.sqrt(max(k, 1)) + 4e-7 * math.sqrt(max(k, 1))


def arithmetic(dtype: str) -> tuple[str, ...]:
    return PRECISIONS if dtype == "float32" else ("fp32",)


def is_large(m: int, n: int, k: int) -> bool:
    """Say whether a product is too much for the emulator, which has tests of its own (tests/cuda/test_products.py)."""
    return m * n * k > 1 << 20


def product_cases(rng: numpy.random.Generator, emulated: bool) -> Iterator[Case]:
    for dtype in ("float32", "float64"):
        for m, n, k in PRODUCTS:
            if emulated and is_large(m, n, k):
                continue
            for ta, tb in ((False, False), (False, True), (True, False), (True, True)):
                a = gradient(rng, (k, m) if ta else (m, k), dtype)
                b = gradient(rng, (n, k) if tb else (k, n), dtype)
                for how in arithmetic(dtype):

                    def launch(
                        kernels: Any, a: Array, b: Array, y: Array, ta: bool = ta, tb: bool = tb, how: str = how
                    ) -> None:
                        kernels.matmul(a, b, y, ta, tb, getattr(kernels.Precision, how))

                    limit = tolerance(how, k) if dtype == "float32" else 1e-12
                    yield Case(f"matmul {how}", dtype, [a, b], [((m, n), dtype)], launch, limit)


def image_cases(rng: numpy.random.Generator, emulated: bool) -> Iterator[Case]:
    for case in IMAGES:
        n, h, w, c, out, kernel, stride, padding, dilation, groups = case
        oh, ow = (((s + 2 * padding - (kernel - 1) * dilation - 1) // stride + 1) for s in (h, w))
        depth, pixels = kernel * kernel * c // groups, n * oh * ow
        if emulated and is_large(pixels, out, depth):
            continue
        more = ((stride, stride), (padding, padding), (dilation, dilation), groups)
        for dtype in ("float32", "float64"):
            x, dy = gradient(rng, (n, h, w, c), dtype), gradient(rng, (n, oh, ow, out), dtype)
            weight = gradient(rng, (out, kernel, kernel, c // groups), dtype)
            for how in arithmetic(dtype):

                def forward(k: Any, x: Array, weight: Array, y: Array, more: Any = more, how: str = how) -> None:
                    rest = (k.Unary.none, 0.0, k.Algorithm.auto, getattr(k.Precision, how))
                    k.conv2d_forward(x, weight, None, y, None, *more, *rest)

                def backward(
                    k: Any,
                    x: Array,
                    weight: Array,
                    dy: Array,
                    dx: Array,
                    dw: Array,
                    db: Array,
                    more: Any = more,
                    how: str = how,
                ) -> None:
                    rest = (k.Unary.none, 0.0, k.Algorithm.auto, getattr(k.Precision, how))
                    k.conv2d_backward(x, weight, None, dy, dx, dw, db, *more, *rest)

                longest = max(depth, kernel * kernel * out // groups, pixels)
                limit = tolerance(how, longest) if dtype == "float32" else 1e-12
                yield Case(f"conv2d_forward {how}", dtype, [x, weight], [(dy.shape, dtype)], forward, limit)
                outputs = [(x.shape, dtype), (weight.shape, dtype), ((out,), dtype)]
                yield Case(f"conv2d_backward {how}", dtype, [x, weight, dy], outputs, backward, limit)


def set_precision(torch: Any, how: str) -> Any:
    """Let torch's products of float32 round to TF32, or not; return the dtype of the operands."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = how == "tf32"
    return torch.bfloat16 if how == "bf16" else torch.float32


def torch_matmul(how: str) -> Any:
    """Return cuBLAS's product as torch calls it; operands of bf16 are rounded on the way, as wxb rounds them."""

    def product(torch: Any, a: Any, b: Any, y: Any) -> None:
        dtype = set_precision(torch, how)
        torch.mm(a, b, out=y) if how != "bf16" else torch.mm(a.to(dtype), b.to(dtype))

    return product


def torch_conv(how: str, padding: int) -> Any:
    """Return cuDNN's convolution, channels last."""

    def conv(torch: Any, x: Any, w: Any, y: Any) -> None:
        dtype = set_precision(torch, how)
        torch.nn.functional.conv2d(x.permute(0, 3, 1, 2).to(dtype), w.permute(0, 3, 1, 2).to(dtype), padding=padding)

    return conv


def product(dev: Device, m: int, n: int, d: int, how: str) -> Workload:
    k, xp, p = dev.kernels, dev.xp, getattr(dev.kernels.Precision, how)
    return Workload(
        f"matmul {m}x{n}x{d} {how}",
        [(m, d), (d, n), (m, n)],
        ["float32"] * 3,
        lambda a, b, y: k.matmul(a, b, y, False, False, p),
        lambda a, b, y: xp.matmul(a, b, out=y),
        2.0 * m * n * d,
        torch_matmul(how),
    )


def convolution(dev: Device, n: int, size: int, c: int, out: int, kernel: int, how: str) -> Workload:
    """Return one beside cuDNN's, and beside CuPy's product of the same size."""
    k, xp, p = dev.kernels, dev.xp, getattr(dev.kernels.Precision, how)
    more = ((1, 1), (kernel // 2,) * 2, (1, 1), 1, k.Unary.none, 0.0, k.Algorithm.auto, p)
    pixels, depth = n * size * size, kernel * kernel * c
    return Workload(
        f"conv {n}x{size}x{size}x{c} to {out}, {kernel}x{kernel} {how}",
        [(n, size, size, c), (out, kernel, kernel, c), (n, size, size, out)],
        ["float32"] * 3,
        lambda x, w, y: k.conv2d_forward(x, w, None, y, None, *more),
        lambda x, w, y: xp.matmul(_zeros(xp, pixels, depth), _zeros(xp, depth, out), out=y.reshape(pixels, out)),
        2.0 * pixels * depth * out,
        torch_conv(how, kernel // 2),
    )


@functools.lru_cache(2)
def _zeros(xp: Any, rows: int, columns: int) -> Any:
    return xp.zeros((rows, columns), "float32")


def workloads(dev: Device, dry: bool) -> Iterator[Workload]:
    sides = ((1024,) * 3, (4096,) * 3, (8192,) * 3, (128, 512, 784), (65536, 64, 576))
    images = ((64, 32, 64, 64, 3), (64, 16, 256, 256, 3), (32, 28, 512, 512, 1))[: 1 if dry else None]
    for (m, n, d), how in ((shape, how) for shape in (sides[-2:] if dry else sides) for how in PRECISIONS):
        yield product(dev, less(m, dry), less(n, dry), less(d, dry), how)
    for (n, size, c, out, kernel), how in ((shape, how) for shape in images for how in PRECISIONS):
        n, size, c, out = (1, 4, 16, 16) if dry else (n, size, c, out)
        yield convolution(dev, n, size, c, out, kernel, how)
