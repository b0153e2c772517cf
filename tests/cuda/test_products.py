"""Products and convolutions of the CUDA kernels on the emulator: every arithmetic, tile and layout against float64.

The registry (test_registry_cuda.py) covers float32 and float64 as ops use them; here are the sizes that choose
between kernels, and what rounds its operands.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

emulated = pytest.importorskip("wxb._cuda_emulated")
Array = np.ndarray
# Of a random product, relative to the norm of the result: what rounding both factors may cost, at worst in one product
# (twice 2^-11 and 2^-8); in sums it averages out.
TOLERANCE = {"fp32": 1e-6, "tf32": 1e-3, "bf16": 8e-3}


def precision(name: str) -> Any:
    return getattr(emulated.Precision, name)


def drawn(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def poisoned(*shape: int) -> Array:
    return np.full(shape, np.nan, np.float32)


def off(got: Array, wanted: Array) -> float:
    """Return the error relative to the norm; NaN stays NaN, and fails every comparison."""
    return float(np.linalg.norm(got - wanted) / max(np.linalg.norm(wanted), 1e-30))


def product(
    m: int, n: int, k: int, how: str, ta: bool = False, tb: bool = False, batch: int = 1, shift: int = 0
) -> float:
    """Return the error of a matmul whose operands begin ``shift`` elements off their alignment."""
    a, b = drawn(1, batch, *((k, m) if ta else (m, k))), drawn(2, batch, *((n, k) if tb else (k, n)))
    laid = []
    for x in (a, b):
        room = np.zeros(x.size + 4 + shift, np.float32)
        start = -(room.ctypes.data // 4) % 4 + shift
        laid.append(room[start : start + x.size].reshape(x.shape))
        laid[-1][...] = x
    y = poisoned(batch, m, n)
    emulated.matmul(*laid, y, ta, tb, precision(how))
    wide = [x.astype(float) for x in (a, b)]
    return off(y, (wide[0].swapaxes(1, 2) if ta else wide[0]) @ (wide[1].swapaxes(1, 2) if tb else wide[1]))


@pytest.mark.parametrize("how", ["tf32", "bf16"])
@pytest.mark.parametrize("shape", [(1, 1, 1), (7, 8, 4), (33, 70, 52), (128, 128, 64), (129, 127, 37), (40, 200, 800)])
@pytest.mark.parametrize("transposed", [(False, False), (False, True), (True, False), (True, True)])
def test_tensor_cores(shape: tuple[int, int, int], how: str, transposed: tuple[bool, bool]) -> None:
    assert product(*shape, how, *transposed, batch=2) < TOLERANCE[how]
    assert product(*shape, how, *transposed, shift=1) < TOLERANCE[how]


@pytest.mark.parametrize("how", ["tf32", "bf16"])
@pytest.mark.parametrize(
    ("shape", "transposed"),
    [((257, 129, 64), (False, False)), ((300, 260, 200), (False, True)), ((520, 100, 77), (True, False)),
     ((256, 256, 328), (True, True)), ((1000, 140, 70), (False, True))],
)  # fmt: skip
def test_tensor_cores_of_sm90(shape: tuple[int, int, int], how: str, transposed: tuple[bool, bool]) -> None:
    assert product(*shape, how, *transposed) < TOLERANCE[how]


@pytest.mark.parametrize(
    ("shape", "batch"), [((1500, 1450, 9), 1), ((130, 130, 5), 40), ((70, 50, 1300), 1), ((1, 1, 4000), 2)]
)
def test_large_tiles_and_parts_in_float32(shape: tuple[int, int, int], batch: int) -> None:
    assert product(*shape, "fp32", batch=batch) < TOLERANCE["fp32"]


@pytest.mark.parametrize("how", ["fp32", "tf32", "bf16"])
@pytest.mark.parametrize("sizes", [(5, 7, 3), (50, 600, 40), (300, 96, 260)])
def test_linear_with_all_that_follows_it(sizes: tuple[int, int, int], how: str) -> None:
    n, wide, out = sizes
    x, weight, bias, dy = drawn(3, n, wide), drawn(4, out, wide), drawn(5, out), drawn(6, n, out)
    y, saved = poisoned(n, out), poisoned(n, out)
    silu, p = emulated.Unary.silu, precision(how)
    emulated.linear_forward(x, weight, bias, y, saved, silu, 0.0, p)
    z = x.astype(float) @ weight.T.astype(float) + bias
    sigmoid = 1 / (1 + np.exp(-z))
    assert off(saved, z) < TOLERANCE[how] and off(y, z * sigmoid) < 2 * TOLERANCE[how]
    dx, dweight, dbias = poisoned(n, wide), poisoned(out, wide), poisoned(out)
    exact = z.astype(np.float32)
    emulated.linear_backward(x, weight, exact, dy, dx, dweight, dbias, silu, 0.0, p)
    dz = dy * (sigmoid * (1 + z * (1 - sigmoid)))
    assert off(dx, dz @ weight) < TOLERANCE[how] and off(dweight, dz.T @ x) < TOLERANCE[how]
    assert off(dbias, dz.sum(0)) < 1e-5


# n, h, w, c, out, kernel, stride, padding, dilation, groups
IMAGES = [
    (2, 9, 8, 8, 12, 3, 1, 1, 1, 1),
    (1, 11, 10, 16, 24, 3, 2, 1, 1, 1),
    (2, 10, 9, 16, 32, 3, 1, 2, 2, 2),
    (1, 12, 12, 12, 20, 4, 3, 0, 1, 1),
    (1, 6, 7, 64, 130, 1, 1, 0, 1, 1),
    (2, 7, 9, 3, 16, 3, 1, 1, 1, 1),
    (1, 9, 9, 8, 8, 3, 1, 1, 1, 8),
]


def convolve(x: Array, weight: Array, shape: tuple[int, ...], case: tuple[int, ...]) -> Array:
    """Return the convolution in float64, tap by tap."""
    *_, kernel, stride, padding, dilation, groups = case
    x = np.pad(x.astype(float), [(0, 0), (padding, padding), (padding, padding), (0, 0)])
    y, share, channels = np.zeros(shape), shape[3] // groups, weight.shape[3]
    for p in range(kernel):
        for q in range(kernel):
            seen = x[:, p * dilation :: stride, q * dilation :: stride][:, : shape[1], : shape[2]]
            for g in range(groups):
                o = slice(g * share, (g + 1) * share)
                y[..., o] += seen[..., g * channels : (g + 1) * channels] @ weight[o, p, q].T
    return y


def check_convolution(case: tuple[int, ...], how: str) -> None:
    n, h, w, c, out, kernel, stride, padding, dilation, groups = case
    oh, ow = (((s + 2 * padding - (kernel - 1) * dilation - 1) // stride + 1) for s in (h, w))
    x, weight = drawn(7, n, h, w, c), drawn(8, out, kernel, kernel, c // groups)
    dy, y = drawn(9, n, oh, ow, out), poisoned(n, oh, ow, out)
    more = ((stride, stride), (padding, padding), (dilation, dilation), groups, emulated.Unary.none, 0.0)
    kernels = (emulated.Algorithm.auto, precision(how))
    emulated.conv2d_forward(x, weight, None, y, None, *more, *kernels)
    assert off(y, convolve(x, weight, y.shape, case)) < TOLERANCE[how]

    dx, dweight, dbias = poisoned(*x.shape), poisoned(*weight.shape), poisoned(out)
    emulated.conv2d_backward(x, weight, None, dy, dx, dweight, dbias, *more, *kernels)
    # A convolution is linear in x and in the weights: sums with its gradients are those with dy.
    towards_x, towards_w = drawn(10, *x.shape), drawn(11, *weight.shape)
    size = np.linalg.norm(dy) * np.sqrt(np.prod(weight.shape[1:]))
    for gradient, direction, moved in (
        (dx, towards_x, convolve(towards_x, weight, y.shape, case)),
        (dweight, towards_w, convolve(x, towards_w, y.shape, case)),
    ):
        assert abs((gradient.astype(float) * direction).sum() - (dy * moved).sum()) < 10 * TOLERANCE[how] * size
    assert off(dbias, dy.sum((0, 1, 2), dtype=float)) < 1e-5


@pytest.mark.parametrize("how", ["fp32", "tf32", "bf16"])
@pytest.mark.parametrize("case", IMAGES)
def test_convolution(case: tuple[int, ...], how: str) -> None:
    check_convolution(case, how)


# Enough tiles of 128 x 128 in y and dx; in dweight.
@pytest.mark.parametrize("case", [(7, 52, 52, 5, 130, 2, 1, 0, 1, 1), (1, 6, 6, 170, 1500, 3, 1, 0, 1, 1)])
def test_convolution_in_large_tiles(case: tuple[int, ...]) -> None:
    check_convolution(case, "fp32")


def test_float64_is_never_rounded() -> None:
    a, b = (drawn(s, 70, 70).astype(float) for s in (14, 15))
    y = np.full((70, 70), np.nan)
    emulated.matmul(a, b, y, False, False, precision("bf16"))
    assert off(y, a @ b) < 1e-14


def test_the_order_of_threads_makes_no_difference() -> None:
    """Run what waits for other threads in random orders: results are the same bits."""
    code = """
import sys, numpy as np
from wxb import _cuda_emulated as k
rng = np.random.default_rng(0)
for m, n, d in ((300, 140, 200), (70, 50, 600)):
    a, b = (rng.standard_normal(s).astype("f") for s in ((m, d), (d, n)))
    for how in (k.Precision.fp32, k.Precision.tf32, k.Precision.bf16):
        y = np.full((m, n), np.nan, "f")
        k.matmul(a, b, y, False, False, how)
        print(hash(y.tobytes()), np.isnan(y).any())
"""
    seen = set()
    for seed in (None, "1", "2"):
        extra = {"PYTHONHASHSEED": "0"} | ({"WXB_EMULATOR_SEED": seed} if seed else {})
        done = subprocess.run([sys.executable, "-c", code], env=os.environ | extra, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        seen.add(done.stdout)
    assert len(seen) == 1 and "True" not in seen.pop()
