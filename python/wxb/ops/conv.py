"""Convolution, channels last."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from ..autograd import Grads, record
from ..device import Array
from ..tensor import Tensor
from .elementwise import SAVES_OUTPUT, activation_named
from .reduce import expect_tensor

__all__ = ["conv1d", "conv2d"]

Pair = tuple[int, int]
Padding = int | str | Sequence[int] | Sequence[Sequence[int]]
LARGEST = 1 << 30  # of a stride, a dilation, a padding: products of two such numbers fit the kernels' integers
ALGORITHMS = ("auto", "direct")


def _integer(name: str, what: str, value: Any, least: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: {what} is {value!r}, it must be an integer") from None
    if not least <= number <= LARGEST:
        raise ValueError(f"{name}: {what} is {number}, it must be from {least} to {LARGEST}")
    return number


def _each_axis(name: str, what: str, value: Any, least: int) -> Pair:
    """Return the value for height and width, given as one integer for both or as two."""
    if not isinstance(value, (tuple, list)):
        number = _integer(name, what, value, least)
        return number, number
    if len(value) != 2:
        raise ValueError(f"{name}: {what} is {value}, it must be an integer or two, of height and width")
    return _integer(name, what, value[0], least), _integer(name, what, value[1], least)


def _sides(name: str, padding: Any, sizes: Pair, reach: Pair, stride: Pair) -> tuple[Pair, Pair]:
    """Return (before, after) on each axis; ``reach`` is how much of the axis a kernel spans."""
    if isinstance(padding, str):
        if padding == "valid":
            return (0, 0), (0, 0)
        if padding != "same":
            raise ValueError(f"{name}: padding is {padding!r}, it must be 'same', 'valid' or integers")
        totals = [max(0, (-(-size // s) - 1) * s + r - size) for size, s, r in zip(sizes, stride, reach)]
        top, left = (total // 2 for total in totals)
        return (top, totals[0] - top), (left, totals[1] - left)
    if isinstance(padding, (tuple, list)) and any(isinstance(side, (tuple, list)) for side in padding):
        if len(padding) != 2 or any(not isinstance(side, (tuple, list)) or len(side) != 2 for side in padding):
            raise ValueError(f"{name}: padding is {padding}, by sides it must be ((top, bottom), (left, right))")
        top, bottom = _each_axis(name, "padding", padding[0], 0)
        left, right = _each_axis(name, "padding", padding[1], 0)
        return (top, bottom), (left, right)
    height, width = _each_axis(name, "padding", padding, 0)
    return (height, height), (width, width)


def _expect_images(name: str, x: Tensor, weight: Tensor, groups: int) -> None:
    """Raise unless x is (N, H, W, C) and weight (out, kh, kw, C / groups), each group with its share of both."""
    if x.data.ndim != 4:
        raise ValueError(f"{name}: x has shape {x.shape}, it must be (N, H, W, C)")
    if weight.data.ndim != 4:
        raise ValueError(f"{name}: weight has shape {weight.shape}, it must be (out, kh, kw, C / groups)")
    channels, (out, *kernel, given) = x.shape[3], weight.shape
    if 0 in kernel:
        raise ValueError(f"{name}: weight has shape {weight.shape}, the kernel must be at least 1 x 1")
    if channels != given * groups:
        raise ValueError(
            f"{name}: x has shape {x.shape}, its last axis must be {given * groups}, the channels of weight "
            f"{weight.shape} in {groups} group{'s' * (groups != 1)}{_order(x.shape, weight.shape, groups)}"
        )
    if out % groups:
        raise ValueError(f"{name}: groups is {groups}, it must divide the {out} outputs of weight {weight.shape}")


def _order(x: tuple[int, ...], weight: tuple[int, ...], groups: int) -> str:
    """Return a hint if the axes lie as torch has them."""
    if x[1] == weight[3] * groups:
        return "; x looks like (N, C, H, W): transpose it with axes (0, 2, 3, 1)"
    if x[1] == weight[1] * groups:
        return "; x and weight look like (N, C, H, W) and (out, C, kh, kw): transpose both with axes (0, 2, 3, 1)"
    if x[3] == weight[1] * groups:
        return "; weight looks like (out, C, kh, kw): transpose it with axes (0, 2, 3, 1)"
    return ""


def _outputs(name: str, sizes: Pair, reach: Pair, sides: tuple[Pair, Pair], stride: Pair) -> Pair:
    padded = [size + before + after for size, (before, after) in zip(sizes, sides)]
    if any(r > p for r, p in zip(reach, padded)):
        raise ValueError(
            f"{name}: the kernel spans {reach[0]} x {reach[1]}, the padded input is only {padded[0]} x {padded[1]}; "
            "pad more or use a smaller kernel"
        )
    return (padded[0] - reach[0]) // stride[0] + 1, (padded[1] - reach[1]) // stride[1] + 1


def conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: Padding = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    activation: str | None = None,
    algorithm: str = "auto",
) -> Tensor:
    """Convolution with a fused activation, ``y[n, i, j, o] = act(b[o] + sum over p, q, c of
    x[n, i s + p d - pad, j s + q d - pad, c] weight[o, p, q, c])``.

    x (N, H, W, C), weight (out, kh, kw, C / groups), bias (out,) -> (N, OH, OW, out), all of one float dtype; with
    ``groups`` each share of the outputs sees its own share of the channels. stride, dilation: an integer or (height,
    width); padding: these, ((top, bottom), (left, right)), "valid" or "same", which gives ceil(size / stride) outputs.
    Raises ``ValueError`` for shapes and sizes that do not fit, ``TypeError`` for dtypes that differ.
    """
    return _conv("conv2d", x, weight, bias, stride, padding, dilation, groups, activation, algorithm)


def conv1d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int = 1,
    padding: int | str | Sequence[int] = 0,
    dilation: int = 1,
    groups: int = 1,
    activation: str | None = None,
) -> Tensor:
    """Convolution along one axis, ``conv2d`` of images of height 1.

    x (N, L, C), weight (out, k, C / groups), bias (out,) -> (N, OL, out). padding: an integer, (before, after), "same"
    or "valid". Raises as ``conv2d`` does.
    """
    expect_tensor("conv1d", "x", x)
    expect_tensor("conv1d", "weight", weight)
    if x.data.ndim != 3 or weight.data.ndim != 3:
        raise ValueError(
            f"conv1d: x and weight have shapes {x.shape} and {weight.shape}, they must be (N, L, C) and "
            "(out, k, C / groups)"
        )
    if isinstance(padding, (tuple, list)):
        sides: Padding = ((0, 0), padding)
    else:
        sides = padding if isinstance(padding, str) else (0, padding)
    (n, length, c), (out, k, given) = x.shape, weight.shape
    y = _conv(
        "conv1d",
        x.reshape(n, 1, length, c),
        weight.reshape(out, 1, k, given),
        bias,
        (1, stride),
        sides,
        (1, dilation),
        groups,
        activation,
    )
    return y.reshape(n, y.shape[2], out)


def _conv(
    name: str,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: Any,
    activation: str | None,
    algorithm: str = "auto",
) -> Tensor:
    expect_tensor(name, "x", x)
    expect_tensor(name, "weight", weight)
    if bias is not None:
        expect_tensor(name, "bias", bias)
    if algorithm not in ALGORITHMS:
        raise ValueError(f"{name}: algorithm is {algorithm!r}, it must be one of {', '.join(ALGORITHMS)}")
    steps, apart = _each_axis(name, "stride", stride, 1), _each_axis(name, "dilation", dilation, 1)
    groups = _integer(name, "groups", groups, 1)
    dev, (act, alpha) = x.device, activation_named(activation)
    _expect_images(name, x, weight, groups)
    xa, wa, ba = x.data, weight.data, None if bias is None else bias.data
    sizes, kernel = xa.shape[1:3], wa.shape[1:3]
    reach = (kernel[0] - 1) * apart[0] + 1, (kernel[1] - 1) * apart[1] + 1
    sides = _sides(name, padding, sizes, reach, steps)
    before = sides[0][0], sides[1][0]
    y = dev.empty((xa.shape[0], *_outputs(name, sizes, reach, sides, steps), wa.shape[0]), xa.dtype)
    pre = dev.empty(y.shape, xa.dtype) if activation is not None and act not in SAVES_OUTPUT else None
    dev.kernels.conv2d_forward(xa, wa, ba, y, pre, steps, before, apart, groups, act, alpha)
    saved = None if activation is None else y if pre is None else pre

    def backward(dy: Array, grads: Grads) -> Sequence[Array]:
        dx, dw, db = given = grads()
        dev.kernels.conv2d_backward(xa, wa, saved, dy, dx, dw, db, steps, before, apart, groups, act, alpha)
        return given  # type: ignore[no-any-return]

    return record(y, (x, weight, bias), backward)
