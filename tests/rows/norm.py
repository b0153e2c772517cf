"""Rows of wxb.ops.norm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import wxb
from wxb import ops

from . import Array, Fault, Row, Sample, normal, positive
from .gemm import FUNCTIONS

# (rows, features) around the widths of vectors, the tasks of 32 rows, and chunks of 4096.
SHAPES: list[tuple[int, ...]] = [
    *((3, n) for n in (1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 257)),
    (5,),
    (0, 4),
    (3, 0),
    (2, 3, 5),
    (31, 300),
    (33, 300),
    (2, 4099),
]


def layer_norm(x: Array, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5) -> Array:
    if x.shape[-1] == 0:
        return x
    centred = x - x.mean(-1, keepdims=True)
    y = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + eps)
    return y * (1 if weight is None else weight) + (0 if bias is None else bias)


def rms_norm(x: Array, weight: Array | None = None, eps: float = 1e-5) -> Array:
    if x.shape[-1] == 0:
        return x
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * (1 if weight is None else weight)


def differences(x: Array, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5) -> Array:
    """How large is what is subtracted: the row less its first element, in units of the deviation."""
    if x.shape[-1] == 0:
        return x
    apart = np.abs(x - x[..., :1]) + np.abs(x - x[..., :1]).mean(-1, keepdims=True)
    scaled = apart / np.sqrt(x.var(-1, keepdims=True) + eps) * (1 if weight is None else np.abs(weight))
    return scaled + (0 if bias is None else np.abs(bias))


def samples(rng: np.random.Generator, parameters: int) -> list[Sample]:
    def drawn(*shape: int, given: int = parameters) -> Sample:
        return (normal(rng, *shape, scale=3), *(normal(rng, shape[-1]) for _ in range(given)))

    return [
        *(drawn(*shape) for shape in SHAPES),
        drawn(9, 33, given=0),
        drawn(40, 257, given=0),
        (*drawn(4, 20), 0.25),
        (normal(rng, 3, 20, scale=1e4), *drawn(20)[1:]),
    ]


def roundings(x: Array, *_: Any) -> float:
    return 12.0 + x.shape[-1]


def wrong(name: str, *more: Fault) -> list[Fault]:
    shape = f"{name}: weight has shape (2,), the last axis of x (2, 3) wants (3,)"
    ones = np.ones((2, 3))
    eps = {"layer_norm": (None, None), "rms_norm": (None,)}[name]
    return [
        Fault(lambda: (wxb.tensor(1.0),), ValueError, f"{name}: x is 0-d, it must be (..., features)"),
        Fault(lambda: (wxb.tensor(ones), wxb.tensor(np.ones(2))), ValueError, shape),
        Fault(lambda: (wxb.tensor(ones), wxb.tensor(np.ones(3), "float64")), TypeError, "weight has dtype float64"),
        Fault(lambda: (wxb.tensor([1, 2]),), TypeError, "must be float32 or float64"),
        Fault(lambda: (wxb.tensor(ones), *eps, -1.0), ValueError, f"{name}: eps is -1"),
        Fault(lambda: (wxb.tensor(ones), *eps, float("nan")), ValueError, f"{name}: eps is nan"),
        *more,
    ]


def row(name: str, oracle: Callable[..., Any], parameters: int, **more: Any) -> Row:
    return Row(
        name,
        getattr(ops, name),
        oracle,
        lambda rng: samples(rng, parameters),
        large=lambda rng: (normal(rng, 700, 130), *(normal(rng, 130) for _ in range(parameters))),
        grad=tuple(range(1 + parameters)),
        roundings=roundings,
        **more,
    )


# ---- channels ----

# (..., channels) in training: vectors, pieces of four rows, tasks of 32 rows or 16384 elements, at most 64 of them.
CHANNELS: list[tuple[int, ...]] = [
    *((5, n) for n in (1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65)),
    (2, 3),
    (3, 0),
    (3, 2, 5),
    (2, 3, 4, 5),
    (33, 700),
    (9001, 2),
    (70000, 1),
]


def batch_norm(
    x: Array,
    running_mean: Array | None,
    running_var: Array | None,
    weight: Array | None = None,
    bias: Array | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    count: None = None,
    activation: str | None = None,
) -> Array:
    axes = tuple(range(x.ndim - 1))
    if training and x.size:
        x = x - x[(0,) * len(axes)]  # a large mean would cost the oracle digits
    mean, var = (x.mean(axes), x.var(axes)) if training else (running_mean, running_var)
    y = (x - mean) / np.sqrt(var + eps) * (1 if weight is None else weight) + (0 if bias is None else bias)
    return y if activation is None else FUNCTIONS[activation](y)


def group_norm(
    x: Array, groups: int, weight: Array | None = None, bias: Array | None = None, eps: float = 1e-5
) -> Array:
    if x.size == 0:
        return x
    split = x.reshape(len(x), -1, groups, x.shape[-1] // groups)
    split = split - split[:, :1, :, :1]  # a large mean would cost the oracle digits
    centred = split - split.mean((1, 3), keepdims=True)
    y = (centred / np.sqrt((centred**2).mean((1, 3), keepdims=True) + eps)).reshape(x.shape)
    return y * (1 if weight is None else weight) + (0 if bias is None else bias)


def from_the_first(x: Array, running_mean: Any, running_var: Any, *more: Any) -> Array:
    """As ``differences``, of each channel; in evaluation of x less its running mean."""
    weight, bias, training, _, eps, *_ = more
    axes = tuple(range(x.ndim - 1))
    if training:
        first = x[(0,) * len(axes)]
        apart, var = np.abs(x - first) + np.abs(x - first).mean(axes), x.var(axes)
    else:
        apart, var = np.abs(x - running_mean), running_var
    scaled = apart / np.sqrt(np.abs(var) + eps) * (1 if weight is None else np.abs(weight))
    return scaled + (0 if bias is None else np.abs(bias))


def from_the_first_of_group(x: Array, groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Array:
    if x.size == 0:
        return x
    split = x.reshape(len(x), -1, groups, x.shape[-1] // groups)
    apart = np.abs(split - split[:, :1, :, :1])
    scaled = (apart + apart.mean((1, 3), keepdims=True)) / np.sqrt(split.var((1, 3), keepdims=True) + eps)
    return scaled.reshape(x.shape) * (1 if weight is None else np.abs(weight)) + (0 if bias is None else np.abs(bias))


def chained(x: Array, *_: Any) -> float:
    """A chain of n additions, in double even for float32, is off by some sqrt(n) roundings."""
    return 12.0 + float(np.sqrt(x.size / max(1, x.shape[-1])))


def far(rng: np.random.Generator, mean: float, *shape: int) -> Array:
    """Draw numbers about ``mean`` that float32 holds exactly."""
    return mean + np.round(256 * normal(rng, *shape, scale=3)) / 256


def batch_samples(rng: np.random.Generator, training: bool, activation: str | None) -> list[Sample]:
    def drawn(*shape: int, mean: float = 0.0) -> Sample:
        running = (normal(rng, shape[-1]), positive(rng, shape[-1]))
        return (far(rng, mean, *shape), *running, normal(rng, shape[-1]), normal(rng, shape[-1]), training)

    plain = (*drawn(6, 33)[:3], None, None, training)
    more = [plain, drawn(9, 5, mean=4096.0), (*drawn(4, 20), 0.25, 0.5)]
    if training:
        more.append((normal(rng, 6, 33), None, None, None, None, True))
    else:
        more += [drawn(0, 5), drawn(1, 5)]
    samples = [*(drawn(*shape) for shape in CHANNELS), *more]
    return [(*s, *(0.1, 1e-5)[len(s) - 6 :], None, activation) for s in samples]


def group_samples(rng: np.random.Generator) -> list[Sample]:
    cases = [(1, 1), (2, 2), (6, 3), (8, 1), (8, 8), (15, 5), (17, 1), (32, 2), (33, 3), (64, 4)]
    shapes: list[tuple[tuple[int, ...], int]] = [((3, 5, c), g) for c, g in cases]
    shapes += [((2, 3, 4, 6), 2), ((3, 8), 2), ((0, 5, 4), 2), ((2, 0, 4), 2), ((2, 3, 0), 2), ((2, 9001, 4), 2)]
    given = [(normal(rng, *s, scale=3), g, normal(rng, s[-1]), normal(rng, s[-1])) for s, g in shapes]
    return [*given, (normal(rng, 2, 5, 12), 3), (far(rng, 4096.0, 2, 9, 12), 3), (*given[2], 0.25)]


def ones(*shape: int) -> Any:
    return wxb.tensor(np.ones(shape))


BATCH_FAULTS = [
    Fault(lambda: (wxb.tensor(1.0), None, None), ValueError, "batch_norm: x is 0-d, it must be (..., features)"),
    Fault(lambda: (ones(4, 3), ones(2), ones(3)), ValueError, "running_mean has shape (2,), the last axis of x (4, 3)"),
    Fault(lambda: (ones(4, 3), ones(3), None), ValueError, "running_mean and running_var come together"),
    Fault(lambda: (ones(4, 3),), ValueError, "without training it needs running_mean and running_var"),
    Fault(lambda: (ones(1, 3), None, None, None, None, True), ValueError, "x has 1 value for each channel, training"),
    Fault(lambda: (ones(0, 3), None, None, None, None, True), ValueError, "x has 0 values for each channel, training"),
    Fault(lambda: (ones(4, 3), None, None, None, None, True, 1.5), ValueError, "batch_norm: momentum is 1.5"),
    Fault(
        lambda: (ones(4, 3), ones(3), ones(3), None, None, True, None),
        ValueError,
        "momentum is None, that needs num_batches_tracked",
    ),
    Fault(lambda: (ones(4, 3), None, None, None, None, True, 0.1, -1.0), ValueError, "batch_norm: eps is -1"),
    Fault(
        lambda: (ones(4, 3), None, None, None, None, True, 0.1, 1e-5, None, "gulp"),
        ValueError,
        "activation: 'gulp' is not one of",
    ),
    Fault(
        lambda: (ones(4, 3), wxb.tensor(np.ones(3), requires_grad=True), ones(3)),
        ValueError,
        "running_mean requires a gradient, it gets none",
    ),
    Fault(
        lambda: (wxb.tensor([[1, 2], [3, 4]]), None, None, None, None, True), TypeError, "must be float32 or float64"
    ),
]
GROUP_FAULTS = [
    Fault(lambda: (ones(4), 2), ValueError, "group_norm: x has shape (4,), it must be (N, ..., channels)"),
    Fault(lambda: (ones(2, 4), 3), ValueError, "groups is 3, it must be at least 1 and divide the 4 channels"),
    Fault(lambda: (ones(2, 4), 0), ValueError, "groups is 0, it must be at least 1"),
    Fault(lambda: (ones(2, 4), 2, ones(3)), ValueError, "weight has shape (3,), the last axis of x (2, 4) wants (4,)"),
    Fault(lambda: (ones(2, 4), 2, None, None, -1.0), ValueError, "group_norm: eps is -1"),
]


def batch_row(form: str, training: bool, activation: str | None, errors: list[Fault]) -> Row:
    end = (training, 0.1, 1e-5, None, activation)
    return Row(
        f"batch_norm{form}",
        ops.batch_norm,
        batch_norm,
        lambda rng: batch_samples(rng, training, activation),
        large=lambda rng: (
            normal(rng, 700, 130),
            *(normal(rng, 130), positive(rng, 130), normal(rng, 130), normal(rng, 130)),
            *end,
        ),
        grad=(0, 3, 4),
        roundings=chained,
        magnitude=from_the_first,
        slope=10,
        errors=errors,
    )


ROWS = [
    row(
        "layer_norm",
        layer_norm,
        2,
        magnitude=differences,
        slope=10,
        errors=wrong(
            "layer_norm",
            Fault(
                lambda: (wxb.tensor(np.ones((2, 3))), None, wxb.tensor(np.ones((3, 1)))),
                ValueError,
                "layer_norm: bias has shape (3, 1), the last axis of x (2, 3) wants (3,)",
            ),
        ),
    ),
    row("rms_norm", rms_norm, 1, slope=10, errors=wrong("rms_norm")),
    batch_row("", True, None, BATCH_FAULTS),
    batch_row("[relu]", True, "relu", []),
    batch_row("[gelu_tanh]", True, "gelu_tanh", []),
    batch_row("[tanh]", True, "tanh", []),
    batch_row("[eval]", False, None, []),
    Row(
        "group_norm",
        ops.group_norm,
        group_norm,
        group_samples,
        large=lambda rng: (normal(rng, 5, 300, 130), 10, normal(rng, 130), normal(rng, 130)),
        grad=(0, 2, 3),
        roundings=chained,
        magnitude=from_the_first_of_group,
        slope=10,
        errors=GROUP_FAULTS,
    ),
]
