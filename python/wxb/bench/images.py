"""Pooling, batch normalisation and augmentation of channels-last images; torch gets that memory as channels_last."""

from __future__ import annotations

import functools
from typing import Any

import numpy

from .kernels import FLOAT, Array, normal, same
from .timing import Workload

__all__ = ["augment", "batch_norm", "max_pool"]

EPS = 1e-5


def _batch_norm(x: Array, w: Array, b: Array, dy: Array) -> list[Array]:
    axes, n = (0, 1, 2), x.size // x.shape[-1]
    centred = x - x.mean(axes)
    rstd = 1 / numpy.sqrt((centred * centred).mean(axes) + x.dtype.type(EPS))
    z = centred * rstd
    db, dw = dy.sum(axes), (dy * z).sum(axes)
    return [z * w + b, w * rstd * (dy - db / n - z * (dw / n)), dw, db]


def batch_norm(batch: int, height: int, width: int, channels: int) -> Workload:
    """Batch normalisation in training with weight and bias, and its gradients."""

    def in_torch(torch: Any) -> Any:
        def norm(x: Any, w: Any, b: Any) -> Any:
            y = torch.nn.functional.batch_norm(x.movedim(-1, 1), None, None, w, b, True, 0.1, EPS)
            return y.movedim(1, -1)

        return norm

    def in_jax(jax: Any) -> Any:
        return lambda x, w, b: jax.nn.standardize(x, (0, 1, 2), epsilon=EPS) * w + b

    shape = (batch, height, width, channels)
    return same(
        f"batch_norm forward+backward {batch}x{height}x{width}x{channels}",
        lambda: [normal(*shape), normal(channels, seed=1), normal(channels, seed=2), normal(*shape, seed=3)],
        {
            "wxb": lambda wxb: functools.partial(_in_wxb, wxb),
            "torch": in_torch,
            "jax": in_jax,
            "numpy": lambda numpy: _batch_norm,
        },
        backward=True,
        tolerance=1e-4,  # sums of numbers around 0 cancel
        bytes=8 * FLOAT * batch * height * width * channels,  # x twice, y; x and dy twice, dx
    )


def _in_wxb(wxb: Any, x: Any, w: Any, b: Any) -> Any:
    return wxb.ops.batch_norm(x, None, None, w, b, training=True, eps=EPS)


def _max_pool(x: Array, dy: Array) -> list[Array]:
    n, h, w, c = x.shape
    windows = x.reshape(n, h // 2, 2, w // 2, 2, c).transpose(0, 1, 3, 5, 2, 4).reshape(n, h // 2, w // 2, c, 4)
    at = windows.argmax(-1)[..., None]
    dx = numpy.zeros_like(windows)
    numpy.put_along_axis(dx, at, dy[..., None], -1)
    dx = dx.reshape(n, h // 2, w // 2, c, 2, 2).transpose(0, 1, 4, 2, 5, 3).reshape(x.shape)
    return [numpy.take_along_axis(windows, at, -1)[..., 0], dx]


def max_pool(batch: int, height: int, width: int, channels: int) -> Workload:
    """The largest element of 2 x 2 windows, and its gradient."""

    def in_torch(torch: Any) -> Any:
        return lambda x: torch.nn.functional.max_pool2d(x.movedim(-1, 1), 2).movedim(1, -1)

    def in_jax(jax: Any) -> Any:
        size = (1, 2, 2, 1)
        return lambda x: jax.lax.reduce_window(x, -jax.numpy.inf, jax.lax.max, size, size, "VALID")

    pixels = batch * height * width * channels
    return same(
        f"max_pool forward+backward {batch}x{height}x{width}x{channels}",
        lambda: [normal(batch, height, width, channels), normal(batch, height // 2, width // 2, channels, seed=1)],
        {
            "wxb": lambda wxb: functools.partial(wxb.ops.max_pool, kernel_size=2),
            "torch": in_torch,
            "jax": in_jax,
            "numpy": lambda numpy: _max_pool,
        },
        backward=True,
        bytes=2.5 * FLOAT * pixels,
    )


CUT, SHIFT = 12, 4


def _choices(batch: int, side: int) -> list[Array]:
    rng = numpy.random.default_rng(1)
    flip = numpy.stack([numpy.zeros(batch, bool), rng.random(batch) < 0.5], 1)
    return [rng.integers(-SHIFT, SHIFT + 1, (batch, 2)), flip, rng.integers(-CUT // 2, side - CUT // 2, (batch, 2))]


def augment(batch: int, side: int, channels: int = 3) -> Workload:
    """Flip and shift (mirrored edges) in one pass, then cutout, of uint8 images; the choices are given.

    The kernels alone: the result goes to a given array (the others make one).
    """

    def in_wxb(wxb: Any) -> Any:
        y = wxb.tensor(numpy.zeros((batch, side, side, channels), numpy.uint8))
        kernels, fill = y.device.kernels, numpy.zeros(channels, numpy.uint8)

        def call(x: Any, offset: Any, flip: Any, corner: Any) -> Any:
            kernels.augment_move(x.data, offset.data, flip.data, y.data, kernels.Padding.reflect)
            kernels.augment_cutout(y.data, corner.data, fill, y.data, CUT, CUT)
            return y

        return call

    def by_index(xp: Any) -> Any:
        def call(x: Array, offset: Array, flip: Array, corner: Array) -> Array:
            place = xp.arange(side)[None]
            rows = offset[:, :1] + place
            columns = offset[:, 1:] + xp.where(flip[:, 1:], side - 1 - place, place)
            rows, columns = ((side - 1) - xp.abs((side - 1) - xp.abs(s)) for s in (rows, columns))
            y = x[xp.arange(batch)[:, None, None], rows[:, :, None], columns[:, None, :]]
            cut = [(place >= corner[:, k : k + 1]) & (place < corner[:, k : k + 1] + CUT) for k in (0, 1)]
            return xp.where((cut[0][:, :, None] & cut[1][:, None, :])[..., None], 0, y)

        return call

    return same(
        f"augment flip shift cutout uint8 {batch}x{side}x{side}x{channels}",
        lambda: [
            numpy.random.default_rng(0).integers(0, 256, (batch, side, side, channels), numpy.uint8),
            *_choices(batch, side),
        ],
        {
            "wxb": in_wxb,
            "torch": by_index,
            "jax": lambda jax: by_index(jax.numpy),
            "numpy": by_index,
        },
        tolerance=0.0,
        bytes=2.0 * batch * side * side * channels,
    )
