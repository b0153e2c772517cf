"""Resampling of channels-last images (N, H, W, C) and sequences (N, L, C) to another size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..autograd import Grads, record
from ..device import Array, cpu
from ..tensor import Tensor
from .pool import image, sizes, spatial

__all__ = ["upsample"]

Size = int | Sequence[int]
Scale = float | Sequence[float]


def upsample(x: Tensor, size: Size | None = None, scale_factor: Scale | None = None, mode: str = "nearest") -> Tensor:
    """Resample images or sequences to ``size``, or to ``floor(size of x * scale_factor)``.

    x (N, H, W, C) -> (N, H', W', C) or (N, L, C) -> (N, L', C). Of output i the place in x is ``i / f`` for
    ``"nearest"``, which takes the element there, and ``(i + 1/2) / f - 1/2`` for ``"bilinear"`` (``"linear"`` for
    sequences), which weighs the elements around it; ``f`` is ``scale_factor``, or the sizes' ratio: PyTorch's
    ``align_corners=False``. Raises ``ValueError`` unless one of ``size`` and ``scale_factor`` is given, and for an
    empty x or result.
    """
    axes = spatial("upsample", x)
    code = _mode(mode, axes)
    out, factors = _target(x.shape[1:-1], size, scale_factor)
    dev, xa, before = x.device, x.data, image(x.data)
    y = dev.empty((x.shape[0], *out, x.shape[-1]), xa.dtype)
    after = image(y)
    dev.kernels.upsample_forward(code, xa.reshape(before), y.reshape(after), factors)

    def backward(dy: Array, grads: Grads) -> Array:
        dx = grads()
        dev.kernels.upsample_backward(code, dy.reshape(after), dx.reshape(before), factors)
        return dx

    return record(y, (x,), backward)


def _mode(mode: str, axes: int) -> Any:
    """Return the kernel's code of a mode for so many axes."""
    names = ("nearest", "bilinear") if axes == 2 else ("nearest", "linear")
    if mode not in names:
        raise ValueError(f"upsample: mode is {mode!r}, it must be {names[0]!r} or {names[1]!r} for {axes + 2} axes")
    return cpu.kernels.Resampling.nearest if mode == "nearest" else cpu.kernels.Resampling.bilinear


def _target(
    space: Sequence[int], size: Size | None, scale_factor: Scale | None
) -> tuple[tuple[int, ...], tuple[float, float] | None]:
    """Return the sizes of the result, and the factors of height and width where they were given."""
    if (size is None) == (scale_factor is None):
        raise ValueError(f"upsample: size is {size} and scale_factor {scale_factor}, one of them must be given")
    if size is not None:
        out = sizes("upsample", "size", size, len(space))
        if min(out) < 1:
            raise ValueError(f"upsample: size is {size}, it must be at least 1")
        return out, None
    given = tuple(scale_factor) if isinstance(scale_factor, (tuple, list)) else (scale_factor,) * len(space)
    if len(given) != len(space) or not all(isinstance(f, (int, float)) for f in given):
        raise TypeError(f"upsample: scale_factor is {scale_factor!r}, it must be a number or {len(space)} of them")
    factors = [float(f) for f in given if isinstance(f, (int, float))]
    if not all(0 < f < math.inf for f in factors):
        raise ValueError(f"upsample: scale_factor is {scale_factor!r}, it must be finite and above 0")
    out = tuple(math.floor(s * f) for s, f in zip(space, factors))
    return out, (factors[0] if len(factors) == 2 else 1.0, factors[-1])
