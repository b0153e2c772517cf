"""Rows of wxb.ops.random: Philox 4x32-10 once more, in numpy, and what is made of its words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import wxb
from wxb import ops

from . import LENGTHS, SEED, Array, Fault, Row, Sample, normal

SHAPES: list[Any] = [*LENGTHS, (), (2, 3, 5), (0, 3), (33, 65)]


def philox(blocks: Array, seed: int) -> Array:
    """Return the four words of each block: Salmon, Moraes, Dror, Shaw 2011."""
    mask, low = np.uint64(0xFFFFFFFF), np.uint64(32)
    c = [blocks & mask, blocks >> low, np.zeros_like(blocks), np.zeros_like(blocks)]
    key = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(10):
        first, second = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [
            (second >> low) ^ c[1] ^ np.uint64(key[0]),
            second & mask,
            (first >> low) ^ c[3] ^ np.uint64(key[1]),
            first & mask,
        ]
        key = [(key[0] + 0x9E3779B9) & 0xFFFFFFFF, (key[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return np.stack(c, -1)


def words(count: int, per_block: int) -> Array:
    """Return the words of numbers 0 ... count - 1: row i holds those of number i (4 / per_block of them)."""
    i = np.arange(count, dtype=np.uint64)
    group, lane, place = i // (16 * per_block), i % 16, i // 16 % per_block
    block = philox(16 * group + lane, SEED).reshape(count, per_block, 4 // per_block)
    return block[np.arange(count), place.astype(np.int64)]


def joined(count: int) -> Array:
    """Return 64 bits for each number."""
    w = words(count, 2)
    return (w[:, 0] << np.uint64(32)) | w[:, 1]


def size_of(shape: Any) -> int:
    return int(np.prod(shape))


def fractions(shape: Any, double: bool) -> Array:
    n = size_of(shape)
    u = (joined(n) >> np.uint64(11)) * 2.0**-53 if double else (words(n, 4)[:, 0] >> np.uint64(8)) * 2.0**-24
    return u.reshape(shape)


def uniform(shape: Any, low: float = 0.0, high: float = 1.0, dtype: str = "float32") -> Array:
    return low + (high - low) * fractions(shape, dtype == "float64")


def gaussian(shape: Any, mean: float = 0.0, std: float = 1.0, dtype: str = "float32") -> Array:
    """Box and Muller: a block's words in pairs, one for the radius, one for the angle, make two numbers."""
    n = size_of(shape)
    i = np.arange(n, dtype=np.uint64)
    if dtype == "float64":
        block, place = philox(16 * (i // 32) + i % 16, SEED), i // 16 % 2
        first, second = ((block[:, 2 * k] << np.uint64(32)) | block[:, 2 * k + 1] for k in (0, 1))
        u, angle = ((first >> np.uint64(11)) + 0.5) * 2.0**-53, 2 * np.pi * (second >> np.uint64(11)) * 2.0**-53
    else:
        block, k = philox(16 * (i // 64) + i % 16, SEED), (i // 16 % 4).astype(np.int64)
        rows, place = np.arange(n), i // 16 % 2
        u = (block[rows, k // 2 * 2] + 0.5) * 2.0**-32
        word = block[rows, k // 2 * 2 + 1]
        eighth = (word.astype(np.uint32).view(np.int32) >> 8) * 2.0**-23 * np.pi / 4
        angle = eighth + (word & np.uint64(3)) * np.pi / 2
    wave = np.where(place == 0, np.cos(angle), np.sin(angle))
    return (mean + std * np.sqrt(-2 * np.log(u)) * wave).reshape(shape)


def bernoulli(shape: Any, p: float = 0.5, dtype: str = "float32") -> Array:
    return (fractions(shape, False) < p).astype(np.float64)


def below(count: int, word: int) -> int:
    return count * int(word) >> 64


def randint(shape: Any, low: int, high: int) -> Array:
    return np.array([low + below(high - low, w) for w in joined(size_of(shape))], np.int64).reshape(shape)


def permutation(n: int) -> Array:
    y = list(range(n))
    for i, word in reversed(list(enumerate(joined(n)))):
        j = below(i + 1, word)
        y[i], y[j] = y[j], y[i]
    return np.array(y, np.int64)


def dropout(x: Array, p: float = 0.5) -> Array:
    kept = fractions(x.shape, False) >= p
    return np.where(kept, x, 0) / (1 - p) if p < 1 else np.zeros(x.shape)


def drawn(name: str, oracle: Callable[..., Any], parameters: list[tuple[Any, ...]], large: Sample, **more: Any) -> Row:
    return Row(
        name,
        getattr(ops, name.partition("[")[0]),
        oracle,
        samples=lambda rng: [(shape, *p) for p in parameters for shape in SHAPES],
        large=lambda rng: large,
        grad=(),
        **more,
    )


SHAPE_FAULTS = [
    Fault(lambda: ((2, -1),), ValueError, "no axis may be negative"),
    Fault(lambda: ((2, 1.5),), TypeError, "it must be integers"),
    Fault(lambda: ((2**62, 2),), ValueError, "too large"),
]


def faults(*more: tuple[Any, type[Exception], str]) -> list[Fault]:
    return [*SHAPE_FAULTS, *(Fault(lambda args=args: args, error, text) for args, error, text in more)]


UNIFORM = [((3, 2.0, 1.0), ValueError, "low not above high"), ((3, 0.0, float("inf")), ValueError, "must be finite")]
NORMAL = [((3, 0.0, -1.0), ValueError, "std not below 0"), ((3, float("nan")), ValueError, "must be finite")]
BERNOULLI = [((3, 1.5), ValueError, "p is 1.5, it must be from 0 to 1"), ((3, float("nan")), ValueError, "p is nan")]
RANDINT = [((3, 5, 5), ValueError, "low must be below high")]

ROWS = [
    drawn(
        "uniform",
        uniform,
        [(), (-2.0, 3.5)],
        (50000,),
        roundings=1,
        magnitude=lambda shape, low=0.0, high=1.0: np.full(shape, abs(low) + abs(high)),
        gives=np.float32,
        errors=faults(*UNIFORM),
    ),
    drawn("uniform[float64]", uniform, [(0.0, 1.0, "float64")], (50000, 0.0, 1.0, "float64"), gives=np.float64),
    drawn(
        "normal",
        gaussian,
        [(), (0.5, 2.0)],
        (50000,),
        roundings=16,
        magnitude=lambda shape, mean=0.0, std=1.0: np.full(shape, mean + 6 * std),
        gives=np.float32,
        errors=faults(*NORMAL),
    ),
    drawn(
        "normal[float64]",
        gaussian,
        [(0.0, 1.0, "float64")],
        (50000, 0.0, 1.0, "float64"),
        roundings=16,
        magnitude=lambda shape, *_: np.full(shape, 6.0),
        gives=np.float64,
    ),
    drawn(
        "bernoulli",
        bernoulli,
        [(), (0.125,), (0.0,), (1.0,)],
        (50000,),
        gives=np.float32,
        errors=faults(*BERNOULLI),
    ),
    drawn(
        "randint",
        randint,
        [(0, 10), (-5, 6), (-(2**63), 2**63 - 1)],
        (50000, 0, 10),
        errors=[Fault(lambda: ((2, -1), 0, 1), ValueError, "no axis may be negative"), *faults(*RANDINT)[3:]],
    ),
    Row(
        "permutation",
        ops.permutation,
        permutation,
        samples=lambda rng: [(n,) for n in LENGTHS],
        large=lambda rng: (50000,),
        grad=(),
        errors=[
            Fault(lambda: (-1,), ValueError, "no axis may be negative"),
            Fault(lambda: (2.5,), TypeError, "must be integers"),
        ],
    ),
    Row(
        "dropout",
        ops.dropout,
        dropout,
        samples=lambda rng: [
            *((normal(rng, *((s,) if isinstance(s, int) else s)), 0.25) for s in SHAPES),
            (normal(rng, 65),),
            (normal(rng, 65), 0.0),
            (normal(rng, 65), 1.0),
        ],
        large=lambda rng: (normal(rng, 50000), 0.5),
        roundings=2,
        special=(),  # what is dropped is 0, even if it was NaN or infinite
        errors=[
            Fault(lambda: (wxb.tensor([1.0]), 1.5), ValueError, "p is 1.5, it must be from 0 to 1"),
            Fault(lambda: (wxb.tensor([1.0]), float("nan")), ValueError, "p is nan"),
            Fault(lambda: (wxb.tensor([1]),), TypeError, "must be float32 or float64"),
        ],
    ),
]
