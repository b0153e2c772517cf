"""Rows of wxb.ops.indexing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import wxb
from wxb import ops

from . import LENGTHS, Array, Fault, Row, Sample, normal

SHAPES: list[tuple[int, ...]] = [
    *((n,) for n in LENGTHS if n < 40),
    (),
    (1, 1, 1),
    (3, 0, 2),
    (2, 3, 5),
    (17, 9),
    (2, 3, 4, 5),
    (7, 33),
]

Draw = Callable[..., Any]


def moves(
    name: str, oracle: Callable[..., Any], samples: Callable[[np.random.Generator], list[Sample]], **more: Any
) -> Row:
    """A row of an op that moves elements: nothing is rounded on the way there."""
    return Row(
        name,
        getattr(ops, name.partition("[")[0]),
        oracle,
        samples,
        **{"roundings": 0, "exact": True, **more},
    )


def each(*cases: tuple[tuple[int, ...], Any]) -> Callable[[np.random.Generator], list[Sample]]:
    """Samples of random arrays of these shapes, each with its other argument."""
    return lambda rng: [(normal(rng, *shape), argument) for shape, argument in cases]


def one(rng: np.random.Generator, *more: Any) -> Sample:
    return normal(rng, 300, 170), *more


def fault(args: Callable[[], Sample], error: type[Exception], message: str) -> Fault:
    return Fault(args, error, message)


def x(*shape: int) -> wxb.Tensor:
    return wxb.tensor(np.ones(shape))


INTEGERS = ((4, 6), (3, 8), 24, (-1,), (2, -1, 3), (24, 1, 1))

VIEWS = [
    moves(
        "reshape",
        lambda a, shape: a.reshape(shape),
        lambda rng: [
            *((normal(rng, 2, 3, 4), shape) for shape in INTEGERS),
            (normal(rng), (1, 1)),
            (normal(rng, 0, 3), (3, 0, 2)),
            (rng.integers(0, 9, (2, 6)), (3, 4)),
        ],
        large=lambda rng: one(rng, (170, 300)),
        errors=[
            fault(lambda: (x(2, 3), (4, 2)), ValueError, "shape is (2, 3), 6 elements; they do not fit into (4, 2)"),
            fault(lambda: (x(2, 3), (-1, -1)), ValueError, "they do not fit into (-1, -1)"),
            fault(lambda: (x(0, 3), (-1, 0)), ValueError, "they do not fit into (-1, 0)"),
            fault(lambda: (x(2, 3), (-2, -3)), ValueError, "they do not fit into (-2, -3)"),
            fault(lambda: (x(2, 3), 6.0), TypeError, "shape is 6.0, it must be integers"),
        ],
    ),
    moves(
        "flatten",
        lambda a, start=0: a.reshape(*a.shape[: start % max(a.ndim, 1)], -1) if a.size else flat_of_nothing(a, start),
        lambda rng: [*((normal(rng, *s),) for s in SHAPES), (normal(rng, 4, 2, 3), 1), (normal(rng, 4, 2, 3), -1)],
        large=one,
        errors=[fault(lambda: (x(2, 3), 2), ValueError, "axis 2 is out of range for shape (2, 3)")],
    ),
    moves(
        "expand_dims",
        np.expand_dims,
        each(((), 0), ((3,), 0), ((3,), 1), ((3,), -1), ((2, 3), 1), ((2, 3), -3), ((0, 3), 0)),
        large=lambda rng: one(rng, 1),
        errors=[fault(lambda: (x(2, 3), 3), ValueError, "axis 3 is out of range")],
    ),
    moves(
        "squeeze",
        lambda a, axis=None: np.squeeze(a, axis),
        each(
            ((1, 3, 1), None), ((1, 3, 1), 0), ((1, 3, 1), -1), ((1, 3, 1), (0, 2)), ((3,), None), ((1,), 0), ((), None)
        ),
        large=lambda rng: (normal(rng, 1, 50000), 0),
        errors=[
            fault(lambda: (x(2, 3), 0), ValueError, "axis 0 of shape (2, 3) has size 2, it must be 1"),
            fault(lambda: (x(1, 3), 2), ValueError, "axis 2 is out of range"),
        ],
    ),
]


def flat_of_nothing(a: Array, start: int) -> Array:
    return a.reshape(*a.shape[:start], int(np.prod(a.shape[start:])))


COPIES = [
    moves(
        "transpose",
        np.transpose,
        lambda rng: [
            *((normal(rng, *s),) for s in SHAPES),
            *((normal(rng, 2, 3, 4), axes) for axes in ((0, 2, 1), (2, 0, 1), (1, 0, 2), (-1, 0, 1), (0, 1, 2))),
            *((normal(rng, m, n),) for m, n in ((7, 8), (16, 17), (31, 65), (64, 1), (129, 33))),
            (normal(rng, 2, 1, 3), (1, 0, 2)),
            (normal(rng, 3, 2, 4, 5), (2, 1, 3, 0)),
            (rng.integers(0, 9, (4, 5)),),
            (rng.integers(0, 2, (4, 5)) > 0,),
        ],
        large=one,
        errors=[
            fault(lambda: (x(2, 3), (0, 0)), ValueError, "axes are (0, 0), they must be each axis of shape (2, 3)"),
            fault(lambda: (x(2, 3), (0,)), ValueError, "they must be each axis of shape (2, 3) once"),
            fault(lambda: (x(2, 3), (0, 2)), ValueError, "they must be each axis of shape (2, 3) once"),
            fault(lambda: (x(2, 3), (0, 1.5)), TypeError, "must be integers"),
        ],
    ),
    moves(
        "flip",
        lambda a, axis=None: np.flip(a, axis),
        lambda rng: [
            *((normal(rng, *s),) for s in SHAPES),
            *((normal(rng, 2, 3, 5), a) for a in (0, 1, -1, (0, 2), ())),
        ],
        large=lambda rng: one(rng, 1),
        errors=[fault(lambda: (x(2, 3), 2), ValueError, "axis 2 is out of range for shape (2, 3)")],
    ),
    moves(
        "broadcast_to",
        np.broadcast_to,
        each(
            ((), (3,)), ((1,), (5,)), ((3, 1), (3, 4)), ((3,), (2, 3)), ((1, 3, 1), (2, 3, 4)), ((2, 3), (2, 3)),
            ((1, 3), (0, 3)), ((5,), 5), ((17,), (9, 17)), ((9, 1), (9, 33)),
        ),
        large=lambda rng: (normal(rng, 170), (300, 170)),
        roundings=1,
        errors=[
            fault(lambda: (x(2, 3), (3, 2)), ValueError, "shape (2, 3) does not broadcast to (3, 2)"),
            fault(lambda: (x(2, 3), (3,)), ValueError, "shape (2, 3) does not broadcast to (3,)"),
            fault(lambda: (x(1), (-1,)), ValueError, "shape (1,) does not broadcast to (-1,)"),
            fault(lambda: (x(1), (2**62, 4)), ValueError, "too large"),
        ],
    ),
    moves(
        "pad",
        lambda a, widths, mode="constant", value=0.0: np.pad(
            a, widths, mode, **({"constant_values": value} if mode == "constant" else {})
        ),
        lambda rng: [
            *((normal(rng, n), 2) for n in LENGTHS if n < 40),
            *((normal(rng, 4, 5), ((1, 2), (3, 0)), mode) for mode in ("constant", "reflect", "edge")),
            *((normal(rng, 2, 3, 7), ((0, 0), (1, 1), (2, 3)), mode, -1.5) for mode in ("constant",)),
            (normal(rng, 3, 4), 0),
            (normal(rng, 3, 4), (1, 2), "edge"),
            (normal(rng, 17, 33), ((1, 1), (0, 0)), "reflect"),
            (rng.integers(0, 9, (3, 4)), 1),
        ],
        large=lambda rng: one(rng, 3, "reflect"),
        errors=[
            fault(lambda: (x(3), 1, "wrap"), ValueError, "mode is 'wrap', it must be 'constant', 'reflect' or 'edge'"),
            fault(lambda: (x(3), -1), ValueError, "none may be negative"),
            fault(lambda: (x(3), ((1, 2), (3, 4))), ValueError, "they must be a pair for each of 1 axes"),
            fault(lambda: (x(3), 1.5), TypeError, "must be integers"),
            fault(lambda: (x(3), 3, "reflect"), ValueError, "pad"),
            fault(lambda: (x(0), 1, "edge"), ValueError, "pad"),
            fault(lambda: (x(3), 2**62), ValueError, "too large"),
        ],
    ),
]  # fmt: skip

KEYS: list[Any] = [
    0,
    -1,
    (1, 2),
    (1, -2, 3),
    slice(1, 3),
    slice(None, None, -1),
    slice(None, None, 3),
    slice(5, 1, -2),
    (slice(None), slice(1, 100, 2)),
    (slice(2, 2), slice(None)),
    None,
    (None, 1, None),
    ...,
    (..., 1),
    (0, ..., slice(1, 4)),
    (),
]
MASK = np.arange(12).reshape(3, 4) % 3 == 0


def chosen_samples(rng: np.random.Generator) -> list[Sample]:
    """Integers and slices; then an array or a mask in their place (handed over as a Tensor)."""
    plain: list[Sample] = [(normal(rng, 3, 4, 5), key) for key in KEYS]
    index = np.array([2, 0, 2, -1])
    arrays: list[Sample] = [(normal(rng, 3, 4, 5), k) for k in (index, index.reshape(2, 2), np.zeros(0, np.int64))]
    return [*plain, *arrays, (normal(rng, 1009), slice(3, -3, 2)), (normal(rng, 33, 65), (slice(None), slice(1, 64)))]


def along_axis(rng: np.random.Generator, shape: tuple[int, ...], of: tuple[int, ...], axis: int) -> tuple[Array, Array]:
    n = shape[axis]
    return normal(rng, *shape), np.asarray(rng.integers(-n, n, of) if n else np.zeros(of, np.int64))


def gathered(a: Array, index: Array, axis: int) -> Array:
    axis %= a.ndim
    part = a[tuple(slice(None) if i == axis else slice(n) for i, n in enumerate(index.shape))]
    return np.take_along_axis(part, index, axis)


def scattered(a: Array, index: Array, src: Array, axis: int) -> Array:
    y, axis = a.copy(), axis % a.ndim
    for place in np.ndindex(*index.shape):
        y[(*place[:axis], index[place], *place[axis + 1 :])] += src[place]
    return y


GATHERS = [((5,), (3,), 0), ((4, 5), (4, 2), 1), ((4, 5), (3, 5), 0), ((4, 5), (2, 9), -1), ((2, 3, 4), (2, 3, 1), 1)]
GATHERS += [((4, 5), (0, 5), 0), ((33, 7), (20, 7), 0), ((6, 65), (6, 33), 1)]

LOOKUPS = [
    moves(
        "getitem",
        lambda a, key: a[key],
        chosen_samples,
        large=lambda rng: one(rng, (slice(None, None, -1), slice(1, None, 2))),
        errors=[
            fault(lambda: (x(3, 4), 3), IndexError, "index 3 is out of range for axis 0 with 3 elements"),
            fault(lambda: (x(3, 4), (0, -5)), IndexError, "index -5 is out of range for axis 1 with 4 elements"),
            fault(lambda: (x(3, 4), (0, 0, 0)), IndexError, "3 axes are indexed, shape (3, 4) has 2"),
            fault(lambda: (x(3, 4), (..., ...)), IndexError, "more than one ellipsis"),
            fault(lambda: (x(3, 4), 1.5), TypeError, "the index is float"),
            fault(lambda: (x(3, 4), "a"), TypeError, "the index is str"),
            fault(lambda: (x(3, 4), True), TypeError, "the index is True"),
            fault(lambda: (x(3, 4), wxb.tensor([3])), IndexError, "out of range"),
            fault(lambda: (x(3, 4), wxb.tensor([1.0])), TypeError, "the index has dtype float32"),
            fault(lambda: (x(3, 4), np.array([True])), IndexError, "the mask has shape (1,)"),
            fault(lambda: (x(3, 4), slice(None, None, 0)), ValueError, "step"),
        ],
    ),
    moves(
        "take",
        lambda a, index, axis=0: np.take(a, index, axis),
        lambda rng: [
            (normal(rng, 5), rng.integers(-5, 5, 7)),
            (normal(rng, 5, 3), rng.integers(-5, 5, (2, 4))),
            *((normal(rng, 4, 5, 6), rng.integers(-4, 4, n), axis) for n, axis in ((3, 0), (9, 1), (1, 2), (0, 1))),
            (normal(rng, 4, 33), np.array(2)),
            (normal(rng, 9, 65), rng.integers(0, 9, 17), 0),
            (rng.integers(0, 9, (5, 3)), rng.integers(0, 5, 4)),
        ],
        large=lambda rng: (normal(rng, 300, 170), rng.integers(-300, 300, 400), 0),
        errors=[
            fault(lambda: (x(3), wxb.tensor([3])), IndexError, "out of range"),
            fault(lambda: (x(3), wxb.tensor([-4])), IndexError, "out of range"),
            fault(lambda: (x(3), wxb.tensor([1.0])), TypeError, "index has dtype float32, it must be integers"),
            fault(lambda: (x(3), [0], 1), ValueError, "axis 1 is out of range"),
            fault(lambda: (x(0), [0]), IndexError, "out of range"),
        ],
    ),
    moves(
        "embedding",
        lambda index, w: w[index],
        lambda rng: [
            *((rng.integers(0, c, n), normal(rng, c, d)) for n, c, d in ((7, 5, 3), (1, 1, 1), (0, 4, 2), (33, 9, 17))),
            (rng.integers(0, 5, (2, 3)), normal(rng, 5, 8)),
            (np.array(2), normal(rng, 5, 8)),
        ],
        large=lambda rng: (rng.integers(0, 50, 900), normal(rng, 50, 130)),
        grad=(1,),
        errors=[
            fault(lambda: (wxb.tensor([3]), x(3, 2)), IndexError, "out of range"),
            fault(lambda: (wxb.tensor([-1]), x(3, 2)), IndexError, "out of range"),
            fault(lambda: (wxb.tensor([0]), x(3)), ValueError, "weight has shape (3,), it must be (count, width)"),
            fault(lambda: (wxb.tensor([0.5]), x(3, 2)), TypeError, "index has dtype float32, it must be integers"),
        ],
    ),
    moves(
        "gather",
        gathered,
        lambda rng: [(*along_axis(rng, shape, of, axis), axis) for shape, of, axis in GATHERS],
        large=lambda rng: (*along_axis(rng, (300, 170), (300, 170), 1), 1),
        errors=[
            fault(lambda: (x(3, 4), wxb.tensor([[4]]), 1), IndexError, "out of range"),
            fault(lambda: (x(3, 4), wxb.tensor([[-5]]), 1), IndexError, "out of range"),
            fault(lambda: (x(3, 4), wxb.tensor([0]), 0), ValueError, "gather"),
            fault(lambda: (x(3, 4), wxb.tensor(np.zeros((4, 4), int)), 1), ValueError, "gather"),
            fault(lambda: (x(3, 4), wxb.tensor([[0]]), 2), ValueError, "gather"),
        ],
    ),
    moves(
        "scatter_add",
        scattered,
        lambda rng: [(*along_axis(rng, s, of, axis), normal(rng, *of), axis) for s, of, axis in GATHERS],
        large=lambda rng: (*along_axis(rng, (300, 170), (300, 170), 1), normal(rng, 300, 170), 1),
        grad=(0, 2),
        roundings=16,
        magnitude=lambda a, index, src, axis: scattered(np.abs(a), index, np.abs(src), axis),
        errors=[
            fault(lambda: (x(3, 4), wxb.tensor([[4]]), x(1, 1), 1), IndexError, "out of range"),
            fault(lambda: (x(3, 4), wxb.tensor([[0, 1]]), x(1, 1), 1), ValueError, "scatter_add"),
            fault(lambda: (x(3, 4), wxb.tensor([[0]]), wxb.tensor([[1]]), 1), TypeError, "scatter_add"),
        ],
    ),
    moves(
        "one_hot",
        lambda index, classes: (index[..., None] == np.arange(classes)).astype(np.float64),
        lambda rng: [
            *((rng.integers(0, c, n), c) for n, c in ((5, 3), (0, 4), (1, 1), (33, 17), (9, 65))),
            (rng.integers(0, 4, (2, 3)), 4),
            (np.array(1), 2),
        ],
        large=lambda rng: (rng.integers(0, 130, 700), 130),
        grad=(),
        gives=np.float32,
        errors=[
            fault(lambda: (wxb.tensor([3]), 3), IndexError, "out of range"),
            fault(lambda: (wxb.tensor([-1]), 3), IndexError, "out of range"),
            fault(lambda: (wxb.tensor([0]), 0), ValueError, "classes is 0, it must be at least 1"),
            fault(lambda: (wxb.tensor([0.0]), 3), TypeError, "index has dtype float32, it must be integers"),
            fault(lambda: (wxb.tensor([0, 0]), 2**62), ValueError, "too large"),
        ],
    ),
]  # fmt: skip


def several(rng: np.random.Generator, *shapes: tuple[int, ...]) -> list[Array]:
    return [normal(rng, *shape) for shape in shapes]


JOINS = [
    moves(
        "concat",
        lambda parts, axis=0: np.concatenate(parts, axis),
        lambda rng: [
            (several(rng, (3,), (4,)),),
            (several(rng, (1,)),),
            (several(rng, (2, 3), (5, 3), (0, 3), (1, 3)), 0),
            (several(rng, (2, 3), (2, 1), (2, 8)), 1),
            (several(rng, (2, 3, 4), (2, 5, 4)), -2),
            (several(rng, (7, 17), (7, 16), (7, 15)), -1),
            (several(rng, (0,), (0,)), 0),
            ([rng.integers(0, 9, 3), rng.integers(0, 9, 4)],),
        ],
        large=lambda rng: (several(rng, (300, 70), (300, 100)), 1),
        errors=[
            fault(lambda: ([],), ValueError, "there are no Tensors to join"),
            fault(lambda: (x(3),), TypeError, "it must be a list of Tensors"),
            fault(lambda: ([x(2, 3), x(2, 4)], 0), ValueError, "concat"),
            fault(lambda: ([x(2, 3), x(2)], 1), ValueError, "concat"),
            fault(lambda: ([x(2), wxb.tensor([1])],), TypeError, "element 1 is int64"),
            fault(lambda: ([x(2), x(2)], 1), ValueError, "axis 1 is out of range"),
            fault(lambda: ([x(), x()],), ValueError, "concat"),
        ],
    ),
    moves(
        "stack",
        lambda parts, axis=0: np.stack(parts, axis),
        lambda rng: [
            (several(rng, (3,), (3,)),),
            (several(rng, (), ()),),
            (several(rng, (2, 3), (2, 3), (2, 3)), 1),
            (several(rng, (2, 3), (2, 3)), -1),
            (several(rng, (0, 3)), 0),
        ],
        large=lambda rng: (several(rng, (300, 90), (300, 90)), 1),
        errors=[
            fault(lambda: ([x(2), x(3)],), ValueError, "Tensor 1 has shape (3,), it must be (2,) like the first"),
            fault(lambda: ([],), ValueError, "there are no Tensors to join"),
            fault(lambda: ([x(2)], 2), ValueError, "axis 2 is out of range"),
        ],
    ),
    moves(
        "split",
        lambda a, parts, axis=0: np.split(a, parts if isinstance(parts, int) else np.cumsum(parts)[:-1], axis),
        lambda rng: [
            (normal(rng, 6), 3),
            (normal(rng, 6, 4), 2, 1),
            (normal(rng, 7, 3), (1, 4, 2)),
            (normal(rng, 3, 7), [0, 7], -1),
            (normal(rng, 2, 65, 3), (17, 48), 1),
            (normal(rng, 5), 1),
        ],
        large=lambda rng: one(rng, (70, 100), 1),
        errors=[
            fault(lambda: (x(7), 2), ValueError, "axis 0 has 7 elements, they do not make 2 equal parts"),
            fault(lambda: (x(7), 0), ValueError, "they do not make 0 equal parts"),
            fault(lambda: (x(7), (3, 3)), ValueError, "parts are (3, 3), they must add up to 7"),
            fault(lambda: (x(7), (8, -1)), ValueError, "they must add up to 7"),
            fault(lambda: (x(7), 2.0), TypeError, "must be integers"),
            fault(lambda: (x(7), 2, 1), ValueError, "axis 1 is out of range"),
        ],
    ),
]

ROWS = [*VIEWS, *COPIES, *LOOKUPS, *JOINS]
