"""Rows of wxb.ops.elementwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import wxb
from scipy.special import erf
from wxb import ops

from . import LENGTHS, Array, Fault, Row, Sample, normal, positive, shapes_of_one

SPLIT = 3 * 16384 + 5  # elements: four tasks, the last one short


def unary(
    name: str,
    op: Callable[..., Any],
    oracle: Callable[..., Any],
    draw: Callable[..., Array] = normal,
    parameters: tuple[Any, ...] = (),
    **more: Any,
) -> Row:
    return Row(
        name,
        op,
        oracle,
        samples=lambda rng: [(draw(rng, *shape, scale=3), *parameters) for shape in shapes_of_one()],
        large=lambda rng: (draw(rng, SPLIT), *parameters),
        errors=[
            Fault(lambda: (wxb.tensor([1, 2]), *parameters), TypeError, "must be float32 or float64"),
            Fault(lambda: (wxb.tensor([True]), *parameters), TypeError, "must be float32 or float64"),
        ],
        **more,
    )


def size_of(x: Array, *_: Any) -> Array:
    return np.abs(x)


def weighted(x: Array, weight: Array) -> Array:
    """Return x weight, and at -inf, where the weight is 0, the limit."""
    with np.errstate(invalid="ignore"):
        return np.where(x == -np.inf, -0.0, x * weight)


def gelu_tanh(x: Array) -> Array:
    return weighted(x, (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))) / 2)


def selu(x: Array) -> Array:
    return 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0)))


def sigmoid(x: Array) -> Array:
    return np.where(x < 0, np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x))), 1 / (1 + np.exp(-np.abs(x))))


def hardswish(x: Array) -> Array:
    return x * np.clip(x + 3, 0, 6) / 6


UNARY = [
    unary("relu", ops.relu, lambda x: np.maximum(x, 0), exact=True),
    unary("leaky_relu", ops.leaky_relu, lambda x: np.where(x < 0, 0.01 * x, x)),
    unary("leaky_relu[0.25]", ops.leaky_relu, lambda x, a: np.where(x < 0, a * x, x), parameters=(0.25,), exact=True),
    unary("elu", ops.elu, lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0)))),
    unary("elu[0.5]", ops.elu, lambda x, a: np.where(x > 0, x, a * np.expm1(np.minimum(x, 0))), parameters=(0.5,)),
    unary("selu", ops.selu, selu, roundings=6),
    unary("gelu", ops.gelu, lambda x: weighted(x, (1 + erf(x / np.sqrt(2))) / 2), magnitude=size_of, slope=1),
    unary(
        "gelu[tanh]", ops.gelu, lambda x, _: gelu_tanh(x), parameters=("tanh",), magnitude=size_of, roundings=6, slope=1
    ),
    unary("silu", ops.silu, lambda x: weighted(x, sigmoid(x)), roundings=6, slope=1),
    unary("sigmoid", ops.sigmoid, sigmoid, slope=1),
    unary("tanh", ops.tanh, np.tanh, slope=1),
    unary("softplus", ops.softplus, lambda x: np.logaddexp(0, x)),
    unary("hardswish", ops.hardswish, hardswish, magnitude=size_of),
    unary("exp", ops.exp, np.exp),
    unary("log", ops.log, np.log, positive),
    unary("sqrt", ops.sqrt, np.sqrt, positive, roundings=1),
    unary("abs", ops.abs, np.abs, exact=True),
    unary("negative", ops.negative, np.negative, exact=True),
    unary("clip", ops.clip, lambda x, low, high: np.clip(x, low, high), parameters=(-1.5, 2.0)),
    unary("clip[below]", ops.clip, lambda x, low, _: np.maximum(x, low), parameters=(-1.0, None), exact=True),
    unary("clip[above]", ops.clip, lambda x, _, high: np.minimum(x, high), parameters=(None, 1.0), exact=True),
]

BROADCASTS: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    *(((n,), (n,)) for n in LENGTHS),
    ((), ()),
    ((), (5,)),
    ((33,), (1,)),
    ((1,), (33,)),
    ((3, 1), (1, 7)),
    ((2, 3, 5), (5,)),
    ((2, 3, 5), (3, 1)),
    ((4, 1, 6), (4, 5, 1)),
    ((17, 65), (17, 1)),
    ((17, 65), (65,)),
    ((2, 1, 3, 1), (5, 1, 7)),
    ((0, 3), (3,)),
    ((1, 3), (0, 1)),
]

MIXED = [
    Fault(lambda: (wxb.tensor(np.ones((2, 3))), wxb.tensor(np.ones(4))), ValueError, "do not broadcast"),
    Fault(lambda: (wxb.tensor([1.0]), wxb.tensor([1.0], "float64")), TypeError, "dtypes are float32 and float64"),
    Fault(lambda: ([1.0], 2.0), TypeError, "neither operand is a Tensor"),
    Fault(lambda: (wxb.tensor([1]), 1.5), TypeError, "the float 1.5"),
    Fault(lambda: (wxb.tensor([1.0]), "text"), TypeError, "encode text first"),
]


def binary(
    name: str, op: Callable[..., Any], oracle: Callable[..., Any], draw: Callable[..., Array] = normal, **more: Any
) -> Row:
    def samples(rng: np.random.Generator) -> list[Sample]:
        pairs: list[Sample] = [(draw(rng, *a, scale=2), draw(rng, *b)) for a, b in BROADCASTS]
        return [*pairs, (draw(rng, 3, 5), 1.75), (0.5, draw(rng, 3, 5)), (draw(rng, 7), 2), (draw(rng, 7), 1)]

    return Row(
        name,
        op,
        oracle,
        samples,
        large=lambda rng: (draw(rng, 300, 170), draw(rng, 170)),
        **{"grad": (0, 1), "errors": MIXED, **more},
    )


def compare(name: str, op: Callable[..., Any], oracle: Callable[..., Any]) -> Row:
    def samples(rng: np.random.Generator) -> list[Sample]:
        small = [(np.asarray(rng.integers(-2, 3, a)), np.asarray(rng.integers(-2, 3, b))) for a, b in BROADCASTS]
        floats: list[Sample] = [(a.astype(np.float64), b.astype(np.float64)) for a, b in small]
        return [*floats, *small, (small[9][0] > 0, small[9][1] > 0), (floats[9][0], 1), (small[9][0], -1)]

    return Row(
        name,
        op,
        oracle,
        samples,
        large=lambda rng: (rng.integers(-2, 3, (300, 170)).astype(np.float64), normal(rng, 300, 1)),
        grad=(),
        errors=MIXED,
    )


BINARY = [
    binary("add", ops.add, np.add, exact=True),
    binary("subtract", ops.subtract, np.subtract, exact=True),
    binary("multiply", ops.multiply, np.multiply, exact=True),
    binary("divide", ops.divide, np.divide, positive),
    binary("power", ops.power, np.power, positive, roundings=3),
    binary("minimum", ops.minimum, np.minimum, exact=True),
    binary("maximum", ops.maximum, np.maximum, exact=True),
    compare("equal", ops.equal, np.equal),
    compare("not_equal", ops.not_equal, np.not_equal),
    compare("less", ops.less, np.less),
    compare("less_equal", ops.less_equal, np.less_equal),
    compare("greater", ops.greater, np.greater),
    compare("greater_equal", ops.greater_equal, np.greater_equal),
]


def mask(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return np.asarray(rng.integers(0, 2, shape), bool)


def where_samples(rng: np.random.Generator) -> list[Sample]:
    samples: list[Sample] = [(mask(rng, a), normal(rng, *a), normal(rng, *b)) for a, b in BROADCASTS]
    samples += [(mask(rng, a), normal(rng, *b), normal(rng, *b)) for a, b in BROADCASTS[-9:]]
    return [*samples, (normal(rng, 9) > 0, normal(rng, 9), 0.5), (normal(rng, 9) > 0, 1, normal(rng, 9))]


WHERE = Row(
    "where",
    ops.where,
    np.where,
    where_samples,
    large=lambda rng: (normal(rng, 300, 170) > 0, normal(rng, 300, 170), normal(rng, 170)),
    grad=(1, 2),
    exact=True,
    errors=[
        Fault(lambda: (wxb.tensor([1.0]), wxb.tensor([1.0]), 0.0), TypeError, "it must be a Tensor of bool"),
        Fault(lambda: ([True], wxb.tensor([1.0]), 0.0), TypeError, "it must be a Tensor of bool"),
        Fault(
            lambda: (wxb.tensor([True, False]), wxb.tensor(np.ones(3)), wxb.tensor(np.ones(3))),
            ValueError,
            "do not broadcast",
        ),
    ],
)


def cast(dtype: str, grad: tuple[int, ...] = (), **more: Any) -> Row:
    def oracle(x: Array, _: str) -> Array:
        if dtype == "uint8":
            return np.where((x > -1) & (x < 256), np.trunc(x), 0).astype(np.uint8)
        return (x != 0) if dtype == "bool" else np.trunc(x).astype(dtype) if dtype == "int64" else x.astype(dtype)

    def samples(rng: np.random.Generator) -> list[Sample]:
        draw = positive if dtype == "uint8" else normal
        floats = [(draw(rng, *shape, scale=9), dtype) for shape in shapes_of_one()]
        edges = np.array([0.0, 0.75, 1.0, 254.5, 255.0, 255.5, 256.0, 1e10])
        return [
            *floats,
            *([] if grad else [(edges, dtype)]),
            (rng.integers(0, 9, (3, 5)), dtype),
            (rng.integers(0, 2, 9) > 0, dtype),
        ]

    return Row(
        f"cast[{dtype}]",
        ops.cast,
        oracle,
        samples,
        large=lambda rng: (positive(rng, SPLIT), dtype),
        errors=[
            Fault(lambda: (wxb.tensor([1.0]), "complex64"), TypeError, "complex64"),
            Fault(lambda: (wxb.tensor([1.0]), "float16"), TypeError, "float16"),
        ],
        grad=grad,
        **more,
    )


FINITE = (-0.0, 2.0**-140, -(2.0**-140))  # NaN and what an integer cannot hold become 0
CAST = [
    cast("float64", grad=(0,), gives=np.float64),
    cast("float32", gives=np.float32),
    cast("int64", special=FINITE),
    cast("uint8", special=FINITE),
    cast("bool"),
]

ROWS = [*UNARY, *BINARY, WHERE, *CAST]
