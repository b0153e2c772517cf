"""Cases and workloads of attention, recurrent layers, capsules, trees, detection and augmentation.

A backward case runs forward first; what forward leaves for it is passed as inputs that are written.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy
from case import FLOATS, Case, Launch, gradient
from workload import Workload, less
from wxb.device import Device

Array = Any
Random = numpy.random.Generator
GATES = {"tanh": 1, "relu": 1, "lstm": 4, "gru": 3}
STATES = {"lstm": 2}


def zeros(dtype: str, *shapes: tuple[int, ...]) -> list[Array]:
    return [numpy.zeros(shape, dtype) for shape in shapes]


def of(dtype: str, *shapes: tuple[int, ...]) -> list[tuple[tuple[int, ...], str]]:
    return [(shape, dtype) for shape in shapes]


# ---- cases ----


def attention_cases(rng: Random) -> Iterator[Case]:
    """batch, heads, queries, keys, size around tiles of 64 and 32, and heads wider than a tile."""
    for shape in ((1, 1, 1, 1, 1), (2, 3, 63, 65, 33), (1, 2, 64, 64, 64), (1, 1, 70, 130, 100)):
        b, h, q, k, d = shape
        for dtype, causal in ((t, c) for t in FLOATS for c in (False, True)):
            rows, keys, lse = (b, h, q, d), (b, h, k, d), (b * h, q)
            x, y, z = gradient(rng, rows, dtype), gradient(rng, keys, dtype), gradient(rng, keys, dtype)
            more = (causal, d**-0.5, 0.0)

            def forward(m: Any, q: Array, k: Array, v: Array, y: Array, lse: Array, h=h, more=more) -> None:
                m.attention_forward(q, 0, k, 0, v, 0, h, None, None, None, None, y, lse, *more)

            def backward(m: Any, q, k, v, dy, y, lse, dq, dk, dv, h=h, more=more) -> None:  # type: ignore[no-untyped-def]
                m.attention_forward(q, 0, k, 0, v, 0, h, None, None, None, None, y, lse, *more)
                m.attention_backward(q, 0, k, 0, v, 0, h, None, None, None, None, y, lse, dy, dq, dk, dv, *more)

            yield Case("attention_forward", dtype, [x, y, z], of(dtype, rows, lse), forward)
            inputs = [x, y, z, gradient(rng, rows, dtype), *zeros(dtype, rows, lse)]
            yield Case("attention_backward", dtype, inputs, of(dtype, rows, keys, keys), backward)


def recurrent_cases(rng: Random) -> Iterator[Case]:
    """steps, batch, units: whole sequences in a block, one step, and weights beyond shared memory."""
    shapes = ((1, 3, 5), (6, 1, 1), (7, 5, 17), (5, 9, 33), (2, 17, 150), (4, 3, 150))
    for t, n, h in shapes:
        for dtype, cell, reverse in ((d, c, r) for d in FLOATS for c in GATES for r in (False, True)):
            out, lstm = GATES[cell] * h, cell == "lstm"
            sequence, state = (t, n, h), (n, h)
            x, weight, bias = (gradient(rng, s, dtype) for s in ((t, n, out), (out, h), (out,)))
            weight = weight * numpy.asarray(h**-0.5, dtype)
            kept = zeros(dtype, sequence, state, state, (t, n, out), sequence, sequence, sequence)

            def run(m, x, w, b, dy, y, h_n, c_n, gates, before, cells, reset, *to, c=cell, r=reverse) -> None:  # type: ignore[no-untyped-def]
                lstm, gru = c == "lstm", c == "gru"
                kind, cells, reset = getattr(m.Cell, c), cells if lstm else None, reset if gru else None
                c_n = c_n if lstm else None
                m.recurrent_forward(kind, x, w, b, None, None, None, y, h_n, c_n, gates, before, cells, reset, r)
                dx, dh0, *dc0 = to[2:]
                to[0][...], to[1][...] = y, h_n
                m.recurrent_backward(
                    kind, w, before, cells, c_n, reset, dy, None, None, None, gates, dx, dh0, *(dc0 or [None]), r
                )

            outputs = of(dtype, sequence, state, (t, n, out), state, *([state] if lstm else []))
            yield Case(
                f"recurrent {cell}", dtype, [x, weight, bias, gradient(rng, sequence, dtype), *kept], outputs, run
            )


def capsule_cases(rng: Random) -> Iterator[Case]:
    for n, inputs, size, outputs, poses in ((1, 1, 1, 1, 1), (3, 5, 7, 4, 3), (37, 33, 8, 10, 16), (5, 70, 9, 3, 2)):
        for dtype, iterations, detach in ((d, i, p) for d in FLOATS for i in (1, 3) for p in (False, True)):
            x, weight = gradient(rng, (n, inputs, size), dtype), gradient(rng, (outputs, poses, size, inputs), dtype)
            y, sums = (n, outputs, poses), (n, iterations, outputs, poses)

            def run(m, x, w, dy, s, y, dx, dw, i=iterations, p=detach) -> None:  # type: ignore[no-untyped-def]
                m.routing_forward(x, w, y, s, i)
                m.routing_backward(x, w, s, dy, dx, dw, i, p)

            inputs_ = [x, 0.3 * weight, gradient(rng, y, dtype), *zeros(dtype, sums)]
            yield Case("routing", dtype, inputs_, of(dtype, y, x.shape, weight.shape), run)
    for dtype, shape in ((d, s) for d in FLOATS for s in ((1, 1), (67, 16), (5, 1100))):
        x, dy = gradient(rng, shape, dtype), gradient(rng, shape, dtype)
        yield Case("squash_forward", dtype, [x], of(dtype, shape), lambda m, x, y: m.squash_forward(x, y))
        yield Case("squash_backward", dtype, [x, dy], of(dtype, shape), lambda m, x, dy, d: m.squash_backward(x, dy, d))


def forest(rng: Random, nodes: int, arity: int) -> Array:
    """Return children of random trees: each row takes some of those before it that have no parent yet."""
    children, free = numpy.full((nodes, arity), -1), []
    for n in range(nodes):
        for k in range(arity):
            if free and rng.random() < 0.6:
                children[n, k] = free.pop(rng.integers(len(free)))
        free.append(n)
    return children


def tree_cases(rng: Random) -> Iterator[Case]:
    width = {
        "rnn": lambda h, k: h,
        "tensor": lambda h, k: h,
        "lstm": lambda h, k: (3 + k) * h,
        "child_sum": lambda h, k: 4 * h,
    }
    for (nodes, arity, h), dtype, cell in (
        (s, d, c) for s in ((1, 2, 3), (40, 2, 9), (75, 3, 10)) for d in FLOATS for c in width
    ):
        w, memory = width[cell](h, arity), cell in ("lstm", "child_sum")
        states = h if cell == "child_sum" else arity * h
        wide = states * (states + 1) if cell == "tensor" else states
        x, weight, bias, dy = (gradient(rng, s, dtype) for s in ((nodes - 1, w), (w, wide), (w,), (nodes, h)))
        weight = weight * numpy.asarray(0.5 * wide**-0.5, dtype)

        def run(m, x, wt, b, dy, children, parent, c, gates, s, y, dz, dw, db, cell=cell, memory=memory) -> None:  # type: ignore[no-untyped-def]
            kind, c, gates = getattr(m.TreeCell, cell), c if memory else None, gates if memory else None
            m.tree_forward(kind, False, x, wt, b, children, y, c, gates, s, parent)
            m.tree_backward(kind, False, wt, y, c, gates, s, children, parent, dy, dz, dw, db)

        scratch = [numpy.zeros(nodes, "int64"), *zeros(dtype, (nodes, h), (nodes, w), (nodes, wide))]
        inputs = [x, weight, bias, dy, forest(rng, nodes, arity), *scratch]
        yield Case(f"tree {cell}", dtype, inputs, of(dtype, (nodes, h), (nodes, w), (w, wide), (w,)), run)


def boxes_of(rng: Random, shape: tuple[int, ...], dtype: str) -> Array:
    corner = rng.uniform(0, 50, (*shape, 2))
    return numpy.concatenate([corner, corner + rng.uniform(1, 20, (*shape, 2))], -1).astype(dtype)


def detection_cases(rng: Random) -> Iterator[Case]:
    for dtype, n in ((d, n) for d in FLOATS for n in (0, 1, 70, 1100)):
        a, b = boxes_of(rng, (n,), dtype), boxes_of(rng, (33,), dtype)
        yield Case("box_iou", dtype, [a, b], of(dtype, (n, 33)), lambda m, a, b, y: m.box_iou(a, b, y))
        many, scores = boxes_of(rng, (2, n), dtype), numpy.round(rng.random((2, n)), 2).astype(dtype)
        classes = rng.integers(0, 3, (2, n))
        yield Case(
            "nms", dtype, [many, scores, classes], of("int64", (2, n)), lambda m, b, s, c, k: m.nms(b, s, c, k, 0.3)
        )
        targets, weight = boxes_of(rng, (n,), dtype), numpy.round(rng.random(n), 1).astype(dtype)
        for op in ("iou", "giou"):

            def losses(
                m: Any, p: Array, t: Array, w: Array, dy: Array, loss: Array, total: Array, dp: Array, op=op
            ) -> None:
                m.box_loss_forward(getattr(m.BoxLoss, op), p, t, w, loss, total)
                m.box_loss_backward(getattr(m.BoxLoss, op), p, t, w, total, dy, dp)

            inputs = [a, targets, weight, gradient(rng, (), dtype)]
            yield Case(f"box_loss {op}", dtype, inputs, of(dtype, (), (), (n, 4)), losses)
    for dtype, n, op in ((d, n, op) for d in FLOATS for n in (1, 1000, 70_001) for op in ("sigmoid", "heatmap")):
        x, target = gradient(rng, (n,), dtype), (rng.random(n) < 0.1).astype(dtype)

        def focal(m: Any, x: Array, t: Array, dy: Array, loss: Array, total: Array, dx: Array, op=op) -> None:
            m.focal_loss_forward(getattr(m.Focal, op), x, t, loss, total, 2.0, 0.25)
            m.focal_loss_backward(getattr(m.Focal, op), x, t, total, dy, dx, 2.0, 0.25)

        yield Case(f"focal_loss {op}", dtype, [x, target, gradient(rng, (), dtype)], of(dtype, (), (), (n,)), focal)
    for dtype in FLOATS:
        objects = numpy.concatenate([boxes_of(rng, (3, 6), dtype), rng.integers(-1, 4, (3, 6, 1))], -1).astype(dtype)
        grid = (3, 17, 19)
        yield Case(
            "center_targets",
            dtype,
            [objects],
            of(dtype, (*grid, 4), (*grid, 4), grid),
            lambda m, o, heat, box, weight: m.center_targets(o, heat, box, weight, 4.0, 0.6),
        )


def as_pictures(launch: Launch) -> Launch:
    """Let the reference, whose float64 no kernel of pictures has, compute in float32."""

    def run(m: Any, x: Array, *rest: Array) -> None:
        if x.dtype != numpy.float64:
            return launch(m, x, *rest)
        *given, y = rest
        result = numpy.empty(y.shape, "float32")
        given = [g.astype("float32") if g.ndim == 1 else g for g in given]  # what fills a cut
        launch(m, x.astype("float32"), *given, result)
        y[...] = result

    return run


def augment_cases(rng: Random) -> Iterator[Case]:
    for dtype, (h, w, c) in (
        (d, s) for d in ("uint8", "float32") for s in ((1, 1, 1), (9, 7, 3), (13, 32, 1), (8, 8, 4))
    ):
        x = numpy.asarray(rng.integers(0, 255, (5, h, w, c)), dtype)
        for mode in ("constant", "reflect", "edge"):
            offset, flip = rng.integers(-h - 3, h + 3, (5, 2)), rng.random((5, 2)) < 0.5
            size = (5, h + 2, max(1, w - 1), c)

            def move(m: Any, x: Array, o: Array, f: Array, y: Array, mode=mode) -> None:
                m.augment_move(x, o, f, y, getattr(m.Padding, mode))

            def affine(m: Any, x: Array, a: Array, y: Array, mode=mode) -> None:
                m.augment_affine(x, a, y, getattr(m.Padding, mode))

            yield Case("augment_move", dtype, [x, offset, flip], of(dtype, size), as_pictures(move))
            turn = numpy.array([[[0.8, -0.6, 1.0], [0.6, 0.8, -2.0]]]).repeat(5, 0) + 0.1 * rng.standard_normal(
                (5, 2, 3)
            )
            yield Case("augment_affine", dtype, [x, turn], of(dtype, size), as_pictures(affine))
        corner, fill = rng.integers(-3, h, (5, 2)), numpy.asarray(rng.integers(0, 255, c), dtype)
        yield Case(
            "augment_cutout",
            dtype,
            [x, corner, fill],
            of(dtype, x.shape),
            as_pictures(lambda m, x, o, f, y: m.augment_cutout(x, o, f, y, 4, 3)),
        )
        if c != 4:
            factor = rng.uniform(0.5, 1.5, (5, 3))
            factor[0] = 1
            yield Case(
                "augment_color",
                dtype,
                [x, factor],
                of(dtype, x.shape),
                as_pictures(lambda m, x, f, y: m.augment_color(x, f, y)),
            )
    yield Case(
        "augment_uniform",
        "float64",
        [rng.integers(0, 1 << 40, 37)],
        of("float64", (37, 6)),
        lambda m, s, y: m.augment_uniform(s, y, 12345, 3, 2),
    )


def sequence_cases(rng: Random) -> Iterator[Case]:
    for cases in (attention_cases, recurrent_cases, capsule_cases, tree_cases, detection_cases, augment_cases):
        yield from cases(rng)


# ---- workloads ----


def workloads(dev: Device, dry: bool) -> Iterator[Workload]:
    """Time attention beside three CuPy calls that store the scores, a recurrent layer beside a product per step."""
    k, xp = dev.kernels, dev.xp
    for b, h, n, d in ((8, 8, 256, 64), (4, 16, 1024, 64), (1, 16, 4096, 64), (2, 16, 1024, 128)):
        b, h, n = (1, 2, less(4096, dry)) if dry else (b, h, n)
        rows = (b, h, n, d)

        def ours(q: Array, key: Array, v: Array, lse: Array, y: Array, h: int = h, d: int = d) -> None:
            k.attention_forward(q, 0, key, 0, v, 0, h, None, None, None, None, y, lse, False, d**-0.5, 0.0)

        def theirs(q: Array, key: Array, v: Array, lse: Array, y: Array, d: int = d) -> None:
            s = xp.matmul(q, key.swapaxes(2, 3)) * numpy.float32(d**-0.5)
            e = xp.exp(s - s.max(-1, keepdims=True))
            xp.matmul(e / e.sum(-1, keepdims=True), v, out=y)

        def fused(torch: Any, q: Array, key: Array, v: Array, lse: Array, y: Array) -> None:
            torch.backends.cuda.matmul.allow_tf32 = False
            torch.nn.functional.scaled_dot_product_attention(q, key, v)

        shapes = [rows] * 3 + [(b * h, n), rows]
        flops = 4.0 * b * h * n * n * d
        yield Workload(f"attention {b}x{h}x{n}x{d}", shapes, ["float32"] * 5, ours, theirs, flops, fused)
    for steps, n, h in ((100, 64, 64), (100, 64, 112), (100, 64, 512), (35, 256, 1024)):
        steps, n, h = (2, 3, less(h << 4, dry)) if dry else (steps, n, h)
        shapes = [(steps, n, 4 * h), (4 * h, h), (n, h), (n, h), *[(steps, n, h)] * 2, (steps, n, 4 * h), (steps, n, h)]

        def lstm(x, w, h_n, c_n, before, cells, gates, y) -> None:  # type: ignore[no-untyped-def]
            k.recurrent_forward(
                k.Cell.lstm, x, w, None, None, None, None, y, h_n, c_n, gates, before, cells, None, False
            )

        def products(x, w, h_n, c_n, before, cells, gates, y) -> None:  # type: ignore[no-untyped-def]
            for step in range(len(x)):
                xp.matmul(h_n, w.T, out=gates[step])

        yield Workload(f"lstm {steps}x{n}x{h}", shapes, ["float32"] * len(shapes), lstm, products)
