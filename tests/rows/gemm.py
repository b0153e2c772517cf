"""Rows of wxb.ops.gemm."""

from __future__ import annotations

from typing import Any

import numpy as np
import wxb
from wxb import ops
from wxb.ops.elementwise import ACTIVATIONS

from . import Array, Fault, Row, Sample, normal
from .elementwise import UNARY

# (n, in, out) around the tiles: 6, 12 and 14 rows by 8, 16 and 32 columns, panels of 256 along the sum.
SIZES = [
    (0, 3, 4),
    (3, 0, 4),
    (1, 1, 1),
    (1, 7, 5),
    (5, 3, 7),
    (6, 16, 16),
    (7, 17, 9),
    (12, 8, 8),
    (13, 9, 33),
    (14, 32, 32),
    (15, 31, 31),
    (29, 65, 17),
    (64, 255, 10),
    (11, 256, 10),
    (10, 257, 64),
    (3, 513, 2),
    (97, 5, 1),
]
FUNCTIONS = {
    **{row.name: row.oracle for row in UNARY if "[" not in row.name},
    "gelu_tanh": lambda x: next(r for r in UNARY if r.name == "gelu[tanh]").oracle(x, "tanh"),
}


def linear_oracle(x: Array, weight: Array, bias: Array | None = None, activation: str | None = None) -> Array:
    y = x @ weight.T + (0 if bias is None else bias)
    return y if activation is None else FUNCTIONS[activation](y)


def linear_magnitude(x: Array, weight: Array, bias: Array | None = None, activation: str | None = None) -> Array:
    return 2 * (np.abs(x) @ np.abs(weight).T + (0 if bias is None else np.abs(bias)) + (activation is not None))


def sides(x: Array, weight: Array, *_: Any) -> float:
    return 8.0 + x.shape[-1] + np.prod(x.shape[:-1]) + weight.shape[0]


def linear(name: str, activation: str | None, **more: Any) -> Row:
    def samples(rng: np.random.Generator) -> list[Sample]:
        few = SIZES if activation in (None, "relu", "gelu") else SIZES[:8]
        batch: list[Sample] = [(normal(rng, n, k), normal(rng, o, k), normal(rng, o), activation) for n, k, o in few]
        without: list[Sample] = [(normal(rng, n, k), normal(rng, o, k), None, activation) for n, k, o in few[:6]]
        shaped = [
            (normal(rng, *lead, 5), normal(rng, 3, 5), normal(rng, 3), activation) for lead in ((), (2, 3), (2, 0))
        ]
        nothing: list[Sample] = [(normal(rng, 3, 5), normal(rng, 0, 5), normal(rng, 0), activation)]
        return batch + without + shaped + nothing

    return Row(
        name,
        ops.linear,
        linear_oracle,
        samples,
        large=lambda rng: (normal(rng, 150, 300), normal(rng, 130, 300), normal(rng, 130), activation),
        grad=(0, 1, 2),
        roundings=sides,
        magnitude=linear_magnitude,
        slope=0.0 if activation in (None, "relu") else 1.0,
        **more,
    )


LINEAR_FAULTS = [
    Fault(lambda: ones((4, 3), (2, 5)), ValueError, "linear: input has shape (4, 3), its last axis must be 5"),
    Fault(lambda: ones((), (2, 5)), ValueError, "linear: input has shape ()"),
    Fault(lambda: ones((4, 5), (2, 5), (3,)), ValueError, "linear: bias has shape (3,), it must be (2,)"),
    Fault(lambda: (*ones((4, 5), (2, 5)), None, "rely"), ValueError, "activation: 'rely' is not one of None, relu"),
    Fault(
        lambda: (*ones((4, 5), (2, 5)), None, None, "fp16"),
        ValueError,
        "linear: precision is 'fp16', it must be one of fp32, tf32, bf16",
    ),
    Fault(lambda: (wxb.tensor([[1.0]], "float64"), *ones((1, 1))), TypeError, "dtype float32, it must be float64"),
    Fault(lambda: (wxb.tensor([[1]]), *ones((1, 1))), TypeError, "must be float32 or float64"),
]


def ones(*shapes: tuple[int, ...]) -> tuple[wxb.Tensor, ...]:
    return tuple(wxb.tensor(np.ones(shape)) for shape in shapes)


LINEAR = [
    linear("linear", None, exact=True, errors=LINEAR_FAULTS),
    linear("linear[relu]", "relu", exact=True),
    *(linear(f"linear[{name}]", name) for name in ACTIVATIONS if name not in (None, "relu")),
]


def matmul_samples(transpose_a: bool, transpose_b: bool, rng: np.random.Generator) -> list[Sample]:
    def sample(lead_a: tuple[int, ...], lead_b: tuple[int, ...], m: int, k: int, n: int) -> Sample:
        a = normal(rng, *lead_a, *((k, m) if transpose_a else (m, k)))
        b = normal(rng, *lead_b, *((n, k) if transpose_b else (k, n)))
        return a, b, transpose_a, transpose_b

    leads = [((2,), (2,)), ((3, 2), (2,)), ((1,), (4,)), ((2, 1), (1, 3)), ((0,), (0,)), ((), (3,)), ((5,), ())]
    vectors: list[Sample] = []
    if not (transpose_a or transpose_b):
        vectors = [
            (normal(rng, 7), normal(rng, 7)),
            (normal(rng, 7), normal(rng, 7, 3)),
            (normal(rng, 2, 5, 7), normal(rng, 7)),
        ]
    return [sample((), (), m, k, n) for m, k, n in SIZES] + [sample(a, b, 5, 3, 9) for a, b in leads] + vectors


def matmul_oracle(a: Array, b: Array, transpose_a: bool = False, transpose_b: bool = False) -> Array:
    return np.matmul(np.swapaxes(a, -1, -2) if transpose_a else a, np.swapaxes(b, -1, -2) if transpose_b else b)


def matmul_magnitude(a: Array, b: Array, *transposed: bool) -> Array:
    return matmul_oracle(np.abs(a), np.abs(b), *transposed)


def matmul(name: str, transpose_a: bool, transpose_b: bool, **more: Any) -> Row:
    return Row(
        name,
        ops.matmul,
        matmul_oracle,
        lambda rng: matmul_samples(transpose_a, transpose_b, rng),
        large=lambda rng: (*large_operands(rng, transpose_a, transpose_b), transpose_a, transpose_b),
        grad=(0, 1),
        roundings=lambda a, b, *_: 8.0 + sum(a.shape) + sum(b.shape),
        magnitude=matmul_magnitude,
        exact=True,
        **more,
    )


def large_operands(rng: np.random.Generator, transpose_a: bool, transpose_b: bool) -> tuple[Array, Array]:
    a, b = (300, 150) if transpose_a else (150, 300), (130, 300) if transpose_b else (300, 130)
    return normal(rng, 3, *a), normal(rng, *b)


MATMUL_FAULTS = [
    Fault(lambda: ones((2, 3), (2, 3)), ValueError, "the inner axes 3 and 2 must be equal"),
    Fault(lambda: (*ones((2, 3), (2, 3)), True, True), ValueError, "transposed shapes are (2, 3) and (2, 3)"),
    Fault(lambda: ones((2, 2, 3), (3, 3, 2)), ValueError, "batch axes of (2, 2, 3) and (3, 3, 2) do not broadcast"),
    Fault(lambda: ones((), (3, 3)), ValueError, "neither may be 0-d"),
    Fault(lambda: (wxb.tensor([[1.0]]), [[1.0]]), TypeError, "is list, it must be a Tensor"),
    Fault(lambda: (*ones((2, 3), (3, 2)), False, False, "fp16"), ValueError, "matmul: precision is 'fp16', it must be"),
    Fault(lambda: (wxb.tensor([[1.0]]), wxb.tensor([[1]])), TypeError, "dtypes are float32 and int64"),
]

ROWS = [
    *LINEAR,
    matmul("matmul", False, False, errors=MATMUL_FAULTS),
    matmul("matmul[transpose_a]", True, False),
    matmul("matmul[transpose_b]", False, True),
    matmul("matmul[both transposed]", True, True),
]
