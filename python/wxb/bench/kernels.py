"""One kernel family a function: the same arithmetic in each library."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy

from . import peers
from .timing import Call, Contestants, Error, Workload, close_to

__all__ = [
    "cross_entropy",
    "dropout",
    "elementwise",
    "embedding",
    "gemm",
    "linear",
    "reduction",
    "softmax",
    "transpose",
]

Array = Any
FLOAT = 4  # bytes


def normal(*shape: int, seed: int = 0) -> Array:
    """Return float32 samples of N(0, 1)."""
    return numpy.random.default_rng(seed).standard_normal(shape, dtype=numpy.float32)


def labels(classes: int, count: int) -> Array:
    """Return int64 samples of 0 to classes - 1."""
    return numpy.random.default_rng(1).integers(0, classes, count)


def same(
    name: str,
    arrays: Callable[[], Sequence[Array]],
    makes: Mapping[str, peers.Make],
    *,
    backward: bool = False,
    exact: Callable[..., Any] | None = None,
    step: int = 1,
    tolerance: float = 2e-5,
    flops: float = 0.0,
    bytes: float = 0.0,
) -> Workload:
    """Return the workload of one function in each library (see ``peers.calls``).

    A result is right if it is close to that of ``exact``, by default numpy's function, in float64; with ``step`` on
    every step-th row of the arrays.
    """

    def prepare() -> tuple[Contestants, Error]:
        given = arrays()
        sample = [_sample(x, step) for x in given]
        expected = (exact or makes["numpy"](numpy))(*sample)
        error = close_to(*(expected if isinstance(expected, list) else [expected]), step=step)
        return peers.calls(given, makes, backward), error

    return Workload(name, prepare, tolerance, flops, bytes)


def _sample(x: Array, step: int) -> Array:
    some = x[::step] if x.ndim else x
    return some.astype(numpy.float64) if x.dtype == numpy.float32 else some


# ---- products ----


def gemm(m: int, n: int, k: int, transposes: str = "nn") -> Workload:
    """Product of (m, k) and (k, n); ``transposes``: n for an operand stored so, t for one stored transposed.

    The kernel alone: the result goes to a given array (jax makes one), nothing is recorded for gradients.
    """
    ta, tb = (t == "t" for t in transposes)

    def given(module: Any) -> Callable[[Array, Array], Array]:
        y = module.zeros((m, n), dtype=module.float32)
        return lambda a, b: module.matmul(a.T if ta else a, b.T if tb else b, out=y)

    def in_wxb(wxb: Any) -> Callable[[Any, Any], Any]:
        y = wxb.tensor(numpy.zeros((m, n), numpy.float32))
        to, matmul = y.data, y.device.kernels.matmul

        def call(a: Any, b: Any) -> Any:
            matmul(a.data, b.data, to, ta, tb)
            return y

        return call

    return same(
        f"gemm {transposes} {m}x{n}x{k}",
        lambda: [normal(k, m) if ta else normal(m, k), normal(n, k, seed=1) if tb else normal(k, n, seed=1)],
        {
            "wxb": in_wxb,
            "torch": given,
            "jax": lambda jax: lambda a, b: jax.numpy.matmul(a.T if ta else a, b.T if tb else b),
            "numpy": given,
        },
        exact=lambda a, b: (a.T if ta else a) @ (b.T if tb else b),
        flops=2.0 * m * n * k,
        bytes=FLOAT * (m * k + k * n + m * n),
    )


def linear(batch: int, width: int) -> Workload:
    """Affine map x Wᵀ + b, and dx, dW, db from a given dy."""
    return same(
        f"linear forward+backward {batch}x{width}",
        lambda: [
            normal(batch, width),
            normal(width, width, seed=1),
            normal(width, seed=2),
            normal(batch, width, seed=3),
        ],
        {
            "wxb": lambda wxb: wxb.ops.linear,
            "torch": lambda torch: torch.nn.functional.linear,
            "jax": lambda jax: lambda x, w, b: x @ w.T + b,
            "numpy": lambda numpy: lambda x, w, b, dy: [x @ w.T + b, dy @ w, dy.T @ x, dy.sum(0)],
        },
        backward=True,
        flops=6.0 * batch * width * width,
        bytes=FLOAT * (3 * width * width + 5 * batch * width),  # W twice, dW; x twice, y, dy, dx
    )


# ---- elementwise ----

_exact_erf = numpy.vectorize(math.erf, otypes=[numpy.float64])


def _erf(x: Array) -> Array:
    """Abramowitz and Stegun 7.1.26: numpy has no error function; this one is off by 1.5e-7 at most."""
    t = 1 / (1 + 0.3275911 * numpy.abs(x))
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    return numpy.copysign(1 - series * numpy.exp(-x * x), x)


def gaussian_cdf(x: Array) -> Array:
    """Return the integral of the standard normal distribution."""
    return 0.5 + 0.5 * _erf(x * math.sqrt(0.5))


# Where the libraries do not all call it ``name``: the function in wxb, torch, jax, numpy.
FUNCTIONS: dict[str, dict[str, peers.Make]] = {
    "gelu": {
        "wxb": lambda wxb: wxb.ops.gelu,
        "torch": lambda torch: torch.nn.functional.gelu,
        "jax": lambda jax: functools.partial(jax.nn.gelu, approximate=False),
        "numpy": lambda numpy: lambda x: x * gaussian_cdf(x),
    },
    "sigmoid": {
        "wxb": lambda wxb: wxb.ops.sigmoid,
        "torch": lambda torch: torch.sigmoid,
        "jax": lambda jax: jax.nn.sigmoid,
        "numpy": lambda numpy: lambda x: 1 / (1 + numpy.exp(-x)),
    },
    "relu": {
        "wxb": lambda wxb: wxb.ops.relu,
        "torch": lambda torch: torch.relu,
        "jax": lambda jax: jax.nn.relu,
        "numpy": lambda numpy: lambda x: numpy.maximum(x, 0),
    },
}


def _called(name: str) -> dict[str, peers.Make]:
    return {
        "wxb": lambda wxb: getattr(wxb.ops, name),
        "torch": lambda torch: getattr(torch, name),
        "jax": lambda jax: getattr(jax.numpy, name),
        "numpy": lambda numpy: getattr(numpy, name),
    }


def elementwise(name: str, size: int, where: str = "in cache") -> Workload:
    """``name`` of ``size`` elements; add and multiply take two operands."""
    operands = 2 if name in ("add", "multiply") else 1
    return same(
        f"{name} {where} {size}",
        lambda: [normal(size, seed=i) for i in range(operands)],
        FUNCTIONS.get(name) or _called(name),
        exact=(lambda x: x * (0.5 + 0.5 * _exact_erf(x * math.sqrt(0.5)))) if name == "gelu" else None,
        step=max(1, size // 4096),
        bytes=FLOAT * size * (operands + 1),
    )


# ---- rows ----


def _softmax(x: Array) -> Array:
    e = numpy.exp(x - x.max(-1, keepdims=True))
    e /= e.sum(-1, keepdims=True)
    return e


def softmax(rows: int, columns: int) -> Workload:
    """Softmax over the last axis."""
    return same(
        f"softmax {rows}x{columns}",
        lambda: [normal(rows, columns)],
        {
            "wxb": lambda wxb: wxb.ops.softmax,
            "torch": lambda torch: functools.partial(torch.softmax, dim=-1),
            "jax": lambda jax: jax.nn.softmax,
            "numpy": lambda numpy: _softmax,
        },
        step=max(1, rows // 64),
        bytes=2 * FLOAT * rows * columns,
    )


def _cross_entropy(x: Array, of: Array, dy: Array) -> list[Array]:
    p, at = _softmax(x), (numpy.arange(len(x)), of)
    loss = -numpy.log(p[at]).mean()
    p[at] -= 1
    p *= dy / len(x)
    return [loss, p]


def cross_entropy(rows: int, columns: int) -> Workload:
    """Mean cross-entropy of logits, and its gradient."""
    return same(
        f"cross_entropy forward+backward {rows}x{columns}",
        lambda: [normal(rows, columns), labels(columns, rows), numpy.array(1, numpy.float32)],
        {
            "wxb": lambda wxb: wxb.ops.cross_entropy,
            "torch": lambda torch: torch.nn.functional.cross_entropy,
            "jax": lambda jax: lambda x, of: -jax.nn.log_softmax(x)[jax.numpy.arange(rows), of].mean(),
            "numpy": lambda numpy: _cross_entropy,
        },
        backward=True,
        bytes=2 * FLOAT * rows * columns,
    )


def reduction(name: str, rows: int, columns: int, axis: int | None) -> Workload:
    """``name`` (sum, mean, max, var, argmax) over an axis of a matrix, or over all of it."""

    def along(function: Any) -> Any:
        return functools.partial(function, axis=axis)  # torch understands axis for dim

    return same(
        f"{name} {'all' if axis is None else f'axis {axis}'} {rows}x{columns}",
        lambda: [normal(rows, columns)],
        {
            "wxb": lambda wxb: along(getattr(wxb.ops, name)),
            "torch": lambda torch: along(
                {"max": torch.amax, "var": functools.partial(torch.var, correction=0)}.get(name) or getattr(torch, name)
            ),
            "jax": lambda jax: along(getattr(jax.numpy, name)),
            "numpy": lambda numpy: along(getattr(numpy, name)),
        },
        tolerance=1e-4,  # sums of numbers around 0 cancel: their error is that of the terms
        bytes=FLOAT * rows * columns,
    )


# ---- memory ----


def transpose(rows: int, columns: int) -> Workload:
    """Matrix transpose, laid out anew."""
    return same(
        f"transpose {rows}x{columns}",
        lambda: [normal(rows, columns)],
        {
            "wxb": lambda wxb: wxb.ops.transpose,
            "torch": lambda torch: lambda x: x.t().contiguous(),
            "jax": lambda jax: lambda x: x.T,
            "numpy": lambda numpy: lambda x: numpy.ascontiguousarray(x.T),
        },
        tolerance=0.0,
        bytes=2 * FLOAT * rows * columns,
    )


def _embedding(table: Array, index: Array, dy: Array) -> list[Array]:
    gradient = numpy.zeros_like(table)
    numpy.add.at(gradient, index, dy)
    return [table[index], gradient]


def embedding(rows: int, columns: int, count: int) -> Workload:
    """``count`` rows of a table, and the gradient of the table."""
    return same(
        f"embedding forward+backward {rows}x{columns} {count}",
        lambda: [normal(rows, columns), labels(rows, count), normal(count, columns, seed=2)],
        {
            "wxb": lambda wxb: lambda table, index: wxb.ops.embedding(index, table),
            "torch": lambda torch: lambda table, index: torch.nn.functional.embedding(index, table),
            "jax": lambda jax: lambda table, index: table[index],
            "numpy": lambda numpy: _embedding,
        },
        backward=True,
        bytes=FLOAT * columns * (4 * count + rows),  # looked up and written, dy and sums, zeros
    )


# ---- random numbers ----


def dropout(size: int, where: str = "large", p: float = 0.5) -> Workload:
    """Dropout of ones: each becomes 0 or 1 / (1 - p)."""

    def in_numpy(numpy: Any) -> Any:
        draw, scale = numpy.random.default_rng(0), numpy.float32(1 / (1 - p))
        return lambda x: x * (draw.random(x.shape, dtype=numpy.float32) >= p) * scale

    def in_jax() -> Call:
        jax = peers.module("jax")
        key, x = jax.random.key(0), jax.numpy.ones(size)

        @jax.jit  # type: ignore[untyped-decorator,unused-ignore]
        def drop(key: Any, x: Any) -> Any:
            after, now = jax.random.split(key)
            return after, jax.numpy.where(jax.random.bernoulli(now, 1 - p, x.shape), x / (1 - p), 0.0)

        def call() -> Any:
            nonlocal key
            key, y = jax.block_until_ready(drop(key, x))
            return y

        return call

    def error(result: Any) -> float:
        """Return the standard deviations that the mean is off, infinity for a wrong element."""
        y = numpy.asarray(result)
        if y.shape != (size,) or numpy.any((y != 0) & (numpy.abs(y - 1 / (1 - p)) > 1e-6)):
            return math.inf
        return float(abs(y.mean(dtype=numpy.float64) - 1) / math.sqrt(p / (1 - p) / size))

    def prepare() -> tuple[Contestants, Error]:
        contestants = peers.calls(
            [numpy.ones(size, numpy.float32)],
            {
                "wxb": lambda wxb: functools.partial(wxb.ops.dropout, p=p),
                "torch": lambda torch: functools.partial(torch.nn.functional.dropout, p=p),
                "numpy": in_numpy,
            },
        )
        return {**contestants, "jax": in_jax}, error

    return Workload(f"dropout {where} {size}", prepare, tolerance=5.0, bytes=2 * FLOAT * size)
