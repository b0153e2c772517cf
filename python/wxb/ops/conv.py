"""Convolution, channels last."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

from ..autograd import Grads, record
from ..device import Array, cpu
from ..tensor import Tensor
from .elementwise import SAVES_OUTPUT, activation_named
from .gemm import precision_named
from .indexing import reshape
from .reduce import expect_tensor

__all__ = ["conv1d", "conv2d", "conv_transpose2d"]

Pair = tuple[int, int]
Padding = int | str | Sequence[int] | Sequence[Sequence[int]]
LARGEST = 1 << 30  # of a stride, a dilation, a padding: products of two such numbers fit the kernels' integers
ALGORITHMS = ("auto", "direct", "winograd")


class _Layout(NamedTuple):
    """How an op wants its axes, how torch has them, and what turns these into those."""

    x: str
    weight: str
    first_x: str
    first_weight: str
    axes: str


_LAYOUTS = {
    "conv2d": _Layout("(N, H, W, C)", "(out, kh, kw, C / groups)", "(N, C, H, W)", "(out, C, kh, kw)", "(0, 2, 3, 1)"),
    "conv_transpose2d": _Layout(
        "(N, H, W, C)", "(C, kh, kw, out / groups)", "(N, C, H, W)", "(C, out, kh, kw)", "(0, 2, 3, 1)"
    ),
    "conv1d": _Layout("(N, L, C)", "(out, k, C / groups)", "(N, C, L)", "(out, C, k)", "(0, 2, 1)"),
}


def _integer(name: str, what: str, value: Any, least: int) -> int:
    try:
        number: int = operator.index(value)
    except TypeError:
        raise TypeError(f"{name}: {what} is {value!r}, it must be an integer") from None
    if not least <= number <= LARGEST:
        raise ValueError(f"{name}: {what} is {number}, it must be from {least} to {LARGEST}")
    return number


def each_axis(name: str, what: str, value: Any, least: int) -> Pair:
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
        top, bottom = each_axis(name, "padding", padding[0], 0)
        left, right = each_axis(name, "padding", padding[1], 0)
        return (top, bottom), (left, right)
    height, width = each_axis(name, "padding", padding, 0)
    return (height, height), (width, width)


def algorithm_named(name: str, algorithm: str) -> Any:
    """Return what the kernels call an algorithm; raise unless it is one."""
    if algorithm not in ALGORITHMS:
        raise ValueError(f"{name}: algorithm is {algorithm!r}, it must be one of {', '.join(ALGORITHMS)}")
    return cpu.kernels.Algorithm.__members__[algorithm]


def _expect_layout(name: str, x: Tensor, weight: Tensor) -> _Layout:
    """Return the op's layout; raise unless x and weight have as many axes, and there is a kernel."""
    expect_tensor(name, "x", x)
    expect_tensor(name, "weight", weight)
    layout = _LAYOUTS[name]
    for what, value, wanted in (("x", x, layout.x), ("weight", weight, layout.weight)):
        if value.data.ndim != wanted.count(",") + 1:
            raise ValueError(f"{name}: {what} has shape {value.shape}, it must be {wanted}")
    if 0 in weight.shape[1:-1]:
        raise ValueError(f"{name}: weight has shape {weight.shape}, the kernel must be at least 1 along each axis")
    return layout


def _expect_channels(name: str, x: Tensor, weight: Tensor, given: Any) -> int:
    """Return the groups; raise unless x and weight have the op's layout and every group its share of the channels."""
    layout, groups = _expect_layout(name, x, weight), _integer(name, "groups", given, 1)
    out, channels = weight.shape[0], weight.shape[-1]
    if x.shape[-1] != channels * groups:
        raise ValueError(
            f"{name}: x has shape {x.shape}, its last axis must be {channels * groups}, the channels of weight "
            f"{weight.shape} in {groups} group{'s' * (groups != 1)}{_order(layout, x.shape, weight.shape, groups)}"
        )
    if out % groups:
        raise ValueError(f"{name}: groups is {groups}, it must divide the {out} outputs of weight {weight.shape}")
    return groups


def _order(layout: _Layout, x: tuple[int, ...], weight: tuple[int, ...], groups: int) -> str:
    """Return a hint if the axes lie as torch has them."""
    if x[1] == weight[-1] * groups:
        return f"; x looks like {layout.first_x}: transpose it with axes {layout.axes}"
    if x[1] == weight[1] * groups:
        both = f"{layout.first_x} and {layout.first_weight}"
        return f"; x and weight look like {both}: transpose both with axes {layout.axes}"
    if x[-1] == weight[1] * groups:
        return f"; weight looks like {layout.first_weight}: transpose it with axes {layout.axes}"
    return ""


def _outputs(name: str, sizes: Pair, reach: Pair, sides: tuple[Pair, Pair], stride: Pair) -> Pair:
    height, width = (size + before + after for size, (before, after) in zip(sizes, sides))
    if reach[0] > height or reach[1] > width:
        spans, only = (reach[1], width) if name == "conv1d" else (f"{reach[0]} x {reach[1]}", f"{height} x {width}")
        raise ValueError(
            f"{name}: the kernel spans {spans}, the padded input is only {only}; pad more or use a smaller kernel"
        )
    return (height - reach[0]) // stride[0] + 1, (width - reach[1]) // stride[1] + 1


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
    precision: str = "fp32",
) -> Tensor:
    """Convolution with a fused activation, ``y[n, i, j, o] = act(b[o] + sum over p, q, c of
    x[n, i s + p d - pad, j s + q d - pad, c] weight[o, p, q, c])``.

    x (N, H, W, C), weight (out, kh, kw, C / groups), bias (out,) -> (N, OH, OW, out), all of one float dtype; with
    ``groups`` each share of the outputs sees its own share of the channels. stride, dilation: an integer or (height,
    width); padding: these, ((top, bottom), (left, right)), "valid" or "same", which gives ceil(size / stride) outputs.

    algorithm: "direct" adds up what the formula says; "winograd" (Lavin, Gray 2015, arXiv:1509.09308: F(4 x 4, 3 x 3))
    takes a quarter of the multiplications, for y and the gradients of x and weight, of float32 and 3 x 3 kernels with
    stride, dilation and groups of 1; "auto" takes the faster. Relative to the largest sum of |x| |weight| in an image,
    direct's error is that of a sum, 3e-7 to 4e-6; Winograd's 3e-6 on random numbers and at most 1e-4 on the worst ones
    found. A NaN or infinity in x then makes NaN or infinities of up to 8 x 8 outputs around it, not of 3 x 3.
    precision: that of ``linear``, to what a GPU may round the factors of products.
    A GPU computes directly, whatever ``algorithm`` says.

    Raises ``ValueError`` for shapes and sizes that do not fit, for an algorithm that cannot do it and for an unknown
    precision, ``TypeError`` for dtypes that differ.
    """
    groups = _expect_channels("conv2d", x, weight, groups)
    return _conv("conv2d", x, weight, bias, stride, padding, dilation, groups, activation, precision, algorithm)


def conv1d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int = 1,
    padding: int | str | Sequence[int] = 0,
    dilation: int = 1,
    groups: int = 1,
    activation: str | None = None,
    precision: str = "fp32",
) -> Tensor:
    """Convolution along one axis, ``conv2d`` of images of height 1.

    x (N, L, C), weight (out, k, C / groups), bias (out,) -> (N, OL, out). padding: an integer, (before, after), "same"
    or "valid"; precision: that of ``linear``. Raises as ``conv2d`` does.
    """
    groups = _expect_channels("conv1d", x, weight, groups)
    pair = isinstance(padding, (tuple, list))
    if isinstance(padding, (tuple, list)) and len(padding) != 2:
        raise ValueError(f"conv1d: padding is {padding}, it must be an integer, (before, after), 'same' or 'valid'")
    sides: Any = padding if isinstance(padding, str) else ((0, 0), padding if pair else (padding, padding))
    (n, length, c), (out, k, given) = x.shape, weight.shape
    y = _conv(
        "conv1d",
        reshape(x, (n, 1, length, c)),
        reshape(weight, (out, 1, k, given)),
        bias,
        (1, stride),
        sides,
        (1, dilation),
        groups,
        activation,
        precision,
    )
    return reshape(y, (n, y.shape[2], out))


def _conv(
    name: str,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    groups: int,
    activation: str | None,
    precision: str,
    algorithm: str = "auto",
) -> Tensor:
    if bias is not None:
        expect_tensor(name, "bias", bias)
    how = algorithm_named(name, algorithm), precision_named(name, precision)
    steps, apart = each_axis(name, "stride", stride, 1), each_axis(name, "dilation", dilation, 1)
    dev, (act, alpha) = x.device, activation_named(activation)
    xa, wa, ba = x.data, weight.data, None if bias is None else bias.data
    sizes, kernel = xa.shape[1:3], wa.shape[1:3]
    reach = (kernel[0] - 1) * apart[0] + 1, (kernel[1] - 1) * apart[1] + 1
    sides = _sides(name, padding, sizes, reach, steps)
    before = sides[0][0], sides[1][0]
    y = dev.empty((xa.shape[0], *_outputs(name, sizes, reach, sides, steps), wa.shape[0]), xa.dtype)
    pre = dev.empty(y.shape, xa.dtype) if activation is not None and act not in SAVES_OUTPUT else None
    dev.kernels.conv2d_forward(xa, wa, ba, y, pre, steps, before, apart, groups, act, alpha, *how)
    saved = None if activation is None else y if pre is None else pre

    def backward(dy: Array, grads: Grads) -> Sequence[Array]:
        dx, dw, db = given = grads()
        dev.kernels.conv2d_backward(xa, wa, saved, dy, dx, dw, db, steps, before, apart, groups, act, alpha, *how)
        return given  # type: ignore[no-any-return]

    return record(y, (x, weight, bias), backward)


def conv_transpose2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
    activation: str | None = None,
    algorithm: str = "auto",
    precision: str = "fp32",
) -> Tensor:
    """Transposed convolution with a fused activation: each pixel of x is spread over as many of y as ``conv2d`` would
    have gathered it from, ``y = act(b + sum of x[n, i, j, c] weight[c, p, q, o] at y[n, i s + p d - pad, j s + q d -
    pad, o])``.

    x (N, H, W, C), weight (C, kh, kw, out / groups), bias (out,) -> (N, OH, OW, out), all of one float dtype;
    OH = (H - 1) stride - 2 padding + (kh - 1) dilation + 1 + output_padding. stride, padding, dilation: an integer or
    (height, width); output_padding: likewise, rows and columns more at the end, fewer than stride or dilation.
    algorithm: that of ``conv2d``; precision: that of ``linear``. Raises ``ValueError`` for shapes and sizes that do not
    fit and for an unknown precision, ``TypeError`` for dtypes that differ.
    """
    name = "conv_transpose2d"
    groups = _expect_groups(name, x, weight, groups)
    if bias is not None:
        expect_tensor(name, "bias", bias)
    how = algorithm_named(name, algorithm), precision_named(name, precision)
    steps, apart = each_axis(name, "stride", stride, 1), each_axis(name, "dilation", dilation, 1)
    before = each_axis(name, "padding", padding, 0)
    more = each_axis(name, "output_padding", output_padding, 0)
    dev, (act, alpha) = x.device, activation_named(activation)
    xa, wa, ba = x.data, weight.data, None if bias is None else bias.data
    reach = (wa.shape[1] - 1) * apart[0] + 1, (wa.shape[2] - 1) * apart[1] + 1
    sizes = _transposed_sizes(name, xa.shape[1:3], reach, steps, before, apart, more)
    y = dev.empty((xa.shape[0], *sizes, wa.shape[3] * groups), xa.dtype)
    pre = dev.empty(y.shape, xa.dtype) if activation is not None and act not in SAVES_OUTPUT else None
    dev.kernels.conv_transpose2d_forward(xa, wa, ba, y, pre, steps, before, apart, groups, act, alpha, *how)
    saved = None if activation is None else y if pre is None else pre

    def backward(dy: Array, grads: Grads) -> Sequence[Array]:
        dx, dw, db = given = grads()
        dev.kernels.conv_transpose2d_backward(
            xa, wa, saved, dy, dx, dw, db, steps, before, apart, groups, act, alpha, *how
        )
        return given  # type: ignore[no-any-return]

    return record(y, (x, weight, bias), backward)


def _expect_groups(name: str, x: Tensor, weight: Tensor, given: Any) -> int:
    """Return the groups; raise unless x and weight have the layout of a transposed convolution."""
    layout, groups = _expect_layout(name, x, weight), _integer(name, "groups", given, 1)
    channels = weight.shape[0]
    if x.shape[-1] != channels:
        first = x.shape[1] == channels
        hint = f"; x looks like {layout.first_x}: transpose it with axes {layout.axes}" if first else ""
        raise ValueError(
            f"{name}: x has shape {x.shape}, its last axis must be {channels}, the first of weight {weight.shape}{hint}"
        )
    if channels % groups:
        raise ValueError(f"{name}: groups is {groups}, it must divide the {channels} channels of x {x.shape}")
    return groups


def _transposed_sizes(
    name: str, sizes: Pair, reach: Pair, stride: Pair, padding: Pair, dilation: Pair, more: Pair
) -> list[int]:
    results = []
    for size, r, s, pad, d, extra in zip(sizes, reach, stride, padding, dilation, more):
        if extra >= max(s, d):
            raise ValueError(f"{name}: output_padding is {more}, it must be less than stride {s} or dilation {d}")
        results.append((size - 1) * s - 2 * pad + r + extra)
        if size < 1 or results[-1] < 1:
            raise ValueError(
                f"{name}: of {sizes[0]} x {sizes[1]} pixels nothing is left after padding {padding}; pad less"
            )
    return results
