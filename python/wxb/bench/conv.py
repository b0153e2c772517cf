"""Convolution, channels last in every library: torch sees the same memory through permuted axes."""

from __future__ import annotations

import functools
from typing import Any

import numpy

from .kernels import FLOAT, Array, normal, same
from .timing import Workload

__all__ = ["conv2d"]


def _in_numpy(stride: int, padding: int, depthwise: bool) -> Any:
    """Return the function of (x, w, b), and of dy for the gradients too: a product for each tap."""

    def taps(w: Array, padded: Array, y: tuple[int, ...]) -> Any:
        for p in range(w.shape[1]):
            for q in range(w.shape[2]):
                rows, columns = (slice(at, at + stride * (size - 1) + 1, stride) for at, size in ((p, y[1]), (q, y[2])))
                yield p, q, padded[:, rows, columns]

    def both(x: Array, w: Array, b: Array, dy: Array | None = None) -> Any:
        padded = numpy.pad(x, [(0, 0), (padding, padding), (padding, padding), (0, 0)])
        sizes = [(n + 2 * padding - k) // stride + 1 for n, k in zip(x.shape[1:3], w.shape[1:3])]
        shape = (len(x), *sizes, len(w))
        y = numpy.zeros(shape, x.dtype)
        for p, q, seen in taps(w, padded, shape):
            y += seen * w[:, p, q, 0] if depthwise else seen @ w[:, p, q].T
        y += b
        if dy is None:
            return y
        dw, dpadded = numpy.empty_like(w), numpy.zeros_like(padded)
        for (p, q, seen), (_, _, into) in zip(taps(w, padded, shape), taps(w, dpadded, shape)):
            if depthwise:
                into += dy * w[:, p, q, 0]
                dw[:, p, q, 0] = (dy * seen).sum((0, 1, 2))
            else:
                into += dy @ w[:, p, q]
                dw[:, p, q] = dy.reshape(-1, len(w)).T @ seen.reshape(-1, w.shape[3])
        inside = slice(padding, -padding or None)
        return [y, dpadded[:, inside, inside], dw, dy.sum((0, 1, 2))]

    return both


def conv2d(
    n: int,
    size: int,
    channels: int,
    out: int,
    kernel: int,
    stride: int = 1,
    groups: int = 1,
    backward: bool = False,
) -> Workload:
    """Convolution with bias of square images, padded by half the kernel; with ``backward`` also dx, dW, db."""
    padding = kernel // 2
    across = (size + 2 * padding - kernel) // stride + 1

    def in_torch(torch: Any) -> Any:
        def conv(x: Any, w: Any, b: Any) -> Any:
            x, w = (a.permute(0, 3, 1, 2) for a in (x, w))
            return torch.nn.functional.conv2d(x, w, b, stride, padding, 1, groups).permute(0, 2, 3, 1)

        return conv

    def in_jax(jax: Any) -> Any:
        convolve = functools.partial(
            jax.lax.conv_general_dilated,
            window_strides=(stride, stride),
            padding=[(padding, padding)] * 2,
            dimension_numbers=("NHWC", "OHWI", "NHWC"),
            feature_group_count=groups,
        )
        return lambda x, w, b: convolve(x, w) + b

    def arrays() -> list[Array]:
        given = [
            normal(n, size, size, channels),
            normal(out, kernel, kernel, channels // groups, seed=1),
            normal(out, seed=2),
        ]
        return [*given, normal(n, across, across, out, seed=3)] if backward else given

    what = "depthwise" if groups > 1 else "conv"
    inputs, outputs, weights = n * size**2 * channels, n * across**2 * out, out * kernel**2 * channels // groups
    return same(
        f"{what} {kernel}x{kernel}{f' stride {stride}' * (stride > 1)} {'forward+backward' if backward else 'forward'} "
        f"{n}x{size}x{size}x{channels} to {out}",
        arrays,
        {
            "wxb": lambda wxb: functools.partial(wxb.ops.conv2d, stride=stride, padding=padding, groups=groups),
            "torch": in_torch,
            "jax": in_jax,
            "numpy": lambda numpy: _in_numpy(stride, padding, groups > 1),
        },
        backward=backward,
        tolerance=1e-4,  # of weights' gradients, sums over all pixels
        flops=2.0 * outputs * kernel**2 * (channels // groups) * (3 if backward else 1),
        bytes=FLOAT * (inputs * (3 if backward else 1) + outputs * (2 if backward else 1) + 2 * weights),
    )
