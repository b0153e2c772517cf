"""Normalisation, and the chain of ops that a block of a network puts before it."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy

from . import peers
from .kernels import FLOAT, Array, gaussian_cdf, normal, same
from .timing import Call, Contestants, Error, Workload, close_to

__all__ = ["chain", "layer_norm", "rms_norm"]

EPS = 1e-5


def _layer_norm(x: Array, w: Array, b: Array, dy: Array | None = None) -> Any:
    centred = x - x.mean(-1, keepdims=True)
    rstd = 1 / numpy.sqrt((centred * centred).mean(-1, keepdims=True) + x.dtype.type(EPS))
    z = centred * rstd
    if dy is None:
        return z * w + b
    g = dy * w
    dx = rstd * (g - g.mean(-1, keepdims=True) - z * (g * z).mean(-1, keepdims=True))
    return [z * w + b, dx, (dy * z).sum(0), dy.sum(0)]


def layer_norm(rows: int, columns: int, backward: bool = False) -> Workload:
    """Layer normalisation over the last axis with weight and bias; with ``backward`` also their gradients and dx."""

    def in_jax(jax: Any) -> Any:
        def norm(x: Any, w: Any, b: Any) -> Any:
            return jax.nn.standardize(x, -1, epsilon=EPS) * w + b

        return norm

    def arrays() -> list[Array]:
        given = [normal(rows, columns), normal(columns, seed=1), normal(columns, seed=2)]
        return [*given, normal(rows, columns, seed=3)] if backward else given

    return same(
        f"layer_norm {'forward+backward' if backward else 'forward'} {rows}x{columns}",
        arrays,
        {
            "wxb": lambda wxb: functools.partial(wxb.ops.layer_norm, eps=EPS),
            "torch": lambda torch: lambda x, w, b: torch.nn.functional.layer_norm(x, (columns,), w, b, EPS),
            "jax": in_jax,
            "numpy": lambda numpy: _layer_norm,
        },
        backward=backward,
        bytes=FLOAT * rows * columns * (5 if backward else 2),  # x, y; x again, dy, dx
    )


def _rms_norm(x: Array, w: Array, dy: Array) -> list[Array]:
    rstd = 1 / numpy.sqrt((x * x).mean(-1, keepdims=True) + x.dtype.type(EPS))
    z, g = x * rstd, dy * w
    return [z * w, rstd * (g - z * (g * z).mean(-1, keepdims=True)), (dy * z).sum(0)]


def rms_norm(rows: int, columns: int) -> Workload:
    """Root mean square normalisation over the last axis with a weight, and its gradients."""
    return same(
        f"rms_norm forward+backward {rows}x{columns}",
        lambda: [normal(rows, columns), normal(columns, seed=1), normal(rows, columns, seed=2)],
        {
            "wxb": lambda wxb: functools.partial(wxb.ops.rms_norm, eps=EPS),
            "torch": lambda torch: lambda x, w: torch.nn.functional.rms_norm(x, (columns,), w, EPS),
            "jax": lambda jax: lambda x, w: x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + EPS) * w,
            "numpy": lambda numpy: _rms_norm,
        },
        backward=True,
        bytes=5 * FLOAT * rows * columns,
    )


# ---- bias, gelu, dropout, residual, layer_norm ----

P = 0.1


def _chain_error(x: Array, b: Array, r: Array, w: Array, c: Array, dy: Array) -> Error:
    """Return the error of [y, dx, db, dr, dw, dc]: what was dropped is where dx is 0, the rest follows from it."""
    x, b, r, w, c, dy = (a.astype(numpy.float64) for a in (x, b, r, w, c, dy))
    z = x + b
    cdf = gaussian_cdf(z)
    slope = cdf + z * numpy.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)

    def error(result: Any) -> float:
        kept = numpy.asarray(result[1]) != 0
        if abs(kept.mean() - (1 - P)) > 5 * math.sqrt(P * (1 - P) / kept.size):
            return math.inf
        y, dr, dw, dc = _layer_norm(r + z * cdf * kept / (1 - P), w, c, dy)
        dx = dr * slope * kept / (1 - P)
        return close_to(y, dx, dx.sum(0), dr, dw, dc)(result)

    return error


def chain(rows: int, columns: int) -> Workload:
    """layer_norm(r + dropout(gelu(x + b))), and the gradients of x, b, r and the norm's weight and bias."""

    def in_wxb(wxb: Any) -> Any:
        before = functools.partial(wxb.ops.bias_activation_dropout, activation="gelu", p=P)
        return lambda x, b, r, w, c: wxb.ops.layer_norm(before(x, b, residual=r), w, c, EPS)

    def in_torch(torch: Any) -> Any:
        f = torch.nn.functional
        return lambda x, b, r, w, c: f.layer_norm(r + f.dropout(f.gelu(x + b), P), (columns,), w, c, EPS)

    def in_jax(given: list[Array]) -> Call:
        jax = peers.module("jax")

        def forward(key: Any, x: Any, b: Any, r: Any, w: Any, c: Any) -> Any:
            z = jax.nn.gelu(x + b, approximate=False)
            z = r + jax.numpy.where(jax.random.bernoulli(key, 1 - P, z.shape), z / (1 - P), 0.0)
            return jax.nn.standardize(z, -1, epsilon=EPS) * w + c

        @jax.jit  # type: ignore[untyped-decorator,unused-ignore]
        def both(key: Any, *given: Any) -> Any:
            after, now = jax.random.split(key)
            y, pull = jax.vjp(functools.partial(forward, now), *given[:-1])
            return after, [y, *pull(given[-1])]

        key, arrays = jax.random.key(0), [jax.numpy.asarray(a) for a in given]

        def call() -> Any:
            nonlocal key
            key, result = jax.block_until_ready(both(key, *arrays))
            return result

        return call

    def prepare() -> tuple[Contestants, Error]:
        shapes = [(rows, columns), (columns,), (rows, columns), (columns,), (columns,), (rows, columns)]
        given = [normal(*shape, seed=i) for i, shape in enumerate(shapes)]
        contestants = peers.calls(given, {"wxb": in_wxb, "torch": in_torch}, backward=True)
        return {**contestants, "jax": lambda: in_jax(given)}, _chain_error(*given)

    # x, r, y of both; x, the norm's input and dy twice, dx and dr once
    return Workload(
        f"bias gelu dropout residual layer_norm forward+backward {rows}x{columns}",
        prepare,
        1e-4,
        bytes=FLOAT * rows * columns * 10,
    )
