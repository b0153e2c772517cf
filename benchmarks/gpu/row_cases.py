"""Cases for checks.py of the rooms that reduce, look up and pool.

Their shapes lie around what their kernels change at: rows of a warp, of a block and longer ones; axes cut into
segments; indices of several sorted tiles, most of them one number; tiles of a transposition.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy
from case import FLOATS, Array, Case

ROWS = ((5, 10), (9, 33), (3, 1024), (2, 1023), (2, 1028), (2, 2049), (1, 8192), (1, 8200), (600, 3))
AXES = ((1, 20001, 1), (3, 9000, 1), (700, 7, 1), (1, 5000, 6), (2, 300, 33), (2, 3, 500))
REDUCTIONS = ("sum", "mean", "max", "min", "norm", "var", "argmax", "argmin")


def normal(rng: numpy.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    return numpy.asarray(rng.standard_normal(shape), dtype)


def softmax_cases(rng: numpy.random.Generator) -> Iterator[Case]:
    for name, dtype, shape in ((n, d, s) for n in ("softmax", "log_softmax") for d in FLOATS for s in ROWS):
        x, dy = normal(rng, shape, dtype), normal(rng, shape, dtype)

        def both(k: Any, x: Array, dy: Array, y: Array, dx: Array, name: str = name) -> None:
            getattr(k, f"{name}_forward")(x, y)
            getattr(k, f"{name}_backward")(y, dy, dx)

        yield Case(name, dtype, [x, dy], [(shape, dtype)] * 2, both)


def cross_entropy_cases(rng: numpy.random.Generator) -> Iterator[Case]:
    for dtype, shape in ((d, s) for d in FLOATS for s in ROWS + ((8200, 2),) * (d == "float32")):
        rows, classes = shape
        x, labels = normal(rng, shape, dtype), rng.integers(0, classes, rows)
        labels[::7] = -100
        weight, dy = numpy.exp(normal(rng, (classes,), dtype)), normal(rng, (), dtype)
        q = numpy.asarray(rng.random(shape), dtype)
        out = [((), dtype), ((2 * rows + 1,), dtype), (shape, dtype)]

        def both(k: Any, x: Array, t: Array, w: Array, dy: Array, loss: Array, saved: Array, dx: Array) -> None:
            k.cross_entropy_forward(x, t, w, loss, saved, 0.1, -100)
            k.cross_entropy_backward(x, t, w, saved, dy, dx, 0.1, -100)

        yield Case("cross_entropy", dtype, [x, labels, weight, dy], out, both)
        yield Case("cross_entropy of probabilities", dtype, [x, q / q.sum(-1, keepdims=True), weight, dy], out, both)


def norm_cases(rng: numpy.random.Generator) -> Iterator[Case]:
    for dtype, shape in ((d, s) for d in FLOATS for s in (*ROWS[:-1], (1100, 5), (70, 260))):
        rows, n = shape
        row = normal(rng, (n,), dtype), normal(rng, (n,), dtype)
        inputs = [3 + normal(rng, shape, dtype), *row, normal(rng, shape, dtype)]
        out = [(shape, dtype), ((rows,), dtype), ((rows,), dtype), (shape, dtype), ((n,), dtype), ((n,), dtype)]

        def both(k: Any, x: Array, w: Array, b: Array, dy: Array, *to: Array) -> None:
            y, centre, rstd, dx, dw, db = to
            k.layer_norm_forward(x, w, b, y, centre, rstd, 1e-5)
            k.layer_norm_backward(x, w, centre, rstd, dy, dx, dw, db)

        yield Case("layer_norm", dtype, inputs, out, both)


def channel_norm_cases(rng: numpy.random.Generator) -> Iterator[Case]:
    shapes = ((1, 2100, 3), (1, 300, 64), (1, 40, 33), (1, 5, 1), (3, 50, 24), (2, 2100, 4), (1, 3, 4100))
    for dtype, shape in ((d, s) for d in FLOATS for s in shapes):
        parts, _, n = shape
        inputs = [3 + normal(rng, shape, dtype), *normal(rng, (2, n), dtype), normal(rng, shape, dtype)]
        out = [(shape, dtype), ((5, parts, n), dtype), (shape, dtype), ((n,), dtype), ((n,), dtype)]
        for act in ("none", "relu", "tanh") if parts == 1 else ():

            def batch(k: Any, x: Array, w: Array, b: Array, dy: Array, *to: Array, act: str = act) -> None:
                y, saved, dx, dw, db = to
                code = getattr(k.Unary, act)
                k.batch_norm_forward(x, w, b, None, None, None, y, saved, 0.1, 1e-5, True, code, 0.0)
                k.batch_norm_backward(x, w, saved, dy, dx, dw, db, True, code, 0.0)

            yield Case(f"batch_norm, {act}", dtype, inputs, out, batch)

        def group(k: Any, x: Array, w: Array, b: Array, dy: Array, *to: Array) -> None:
            y, saved, dx, dw, db = to
            groups = 2 if x.shape[-1] % 2 == 0 else 1
            k.group_norm_forward(x, w, b, y, saved, groups, 1e-5)
            k.group_norm_backward(x, w, saved, dy, dx, dw, db, groups)

        yield Case("group_norm", dtype, inputs, out, group)


def reduce_cases(rng: numpy.random.Generator) -> Iterator[Case]:
    for name, dtype, sizes in ((n, d, s) for n in REDUCTIONS for d in FLOATS for s in AXES):
        outer, _, inner = sizes
        x, place = normal(rng, sizes, dtype), name.startswith("arg")

        def forward(k: Any, x: Array, y: Array, name: str = name) -> None:
            run = k.argreduce if name.startswith("arg") else k.reduce_forward
            run(getattr(k.Reduction, name), x, y, *x.shape)

        yield Case(name, dtype, [x], [((outer * inner,), "int64" if place else dtype)], forward)
        if name in ("norm", "max"):

            def backward(k: Any, x: Array, dy: Array, y: Array, ties: Array, dx: Array, name: str = name) -> None:
                op = getattr(k.Reduction, name)
                k.reduce_forward(op, x, y, *x.shape)
                k.reduce_forward(k.Reduction.ties, x, ties, *x.shape, 0.0, y)
                k.reduce_backward(op, x, y, ties, dy, dx, *x.shape)

            dy, row = normal(rng, (outer * inner,), dtype), ((outer * inner,), dtype)
            yield Case(f"{name} backward", dtype, [x, dy], [row, row, (sizes, dtype)], backward)


def loss_cases(rng: numpy.random.Generator) -> Iterator[Case]:
    for dtype, n in ((d, n) for d in FLOATS for n in (0, 7, 1000, 20001)):
        p, t, dy = normal(rng, (n,), dtype), normal(rng, (n,), dtype), normal(rng, (), dtype)
        for name in ("mse", "mae", "huber"):

            def both(
                k: Any, p: Array, t: Array, dy: Array, loss: Array, dp: Array, dt: Array, name: str = name
            ) -> None:
                k.loss_forward(getattr(k.Loss, name), p, t, loss, 0.7)
                k.loss_backward(getattr(k.Loss, name), p, t, dy, dp, dt, 0.7)

            yield Case(name, dtype, [p, t, dy], [((), dtype), ((n,), dtype), ((n,), dtype)], both)

        def bce(k: Any, x: Array, t: Array, dy: Array, loss: Array, dx: Array) -> None:
            k.bce_with_logits_forward(x, t, None, None, loss)
            k.bce_with_logits_backward(x, t, None, None, dy, dx)

        yield Case("bce_with_logits", dtype, [p, abs(t) % 1, dy], [((), dtype), ((n,), dtype)], bce)
        labels = rng.integers(0, 5, n)

        def nll(k: Any, x: Array, t: Array, dy: Array, loss: Array, total: Array, dx: Array) -> None:
            k.nll_forward(x, t, None, loss, total, 3)
            k.nll_backward(t, None, total, dy, dx, 3)

        out = [((), dtype), ((), dtype), ((n, 5), dtype)]
        yield Case("nll", dtype, [normal(rng, (n, 5), dtype), labels, dy], out, nll)


def move_cases(rng: numpy.random.Generator) -> Iterator[Case]:
    for dtype, shape in ((d, s) for d in ("float32", "float64", "uint8") for s in ((33, 65), (70, 31, 5), (2, 64, 96))):
        x = numpy.asarray(rng.integers(0, 99, shape), dtype)
        yield Case(
            "transpose",
            dtype,
            [x],
            [(shape[::-1], dtype)],
            lambda k, x, y: k.transpose_forward(x, y, list(range(x.ndim))[::-1]),
        )
        half = ((shape[0] + 1) // 2, *shape[1:])
        none = [0] * (x.ndim - 1)
        steps = [2] + [1] * (x.ndim - 1)
        yield Case(
            "slice", dtype, [x], [(half, dtype)], lambda k, x, y, s=steps, o=none: k.slice_forward(x, y, [0, *o], s)
        )
        yield Case(
            "slice backward",
            dtype,
            [x[::2].copy()],
            [(shape, dtype)],
            lambda k, x, y, s=steps, o=none: k.slice_backward(x, y, [0, *o], s),
        )
        wide = (*shape[:-1], 2 * shape[-1])
        yield Case("concat", dtype, [x, x], [(wide, dtype)], lambda k, a, b, y: k.concat([a, b], y, -1))
    for dtype, mode in ((d, m) for d in FLOATS for m in ("constant", "reflect", "edge")):
        x, dy = normal(rng, (5, 7, 8), dtype), normal(rng, (10, 11, 8), dtype)

        def pad(k: Any, x: Array, dy: Array, y: Array, dx: Array, mode: str = mode) -> None:
            k.pad_forward(x, y, [2, 1, 0], getattr(k.Padding, mode), 0.5)
            k.pad_backward(dy, dx, [2, 1, 0], getattr(k.Padding, mode))

        yield Case(f"pad, {mode}", dtype, [x, dy], [(dy.shape, dtype), (x.shape, dtype)], pad)


def lookup_cases(rng: numpy.random.Generator) -> Iterator[Case]:
    for dtype, count, width in ((d, *s) for d in FLOATS for s in ((5, 3), (512, 8), (513, 5), (2500, 4), (3000, 1))):
        often = numpy.where(rng.random(count) < 0.4, 17, rng.integers(0, 300, count))
        x, dy = normal(rng, (300, width), dtype), normal(rng, (count, width), dtype)

        def table(k: Any, x: Array, index: Array, dy: Array, y: Array, dx: Array) -> None:
            k.take(x, index, y, 0)
            k.embedding_backward(index, dy, dx, None, False, 3)

        yield Case("embedding", dtype, [x, often, dy], [(dy.shape, dtype), (x.shape, dtype)], table)
        turned = dy.T.copy()

        def take(k: Any, index: Array, dy: Array, dx: Array) -> None:
            k.take_backward(index, dy, dx, 1)

        yield Case("take backward", dtype, [often, turned], [((width, 300), dtype)], take)

        def scatter(k: Any, index: Array, src: Array, y: Array) -> None:
            k.fill(y, 1.0)
            k.scatter_add(index, src, y, 0)

        yield Case("scatter_add", dtype, [often, dy[:, 0].copy()], [((300,), dtype)], scatter)


def image_cases(rng: numpy.random.Generator) -> Iterator[Case]:
    for dtype, channels in ((d, c) for d in FLOATS for c in (3, 8)):
        x, dy = normal(rng, (2, 9, 11, channels), dtype), normal(rng, (2, 5, 6, channels), dtype)
        window = (3, 3), (2, 2), (1, 1)
        index = ((dy.shape, "uint8"),)

        def largest(k: Any, x: Array, dy: Array, y: Array, i: Array, dx: Array, window: Any = window) -> None:
            k.max_pool_forward(x, y, i, *window)
            k.max_pool_backward(dy, i, dx, *window)

        def average(k: Any, x: Array, dy: Array, y: Array, dx: Array, window: Any = window) -> None:
            k.avg_pool_forward(x, y, *window)
            k.avg_pool_backward(dy, dx, *window)

        def adaptive(k: Any, x: Array, dy: Array, y: Array, dx: Array) -> None:
            k.adaptive_avg_pool_forward(x, y)
            k.adaptive_avg_pool_backward(dy, dx)

        ends = (dy.shape, dtype), (x.shape, dtype)
        yield Case("max_pool", dtype, [x, dy], [ends[0], *index, ends[1]], largest)
        yield Case("avg_pool", dtype, [x, dy], [*ends], average)
        yield Case("adaptive_avg_pool", dtype, [x, dy], [*ends], adaptive)
        for mode in ("nearest", "bilinear"):

            def resample(k: Any, x: Array, dy: Array, y: Array, dx: Array, mode: str = mode) -> None:
                k.upsample_forward(getattr(k.Resampling, mode), x, y)
                k.upsample_backward(getattr(k.Resampling, mode), dy, dx)

            yield Case(f"upsample, {mode}", dtype, [x, dy], [*ends], resample)


CASES = (
    softmax_cases, cross_entropy_cases, norm_cases, channel_norm_cases, reduce_cases, loss_cases, move_cases,
    lookup_cases, image_cases,
)  # fmt: skip
