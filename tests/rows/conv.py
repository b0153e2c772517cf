"""Rows of wxb.ops.conv."""

from __future__ import annotations

from typing import Any

import numpy as np
import wxb
from wxb import ops

from . import Array, Fault, Row, Sample, normal
from .gemm import FUNCTIONS, ones

Sizes = tuple[int, ...]  # n, h, w, c, out, kh, kw, then stride, padding, dilation, groups


def sides(padding: Any, sizes: Sizes, reach: Sizes, stride: Sizes) -> list[tuple[int, int]]:
    if padding == "valid":
        return [(0, 0), (0, 0)]
    if padding == "same":
        totals = [max(0, (-(-n // s) - 1) * s + r - n) for n, r, s in zip(sizes, reach, stride)]
        return [(t // 2, t - t // 2) for t in totals]
    if isinstance(padding, int):
        return [(padding, padding)] * 2
    return [side if isinstance(side, tuple) else (side, side) for side in padding]


def both(value: Any) -> Sizes:
    return value if isinstance(value, tuple) else (value, value)


def conv2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    activation: str | None = None,
    algorithm: str = "auto",
) -> Array:
    (sh, sw), (dh, dw), (out, kh, kw, c) = both(stride), both(dilation), weight.shape
    reach = (kh - 1) * dh + 1, (kw - 1) * dw + 1
    x = np.pad(x, [(0, 0), *sides(padding, x.shape[1:3], reach, (sh, sw)), (0, 0)])
    oh, ow = (x.shape[1] - reach[0]) // sh + 1, (x.shape[2] - reach[1]) // sw + 1
    y = np.zeros((len(x), oh, ow, out))
    for p in range(kh):
        for q in range(kw):
            seen = x[:, p * dh :: sh, q * dw :: sw][:, :oh, :ow]
            for g in range(groups):
                o = slice(g * out // groups, (g + 1) * out // groups)
                y[..., o] += seen[..., g * c : (g + 1) * c] @ weight[o, p, q].T
    y = y + (0 if bias is None else bias)
    return y if activation is None else FUNCTIONS[activation](y)


def magnitude(x: Array, weight: Array, bias: Array | None = None, *more: Any) -> Array:
    activation = more[4] if len(more) > 4 else None
    sums = conv2d(np.abs(x), np.abs(weight), None if bias is None else np.abs(bias), *more[:4])
    return 2 * (sums + (activation is not None))


def roundings(x: Array, weight: Array, *_: Any) -> float:
    return 8.0 + np.prod(weight.shape[1:]) + np.prod(x.shape[:-1]) + np.prod(weight.shape[:-1])


def conv1d(x: Array, weight: Array, bias: Array | None, stride: int = 1, padding: Any = 0, *more: Any) -> Array:
    sides = padding if isinstance(padding, str) else ((0, 0), both(padding))
    dilation, *others = more or (1,)
    return conv2d(x[:, None], weight[:, None], bias, (1, stride), sides, (1, dilation), *others)[:, 0]


def lines(rng: np.random.Generator) -> list[Sample]:
    def drawn(n: int, length: int, c: int, out: int, k: int, *more: Any) -> Sample:
        groups = more[3] if len(more) > 3 else 1
        return normal(rng, n, length, c), normal(rng, out, k, c // groups), normal(rng, out), *more

    return [
        drawn(2, 9, 3, 4, 3),
        drawn(1, 40, 20, 33, 5, 2, 2),
        drawn(2, 11, 4, 6, 3, 1, "same"),
        drawn(2, 11, 4, 6, 3, 2, (2, 0), 2),
        drawn(3, 8, 6, 6, 2, 1, 0, 1, 6),
        drawn(3, 8, 6, 4, 1, 1, 0, 1, 2, "gelu"),
    ]


LINE_FAULTS = [
    Fault(lambda: ones((2, 5), (4, 3, 5)), ValueError, "conv1d: x has shape (2, 5), it must be (N, L, C)"),
    Fault(lambda: ones((2, 5, 6), (4, 3, 5)), ValueError, "x looks like (N, C, L): transpose it with axes (0, 2, 1)"),
    Fault(lambda: ones((2, 5, 3), (4, 7, 3)), ValueError, "conv1d: the kernel spans 7, the padded input is only 5"),
    Fault(lambda: (*ones((2, 5, 3), (4, 3, 3)), None, 0), ValueError, "conv1d: stride is 0, it must be from 1"),
    Fault(lambda: (*ones((2, 5, 3), (4, 3, 3)), None, 1, (1, 2, 3)), ValueError, "conv1d: padding is (1, 2, 3)"),
    Fault(
        lambda: (*ones((2, 5, 3), (4, 3, 3)), None, 1, 0, 1, 1, None, "fp16"),
        ValueError,
        "conv1d: precision is 'fp16', it must be one of fp32, tf32, bf16",
    ),
]


# Around the tiles: 6 pixels by 8, 16, 32 and 64 outputs; chunks of 128 and 256 steps.
PLAIN: list[Sizes] = [
    (1, 1, 1, 1, 1, 1, 1),
    (2, 5, 7, 3, 4, 3, 3),
    (1, 6, 6, 1, 32, 3, 3),
    (2, 4, 13, 17, 9, 3, 3),
    (3, 3, 3, 5, 2, 3, 3),
    (0, 5, 5, 2, 3, 3, 3),
    (2, 9, 5, 64, 65, 3, 2),
    (1, 8, 20, 50, 16, 2, 3),
    (2, 7, 7, 130, 20, 3, 3),
    (2, 5, 6, 16, 33, 1, 1),
    (1, 30, 31, 3, 10, 7, 7),
    (5, 2, 3, 300, 12, 2, 2),
    (1, 3, 40, 2, 3, 1, 5),
    (1, 40, 3, 2, 3, 5, 1),
    (3, 4, 4, 0, 5, 3, 3),
    (2, 4, 4, 3, 0, 3, 3),
]
PADDED: list[tuple[Sizes, tuple[Any, ...]]] = [
    ((2, 5, 7, 3, 4, 3, 3), (1, 1)),
    ((2, 6, 6, 16, 16, 3, 3), (1, "same")),
    ((1, 5, 9, 4, 6, 4, 2), (1, "same")),
    ((2, 6, 7, 3, 4, 3, 3), (2, 1)),
    ((1, 9, 11, 5, 8, 3, 3), (3, "same")),
    ((2, 8, 8, 6, 7, 3, 3), ((2, 1), (0, 2))),
    ((1, 7, 10, 4, 5, 3, 2), ((1, 3), ((2, 0), (1, 4)))),
    ((2, 9, 9, 3, 5, 1, 1), (2, 0)),
    ((2, 4, 5, 3, 5, 1, 1), (1, 1)),
    ((2, 10, 9, 5, 4, 3, 3), (1, 2, 2)),
    ((1, 12, 13, 3, 4, 3, 2), (2, "same", (3, 2))),
    ((1, 13, 12, 2, 3, 2, 3), ((2, 3), (4, 1), (2, 4))),
    ((1, 2, 2, 3, 4, 3, 3), (2, (3, 4))),
    ((1, 3, 1, 3, 4, 1, 1), (1, (0, 5))),
    ((1, 23, 19, 3, 8, 7, 7), (2, 3)),
    ((3, 14, 14, 9, 70, 3, 3), (1, 1)),
]
GROUPED: list[tuple[Sizes, tuple[Any, ...]]] = [
    ((2, 5, 6, 6, 9, 3, 3), (1, 1, 1, 3)),
    ((1, 7, 7, 8, 4, 3, 3), (2, "same", 1, 2)),
    ((2, 6, 5, 34, 34, 2, 3), (1, 0, 1, 2)),
    ((1, 9, 9, 4, 8, 3, 3), (2, 2, 2, 4)),
    ((2, 4, 5, 3, 3, 1, 1), (1, 0, 1, 3)),
]
DEPTHWISE: list[tuple[Sizes, tuple[Any, ...]]] = [
    ((2, 6, 7, 5, 5, 3, 3), (1, 1, 1, 5)),
    ((1, 9, 9, 33, 33, 3, 3), (1, "same", 1, 33)),
    ((2, 8, 9, 16, 16, 3, 2), (2, 1, 1, 16)),
    ((1, 11, 12, 70, 70, 5, 5), ((1, 2), 2, (2, 1), 70)),
    ((1, 4, 4, 1, 1, 3, 3), (3, 2)),
    ((2, 3, 30, 130, 130, 1, 9), (1, "same", 1, 130)),
    ((3, 1, 20, 40, 40, 3, 3), (1, 1, 1, 40)),
    ((2, 7, 1, 9, 9, 3, 3), (1, 1, 1, 9)),
    ((2, 6, 5, 18, 18, 3, 3), (1, ((2, 1), (0, 4)), 1, 18)),
    # Few outputs: lanes along the sum, or neighbouring pixels together
    ((2, 5, 9, 20, 3, 3, 3), (1, 1)),
    ((1, 7, 6, 33, 1, 5, 4), (2, 1)),
    ((2, 6, 7, 64, 10, 3, 3), (1, 1)),
    ((2, 5, 6, 32, 6, 3, 3), (1, 0, 2, 2)),
    ((2, 6, 12, 1, 6, 5, 5), (1, 2)),
    ((3, 5, 16, 3, 2, 3, 3), (1, 1)),
    ((1, 7, 17, 2, 5, 3, 4), (2, 1)),
    ((2, 4, 8, 3, 24, 2, 3), (1, (0, 1))),
]

# Around Winograd's squares of 4 x 4 outputs, six patches by 8 to 64 outputs, chunks of 128 and 256 channels; of sums
# of dweight, blocks of 64 channels by 64 outputs and 32 squares; of strides, phases, some cut by the image's edge.
SQUARES: list[tuple[Sizes, tuple[Any, ...]]] = [
    ((1, 1, 1, 1, 1, 3, 3), (1, 1)),
    ((2, 5, 7, 3, 4, 3, 3), (1, "same")),
    ((1, 8, 8, 16, 32, 3, 3), (1, 1)),
    ((3, 6, 10, 9, 20, 3, 3), ()),
    ((2, 9, 13, 33, 65, 3, 3), (1, ((2, 1), (0, 3)))),
    ((1, 2, 3, 5, 6, 3, 3), (1, ((3, 4), (5, 0)))),
    ((0, 5, 5, 2, 3, 3, 3), (1, 1)),
    ((7, 4, 4, 130, 17, 3, 3), (1, 1)),
    ((2, 3, 17, 260, 70, 3, 3), (1, 1)),
    ((1, 3, 3, 0, 5, 3, 3), (1, 1)),
    ((1, 3, 3, 4, 0, 3, 3), (1, 1)),
    ((2, 9, 34, 66, 135, 3, 3), (1, 1)),
    ((2, 6, 9, 18, 12, 3, 3), (1, 1, 1, 1, "relu")),
    ((2, 6, 5, 9, 35, 3, 3), (1, 1, 1, 1, "gelu")),
    ((1, 1, 1, 1, 1, 2, 2), (1, 1)),
    ((2, 6, 9, 18, 70, 2, 2), ()),
    ((1, 2, 2, 3, 4, 4, 4), (2, 1)),
    ((2, 14, 14, 34, 66, 4, 4), (2, 1)),
    ((3, 11, 13, 66, 20, 4, 4), (2, ((1, 2), (0, 3)))),
    ((1, 4, 23, 130, 9, 4, 4), (2, 1, 1, 1, "relu")),
    ((1, 16, 15, 9, 17, 6, 6), (2, 2)),
    ((2, 13, 9, 5, 40, 6, 6), (3, 1)),
    ((1, 12, 20, 17, 6, 9, 9), (3, "same", 1, 1, "tanh")),
]


def winograd(op: Any) -> Any:
    """Return a convolution by Winograd's algorithm in float32; float64 has none."""

    def call(x: Any, *more: Any) -> Any:
        single = getattr(x, "dtype", None) == np.float32
        return op(x, *more, **({"algorithm": "winograd"} if single else {}))

    return call


def largest(*sample: Any) -> Array:
    """Return the magnitude of an image's largest output: it is what Winograd's errors are relative to."""
    return np.max(magnitude(*sample), axis=(1, 2), keepdims=True, initial=0.0)


def drawn(rng: np.random.Generator, sizes: Sizes, more: tuple[Any, ...] = (), biased: bool = True) -> Sample:
    n, h, w, c, out, kh, kw = sizes
    groups = more[3] if len(more) > 3 else 1
    return normal(rng, n, h, w, c), normal(rng, out, kh, kw, c // groups), normal(rng, out) if biased else None, *more


def activated(rng: np.random.Generator, name: str) -> list[Sample]:
    return [
        drawn(rng, (2, 5, 6, 3, 7, 3, 3), (1, 1, 1, 1, name)),
        drawn(rng, (1, 7, 6, 20, 70, 3, 3), (2, "same", 1, 1, name)),
        drawn(rng, (2, 3, 4, 6, 5, 1, 1), (1, 0, 1, 1, name)),
        drawn(rng, (2, 4, 8, 1, 6, 3, 3), (1, 1, 1, 1, name)),
        drawn(rng, (2, 4, 7, 40, 3, 3, 3), (1, 1, 1, 1, name)),
        drawn(rng, (2, 6, 7, 9, 9, 3, 3), (1, 1, 1, 9, name)),
        drawn(rng, (2, 5, 6, 3, 7, 3, 3), (1, 1, 1, 1, name), biased=False),
    ]


def row(name: str, samples: Any, large: Sizes, more: tuple[Any, ...] = (), **about: Any) -> Row:
    usual = {"op": ops.conv2d, "grad": (0, 1, 2), "roundings": roundings, "magnitude": magnitude}
    return Row(name, oracle=conv2d, samples=samples, large=lambda rng: drawn(rng, large, more), **(usual | about))


def cases(given: list[tuple[Sizes, tuple[Any, ...]]]) -> Any:
    return lambda rng: [drawn(rng, *case) for case in given]


IMAGES, KERNEL = (2, 5, 6, 3), (4, 3, 3, 3)
FAULTS = [
    Fault(
        lambda: ones((2, 3, 5, 6), KERNEL),
        ValueError,
        "conv2d: x has shape (2, 3, 5, 6), its last axis must be 3, the channels of weight (4, 3, 3, 3) in 1 group; "
        "x looks like (N, C, H, W): transpose it",
    ),
    Fault(lambda: ones((2, 3, 5, 6), (4, 3, 5, 5)), ValueError, "look like (N, C, H, W) and (out, C, kh, kw)"),
    Fault(lambda: ones(IMAGES, (4, 3, 7, 7)), ValueError, "weight looks like (out, C, kh, kw): transpose it"),
    Fault(lambda: ones(IMAGES, (4, 2, 2, 8)), ValueError, "its last axis must be 8"),
    Fault(lambda: ones((5, 6, 3), KERNEL), ValueError, "conv2d: x has shape (5, 6, 3), it must be (N, H, W, C)"),
    Fault(lambda: ones(IMAGES, (4, 3)), ValueError, "weight has shape (4, 3), it must be (out, kh, kw, C / groups)"),
    Fault(lambda: ones(IMAGES, (4, 0, 3, 3)), ValueError, "the kernel must be at least 1 along each axis"),
    Fault(lambda: ones(IMAGES, KERNEL, (3,)), ValueError, "conv2d: bias has shape (3,), it must be (4,)"),
    Fault(
        lambda: ones(IMAGES, (4, 7, 3, 3)),
        ValueError,
        "the kernel spans 7 x 3, the padded input is only 5 x 6; pad more or use a smaller kernel",
    ),
    Fault(lambda: (*ones(IMAGES, KERNEL), None, 1, 0, 3), ValueError, "the kernel spans 7 x 7"),
    Fault(lambda: (*ones(IMAGES, KERNEL), None, 0), ValueError, "conv2d: stride is 0, it must be from 1"),
    Fault(lambda: (*ones(IMAGES, KERNEL), None, (1, -2)), ValueError, "conv2d: stride is -2"),
    Fault(lambda: (*ones(IMAGES, KERNEL), None, (1, 1, 1)), ValueError, "it must be an integer or two"),
    Fault(lambda: (*ones(IMAGES, KERNEL), None, 1.5), TypeError, "conv2d: stride is 1.5, it must be an integer"),
    Fault(lambda: (*ones(IMAGES, KERNEL), None, 1, -1), ValueError, "conv2d: padding is -1, it must be from 0"),
    Fault(lambda: (*ones(IMAGES, KERNEL), None, 1, "full"), ValueError, "it must be 'same', 'valid' or integers"),
    Fault(lambda: (*ones(IMAGES, KERNEL), None, 1, ((1, 2), 3)), ValueError, "((top, bottom), (left, right))"),
    Fault(lambda: (*ones(IMAGES, KERNEL), None, 1, 0, 0), ValueError, "conv2d: dilation is 0, it must be from 1"),
    Fault(lambda: (*ones(IMAGES, KERNEL), None, 1, 0, 1, 0), ValueError, "conv2d: groups is 0, it must be from 1"),
    Fault(lambda: (*ones(IMAGES, (4, 3, 3, 1)), None, 1, 0, 1, 3), ValueError, "it must divide the 4 outputs"),
    Fault(lambda: (*ones(IMAGES, KERNEL), None, 1, 0, 1, 2), ValueError, "weight (4, 3, 3, 3) in 2 groups"),
    Fault(lambda: (*ones(IMAGES, KERNEL), None, 1, 0, 1, 1, "rely"), ValueError, "activation: 'rely' is not one of"),
    Fault(
        lambda: (*ones(IMAGES, KERNEL), None, 1, 0, 1, 1, None, "fft"),
        ValueError,
        "conv2d: algorithm is 'fft', it must be one of auto, direct, winograd",
    ),
    Fault(
        lambda: (*ones(IMAGES, KERNEL), None, 1, 0, 1, 1, None, "auto", "fp16"),
        ValueError,
        "conv2d: precision is 'fp16', it must be one of fp32, tf32, bf16",
    ),
    Fault(
        lambda: (*ones(IMAGES, KERNEL), None, 2, 0, 1, 1, None, "winograd"),
        ValueError,
        "not for float32, a 3 x 3 kernel, stride (2, 2), dilation (1, 1), groups 1; use 'auto'",
    ),
    Fault(
        lambda: (*ones(IMAGES, (4, 3, 2, 3)), None, 1, 0, 1, 1, None, "winograd"),
        ValueError,
        "conv2d: algorithm is 'winograd', which is for float32, square kernels of 2 or 3 times the stride, dilation 1",
    ),
    Fault(
        lambda: (*[wxb.tensor(np.ones(s), "float64") for s in (IMAGES, KERNEL)], None, 1, 0, 1, 1, None, "winograd"),
        ValueError,
        "not for float64",
    ),
    Fault(lambda: (*ones(IMAGES, KERNEL), None, 1, 1 << 40), ValueError, "conv2d: padding is 1099511627776"),
    Fault(lambda: (*ones(IMAGES, KERNEL), None, 1, 1 << 29), ValueError, "is too large for 64 bits"),
    Fault(lambda: (wxb.tensor(np.ones(IMAGES), "float64"), *ones(KERNEL)), TypeError, "it must be float64"),
    Fault(lambda: (wxb.tensor([[[[1]]]]), *ones((1, 1, 1, 1))), TypeError, "must be float32 or float64"),
]


def conv_transpose2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
    activation: str | None = None,
) -> Array:
    (sh, sw), (dh, dw), (ph, pw), (eh, ew) = both(stride), both(dilation), both(padding), both(output_padding)
    (n, h, w, c), (_, kh, kw, out) = x.shape, weight.shape
    full = np.zeros((n, (h - 1) * sh + (kh - 1) * dh + 1 + eh, (w - 1) * sw + (kw - 1) * dw + 1 + ew, out * groups))
    for p in range(kh):
        for q in range(kw):
            into = full[:, p * dh :: sh, q * dw :: sw][:, :h, :w]
            for g in range(groups):
                share = slice(g * c // groups, (g + 1) * c // groups)
                into[..., g * out : (g + 1) * out] += x[..., share] @ weight[share, p, q]
    y = full[:, ph : full.shape[1] - ph, pw : full.shape[2] - pw] + (0 if bias is None else bias)
    return y if activation is None else FUNCTIONS[activation](y)


def transposed_magnitude(x: Array, weight: Array, bias: Array | None = None, *more: Any) -> Array:
    sums = conv_transpose2d(np.abs(x), np.abs(weight), None if bias is None else np.abs(bias), *more[:5])
    return 2 * (sums + (len(more) > 5))


# n, h, w, c, out, kh, kw, then stride, padding, output_padding, groups, dilation, activation
TRANSPOSED: list[tuple[Sizes, tuple[Any, ...]]] = [
    ((1, 1, 1, 1, 1, 1, 1), ()),
    ((2, 3, 4, 3, 5, 3, 3), ()),
    ((2, 4, 5, 6, 20, 4, 4), (2, 1)),
    ((3, 4, 4, 40, 1, 4, 4), (2, 1)),
    ((2, 5, 6, 20, 3, 3, 3), (2, 1, 1)),
    ((2, 4, 3, 7, 16, 2, 2), (2,)),
    ((1, 3, 4, 5, 6, 2, 3), (3, 0, (2, 0))),
    ((2, 5, 4, 8, 12, 3, 3), (2, (1, 0), 1, 4)),
    ((1, 6, 5, 9, 9, 3, 3), (2, 1, 1, 9)),
    ((1, 4, 5, 6, 5, 3, 2), ((1, 2), 2, 1, 1, (2, 3))),
    ((2, 3, 3, 33, 18, 1, 1), ()),
    ((2, 3, 3, 5, 17, 1, 1), (2, 0, 1)),
    ((2, 6, 5, 12, 40, 3, 3), (1, 1)),
    ((0, 3, 3, 2, 3, 3, 3), (2,)),
    ((1, 3, 3, 0, 3, 3, 3), (2,)),
    ((1, 3, 3, 2, 0, 3, 3), (2,)),
    ((1, 4, 4, 6, 3, 3, 3), (1, 2)),
]


def transposed(rng: np.random.Generator, sizes: Sizes, more: tuple[Any, ...] = (), biased: bool = True) -> Sample:
    n, h, w, c, out, kh, kw = sizes
    groups = more[3] if len(more) > 3 else 1
    return normal(rng, n, h, w, c), normal(rng, c, kh, kw, out // groups), normal(rng, out) if biased else None, *more


def transposed_activated(rng: np.random.Generator) -> list[Sample]:
    forms = [
        ((2, 4, 3, 7, 16, 4, 4), (2, 1)),
        ((2, 3, 3, 9, 3, 3, 3), (2, 1, 1)),
        ((1, 4, 4, 9, 9, 3, 3), (1, 0, 0, 9)),
    ]
    fill = (1, 0, 0, 1, 1)
    return [
        transposed(rng, sizes, (*more, *fill[len(more) :], name), biased)
        for sizes, more in forms
        for name, biased in (("relu", True), ("gelu", True), ("tanh", False))
    ] + [transposed(rng, (2, 3, 4, 6, 5, 1, 1), (*fill, "gelu"))]


SPREAD_SQUARES: list[tuple[Sizes, tuple[Any, ...]]] = [
    ((2, 7, 7, 34, 66, 4, 4), (2, 1)),
    ((1, 5, 9, 9, 20, 4, 4), (2, 0, 1, 1, 1, "relu")),
    ((3, 1, 2, 66, 5, 4, 4), (2, 1)),
    ((2, 6, 5, 18, 33, 3, 3), (1, 1, 0, 1, 1, "gelu")),
    ((1, 4, 5, 7, 18, 6, 6), (3, 2, (1, 2))),
]

FROM, SPREAD = (2, 5, 6, 3), (3, 3, 3, 4)
TRANSPOSED_FAULTS = [
    Fault(lambda: ones((5, 6, 3), SPREAD), ValueError, "x has shape (5, 6, 3), it must be (N, H, W, C)"),
    Fault(lambda: ones(FROM, (3, 3, 4)), ValueError, "(3, 3, 4), it must be (C, kh, kw, out / groups)"),
    Fault(lambda: ones(FROM, (3, 0, 3, 4)), ValueError, "the kernel must be at least 1 along each axis"),
    Fault(
        lambda: ones((2, 3, 5, 6), SPREAD),
        ValueError,
        "its last axis must be 3, the first of weight (3, 3, 3, 4); x looks like (N, C, H, W): transpose it with",
    ),
    Fault(lambda: ones(FROM, (4, 3, 3, 3)), ValueError, "x has shape (2, 5, 6, 3), its last axis must be 4"),
    Fault(lambda: ones(FROM, SPREAD, (3,)), ValueError, "conv_transpose2d: bias has shape (3,), it must be (4,)"),
    Fault(lambda: ones((2, 0, 6, 3), SPREAD), ValueError, "of 0 x 6 pixels nothing is left after padding (0, 0)"),
    Fault(lambda: (*ones(FROM, SPREAD), None, 1, 4), ValueError, "5 x 6 pixels nothing is left after padding (4, 4)"),
    Fault(lambda: (*ones(FROM, SPREAD), None, 2, 0, 2), ValueError, "it must be less than stride 2 or dilation 1"),
    Fault(lambda: (*ones(FROM, SPREAD), None, 0), ValueError, "conv_transpose2d: stride is 0, it must be from 1"),
    Fault(lambda: (*ones(FROM, SPREAD), None, 1, -1), ValueError, "conv_transpose2d: padding is -1, it must be from"),
    Fault(lambda: (*ones(FROM, SPREAD), None, 1, "same"), TypeError, "padding is 'same', it must be an integer"),
    Fault(lambda: (*ones(FROM, SPREAD), None, 1, 0, 0, 2), ValueError, "groups is 2, it must divide the 3 channels"),
    Fault(lambda: (*ones(FROM, SPREAD), None, 1, 0, 0, 1, 0), ValueError, "conv_transpose2d: dilation is 0"),
    Fault(lambda: (*ones(FROM, SPREAD), None, 1 << 30, 0, 0, 1, 1 << 30), ValueError, "too large for 64 bits"),
    Fault(lambda: (*ones(FROM, SPREAD), None, 1, 0, 0, 1, 1, "rely"), ValueError, "activation: 'rely' is not one of"),
    Fault(lambda: (*ones(FROM, SPREAD), None, 1, 0, 0, 1, 1, None, "fft"), ValueError, "one of auto, direct, winograd"),
    Fault(
        lambda: (*ones(FROM, SPREAD), None, 1, 0, 0, 1, 1, None, "auto", "fp16"),
        ValueError,
        "conv_transpose2d: precision is 'fp16', it must be one of fp32, tf32, bf16",
    ),
    Fault(
        lambda: (*ones(FROM, SPREAD), None, 2, 0, 0, 1, 1, None, "winograd"),
        ValueError,
        "conv_transpose2d: algorithm is 'winograd', which is for float32, square kernels of 2 or 3 times the stride",
    ),
    Fault(lambda: (wxb.tensor(np.ones(FROM), "float64"), *ones(SPREAD)), TypeError, "it must be float64"),
]


def transposed_row(name: str, samples: Any, **about: Any) -> Row:
    usual = {"op": ops.conv_transpose2d, "roundings": roundings, "magnitude": transposed_magnitude}
    return Row(
        name,
        oracle=conv_transpose2d,
        samples=samples,
        large=lambda rng: transposed(rng, (4, 20, 21, 20, 40, 4, 4), (2, 1)),
        grad=(0, 1, 2),
        special=(
            -0.0,
            2.0**-140,
            -(2.0**-140),
        ),  # a weight's NaN also meets zeros beyond x; not in the oracle
        **(usual | about),
    )


ROWS = [
    transposed_row(
        "conv_transpose2d",
        lambda rng: [transposed(rng, *form) for form in TRANSPOSED] + [transposed(rng, *TRANSPOSED[2], biased=False)],
        exact=True,
        errors=TRANSPOSED_FAULTS,
    ),
    transposed_row("conv_transpose2d[activated]", transposed_activated, slope=1.0),
    transposed_row(
        "conv_transpose2d[winograd]",
        lambda rng: [transposed(rng, *form) for form in SPREAD_SQUARES],
        op=winograd(ops.conv_transpose2d),
        magnitude=lambda *sample: np.max(transposed_magnitude(*sample), axis=(1, 2), keepdims=True, initial=0.0),
        roundings=lambda *sample: 100 + roundings(*sample),
        slope=1.0,
    ),
    row(
        "conv2d",
        lambda rng: [drawn(rng, sizes) for sizes in PLAIN] + [drawn(rng, PLAIN[1], biased=False)],
        (3, 30, 29, 20, 40, 3, 3),
        (1, 1),
        exact=True,
        errors=FAULTS,
    ),
    row("conv2d[padded]", cases(PADDED), (4, 33, 34, 18, 30, 3, 3), (2, "same"), exact=True),
    row("conv2d[groups]", cases(GROUPED), (4, 20, 21, 40, 40, 3, 3), (1, 1, 1, 2), exact=True),
    row("conv2d[depthwise]", cases(DEPTHWISE), (4, 30, 30, 70, 70, 3, 3), (1, 1, 1, 70), exact=True),
    row(
        "conv2d[winograd]",
        cases(SQUARES),
        (6, 30, 29, 40, 70, 3, 3),
        (1, 1),
        op=winograd(ops.conv2d),
        magnitude=largest,
        roundings=lambda *sample: 100 + roundings(*sample),
        slope=1.0,
        special=(),  # the outputs of a square share their products, and so a NaN or an infinity
    ),
    *(
        row(
            f"conv2d[{name}]",
            lambda rng, name=name: activated(rng, name),
            (3, 20, 21, 20, 40, 3, 3),
            (1, 1, 1, 1, name),
            slope=0.0 if name == "relu" else 1.0,
        )
        for name in ("relu", "gelu", "tanh")
    ),
    Row(
        "conv1d",
        ops.conv1d,
        conv1d,
        lines,
        large=lambda rng: (normal(rng, 20, 300, 20), normal(rng, 40, 3, 20), normal(rng, 40)),
        grad=(0, 1, 2),
        roundings=roundings,
        magnitude=lambda x, w, b, *more: 2 * (conv1d(np.abs(x), np.abs(w), np.abs(b), *more[:4]) + (len(more) > 4)),
        slope=1.0,
        errors=LINE_FAULTS,
    ),
]
