"""Hold the CUDA kernels against float64: on a GPU, or emulated over numpy arrays.

A case launches the same call twice: on the device, and in float64 on the CPU (whose own kernels the registry of
``tests/`` holds against numpy). What numpy has itself is held against numpy too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy
import products
import row_cases
import sequences
from case import DTYPES, FLOATS, Array, Case, gradient
from wxb.device import Device, cpu

ALPHA, BETA = 0.3, 0.8
SIZES = (0, 1, 3, 4, 5, 255, 256, 1023, 1025, 3079, 100_003)  # around a pack, a block, the emulated GPU
BROADCASTS = (
    ((1027,), (1027,)),
    ((9,), ()),
    ((5, 7), (7,)),
    ((64, 12), (64, 1)),
    ((16, 1), (1, 16)),
    ((129, 65), (65,)),
    ((3, 1, 8), (1, 5, 1)),
    ((2, 1, 3, 1, 8), (1, 4, 1, 5, 8)),
)
TOLERANCE = {"float32": 5e-6, "float64": 1e-13}  # a few roundings of each; what is not a float is exact
TINY = 4096  # elements of a case in a dry run
BAND = 64  # elements on each side of an array that nobody may write

_erf = numpy.vectorize(math.erf, otypes=[float])
IN_NUMPY: dict[str, Callable[[Array], Array]] = {
    "relu": lambda x: numpy.maximum(x, 0),
    "leaky_relu": lambda x: numpy.where(x > 0, x, ALPHA * x),
    "elu": lambda x: numpy.where(x > 0, x, ALPHA * numpy.expm1(x)),
    "selu": lambda x: 1.0507009873554805 * numpy.where(x > 0, x, 1.6732632423543772 * numpy.expm1(x)),
    "gelu": lambda x: x / 2 * (1 + _erf(x / math.sqrt(2))),
    "gelu_tanh": lambda x: x / 2 * (1 + numpy.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "silu": lambda x: x / (1 + numpy.exp(-x)),
    "sigmoid": lambda x: 1 / (1 + numpy.exp(-x)),
    "tanh": numpy.tanh,
    "softplus": lambda x: numpy.logaddexp(x, 0),
    "hardswish": lambda x: x * numpy.clip(x + 3, 0, 6) / 6,
    "exp": numpy.exp,
    "log": numpy.log,
    "sqrt": numpy.sqrt,
    "abs": numpy.abs,
    "negative": numpy.negative,
    "clip": lambda x: numpy.clip(x, ALPHA, BETA),
}
BINARY = ("add", "subtract", "multiply", "divide", "power", "minimum", "maximum")
COMPARISON = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")


def values(rng: numpy.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    """Return random numbers with, where there is room, zeros, infinities and NaN among them."""
    if dtype not in FLOATS:
        return numpy.asarray(rng.integers(0, 2 if dtype == "bool" else 200, shape), dtype)
    x = numpy.asarray(3 * rng.standard_normal(shape), dtype)
    if x.size >= 64:
        x.reshape(-1)[rng.choice(x.size, 5, replace=False)] = (0.0, -0.0, numpy.inf, -numpy.inf, numpy.nan)
    return x


def unary_cases(rng: numpy.random.Generator) -> Iterator[Case]:
    for op, dtype, n in ((op, dtype, n) for op in IN_NUMPY for dtype in FLOATS for n in SIZES):
        x, dy, out = values(rng, (n,), dtype), gradient(rng, (n,), dtype), [((n,), dtype)]

        def forward(k: Any, x: Array, y: Array, op: str = op) -> None:
            k.unary_forward(getattr(k.Unary, op), x, y, ALPHA, BETA)

        def backward(k: Any, saved: Array, dy: Array, dx: Array, op: str = op) -> None:
            k.unary_backward(getattr(k.Unary, op), saved, dy, dx, ALPHA, BETA)

        yield Case(f"{op}_forward", dtype, [x], out, forward)
        yield Case(f"{op}_backward", dtype, [x, dy], out, backward)


def binary_cases(rng: numpy.random.Generator) -> Iterator[Case]:
    for op, dtype, shapes in ((op, dtype, shapes) for op in BINARY for dtype in FLOATS for shapes in BROADCASTS):
        a, b = (values(rng, shape, dtype) for shape in shapes)
        whole = numpy.broadcast_shapes(*shapes)
        dy = gradient(rng, whole, dtype)

        def forward(k: Any, a: Array, b: Array, y: Array, op: str = op) -> None:
            k.binary_forward(getattr(k.Binary, op), a, b, y)

        def backward(k: Any, a: Array, b: Array, dy: Array, da: Array, db: Array, op: str = op) -> None:
            k.binary_backward(getattr(k.Binary, op), a, b, dy, da, db)

        def one_side(k: Any, a: Array, b: Array, dy: Array, db: Array, op: str = op) -> None:
            k.binary_backward(getattr(k.Binary, op), a, b, dy, None, db)

        yield Case(f"{op}_forward", dtype, [a, b], [(whole, dtype)], forward)
        yield Case(f"{op}_backward", dtype, [a, b, dy], [(whole, dtype), (whole, dtype)], backward)
        yield Case(f"{op}_backward", dtype, [a, b, dy], [(whole, dtype)], one_side)


def other_cases(rng: numpy.random.Generator) -> Iterator[Case]:
    for dtype, shapes in ((dtype, shapes) for dtype in DTYPES for shapes in BROADCASTS):
        a, b = (values(rng, shape, dtype) for shape in shapes)
        whole = numpy.broadcast_shapes(*shapes)
        for op in COMPARISON:

            def compare(k: Any, a: Array, b: Array, y: Array, op: str = op) -> None:
                k.compare(getattr(k.Comparison, op), a, b, y)

            yield Case(op, dtype, [a, b], [(whole, "bool")], compare)
        condition = values(rng, whole, "bool")
        yield Case("where", dtype, [condition, a, b], [(whole, dtype)], lambda k, c, a, b, y: k.where(c, a, b, y))
    for dtype, n in ((dtype, n) for dtype in DTYPES for n in SIZES):
        yield Case("fill", dtype, [], [((n,), dtype)], lambda k, y: k.fill(y, 1.0))
        for to in DTYPES:
            yield Case(f"cast to {to}", dtype, [values(rng, (n,), dtype)], [((n,), to)], lambda k, x, y: k.cast(x, y))


def host(array: Array) -> Array:
    return array if isinstance(array, numpy.ndarray) else array.get()


def place(dev: Device, value: Array, shift: int) -> tuple[Array, Array]:
    """Return a copy of ``value`` on the device, ``shift`` elements off its alignment, and the memory it lies in."""
    memory = dev.array(numpy.zeros(value.size + 2 * BAND + shift, value.dtype), value.dtype)
    array = memory[BAND + shift : BAND + shift + value.size].reshape(value.shape)
    array[...] = value if dev.xp is numpy else dev.xp.asarray(value)
    return array, memory


def stays(memory: Array, shift: int) -> bool:
    """Say whether the bands around an array are as they were."""
    whole = host(memory)
    return not whole[: BAND + shift].any() and not whole[whole.size - BAND :].any()


def error(got: Array, wanted: Array) -> float:
    """Return the largest ``|got - wanted| / (1 + |wanted|)``; infinite where one is NaN or infinite and not both."""
    if not got.size:
        return 0.0
    with numpy.errstate(all="ignore"):
        wanted = wanted.astype(got.dtype)
        if got.dtype.kind != "f":
            return 0.0 if (got == wanted).all() else math.inf
        same = (got == wanted) | (numpy.isnan(got) & numpy.isnan(wanted))
        off = numpy.abs(got.astype(float) - wanted) / (1 + numpy.abs(wanted.astype(float)))
    return float(numpy.where(same, 0, numpy.where(numpy.isfinite(off), off, math.inf)).max())


def widen(value: Array) -> Array:
    return numpy.asarray(value, "float64") if value.dtype.kind == "f" else value


def run(case: Case, dev: Device, shift: int) -> float:
    """Return the error of one case; infinite if it wrote outside of its outputs."""
    inputs = [place(dev, x, shift) for x in case.inputs]
    poison = [numpy.frombuffer(b"\xff" * (numpy.dtype(d).itemsize * math.prod(s)), d) for s, d in case.outputs]
    outputs = [place(dev, p.reshape(s), shift) for p, (s, _) in zip(poison, case.outputs)]
    case.launch(dev.kernels, *(array for array, _ in inputs + outputs))
    exact = [numpy.empty(shape, "float64" if dtype in FLOATS else dtype) for shape, dtype in case.outputs]
    case.launch(cpu.kernels, *map(widen, case.inputs), *exact)
    if not all(stays(memory, shift) for _, memory in inputs + outputs):
        return math.inf
    return max(error(host(got), wanted) for (got, _), wanted in zip(outputs, exact))


def is_tiny(case: Case) -> bool:
    """Say whether a case is for a dry run, or for a sanitizer, which is a hundred times slower."""
    return case.dtype != "float64" and sum(x.size for x in case.inputs) + sum(map(_size, case.outputs)) <= TINY


def _size(output: tuple[tuple[int, ...], str]) -> int:
    return math.prod(output[0])


def families(emulated: bool) -> Iterator[Iterator[Case]]:
    """Yield the cases of each room; each family draws from the same seed, so that none changes another's."""
    for cases_of in (unary_cases, binary_cases, other_cases, *row_cases.CASES, sequences.sequence_cases):
        yield cases_of(numpy.random.default_rng(0))
    for products_of in (products.product_cases, products.image_cases):
        yield products_of(numpy.random.default_rng(0), emulated)


def check(op: str, dtype: str, group: list[Case], dev: Device) -> dict[str, Any]:
    """Run every case of an op and dtype, aligned and one element off; return the worst, next to its tolerance."""
    row = {"op": op, "dtype": dtype, "cases": 0, "error": 0.0, "tolerance": 0.0, "ok": True}
    for case in group:
        limit = TOLERANCE.get(case.outputs[0][1], 0.0) if case.tolerance is None else case.tolerance
        error = max(run(case, dev, shift) for shift in (0, 1))
        if not row["cases"] or not error * max(row["tolerance"], 1e-30) <= row["error"] * max(limit, 1e-30):
            row["error"], row["tolerance"] = error, limit
        row["cases"], row["ok"] = row["cases"] + 2, row["ok"] and error <= limit
    return row


def beside_numpy(dev: Device, op: str, dtype: str) -> dict[str, Any]:
    """Hold what numpy has itself against numpy in float64, on ordinary numbers."""
    rng = numpy.random.default_rng(1)
    b = dev.array(rng.standard_normal(1001), dtype)
    a = dev.array(numpy.abs(rng.standard_normal(1001)) + 0.1, dtype)
    got = dev.array(numpy.full(b.shape, numpy.nan), dtype)
    if op in BINARY:
        dev.kernels.binary_forward(getattr(dev.kernels.Binary, op), a, b, got)
        wanted = getattr(numpy, op)(host(a).astype(float), host(b).astype(float))
    else:
        x = a if op in ("log", "sqrt") else b
        dev.kernels.unary_forward(getattr(dev.kernels.Unary, op), x, got, ALPHA, BETA)
        wanted = IN_NUMPY[op](host(x).astype(float))
    off, limit = error(host(got), wanted), TOLERANCE[dtype]
    return {"op": f"{op}, numpy", "dtype": dtype, "cases": 1, "error": off, "tolerance": limit, "ok": off <= limit}


def cases(dev: Device, dry: bool) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    for op, dtype in ((op, dtype) for op in (*IN_NUMPY, *BINARY) for dtype in FLOATS):
        yield f"{op}, numpy {dtype}", partial(beside_numpy, dev, op, dtype)
    for family in families(dev.xp is numpy):
        groups: dict[tuple[str, str], list[Case]] = {}
        for case in family:
            if not dry or is_tiny(case):
                groups.setdefault((case.op, case.dtype), []).append(case)
        for (op, dtype), group in groups.items():
            yield f"{op} {dtype}", partial(check, op, dtype, group[:2] if dry else group, dev)
