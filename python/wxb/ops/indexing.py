"""Ops that move elements: transposition, slices, lookup by index, joining, padding, and views of another shape."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy

from ..autograd import Grads, record
from ..device import Array, Device, cpu
from ..tensor import Tensor, as_array, plain
from .keys import parse
from .reduce import axes_of, expect_tensor, sum_to

__all__ = [
    "broadcast_to", "concat", "embedding", "expand_dims", "flatten", "flip", "gather", "getitem", "one_hot", "pad",
    "reshape", "scatter_add", "split", "squeeze", "stack", "take", "transpose",
]  # fmt: skip

_INT = numpy.dtype(numpy.int64)
_Padding = cpu.kernels.Padding


# ---- the same elements in another shape: no copy ----


def reshape(x: Tensor, shape: int | Sequence[int]) -> Tensor:
    """Give the elements another shape, in the same order and memory; one size may be -1, whatever is left.

    Raises ``ValueError`` unless the numbers of elements agree.
    """
    expect_tensor("reshape", "x", x)
    sizes = _integers("reshape", "shape", shape)
    known = math.prod(s for s in sizes if s != -1)
    unknown = sizes.count(-1)
    if unknown == 1 and known > 0 and x.size % known == 0:
        sizes = tuple(x.size // known if s == -1 else s for s in sizes)
    elif unknown or min(sizes, default=0) < 0 or known != x.size:
        raise ValueError(f"reshape: shape is {x.shape}, {x.size} elements; they do not fit into {sizes}")
    return _view(x, sizes)


def _view(x: Tensor, shape: Sequence[int]) -> Tensor:
    before = x.shape

    def backward(dy: Array, grads: Grads) -> Array:
        return dy.reshape(before)

    return record(x.data.reshape(shape), (x,), backward)


def flatten(x: Tensor, start: int = 0) -> Tensor:
    """Join the axes from ``start`` on into one; ``flatten(x, 1)`` makes (N, H, W, C) to (N, H W C). A view."""
    expect_tensor("flatten", "x", x)
    if x.ndim == 0:
        return _view(x, (1,))
    (first,) = axes_of("flatten", start, x.shape)
    return _view(x, (*x.shape[:first], math.prod(x.shape[first:])))


def expand_dims(x: Tensor, axis: int) -> Tensor:
    """Insert an axis of size 1 at ``axis`` of the result. A view."""
    expect_tensor("expand_dims", "x", x)
    (at,) = axes_of("expand_dims", axis, (*x.shape, 1))
    return _view(x, (*x.shape[:at], 1, *x.shape[at:]))


def squeeze(x: Tensor, axis: int | Sequence[int] | None = None) -> Tensor:
    """Drop the axes ``axis``, which must have size 1 (None: all that have). A view."""
    expect_tensor("squeeze", "x", x)
    axes = [i for i, s in enumerate(x.shape) if s == 1] if axis is None else axes_of("squeeze", axis, x.shape)
    for a in axes:
        if x.shape[a] != 1:
            raise ValueError(f"squeeze: axis {a} of shape {x.shape} has size {x.shape[a]}, it must be 1")
    return _view(x, [s for i, s in enumerate(x.shape) if i not in axes])


# ---- copies in another order ----


def transpose(x: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    """Permute the axes: axis ``i`` of the result is ``axes[i]`` of ``x`` (None: reversed).

    Raises ``ValueError`` unless each axis is given once.
    """
    expect_tensor("transpose", "x", x)
    shape = x.shape
    order = tuple(range(len(shape)))[::-1] if axes is None else _integers("transpose", "axes", axes)
    if sorted(a % len(shape) if -len(shape) <= a else a for a in order) != list(range(len(shape))):
        raise ValueError(f"transpose: axes are {order}, they must be each axis of shape {shape} once")
    order = tuple(a % len(shape) for a in order)
    moved = [a for a in order if shape[a] != 1]
    if moved == sorted(moved):
        return _view(x, [shape[a] for a in order])
    dev, xa = x.device, x.data
    y = dev.empty(tuple(shape[a] for a in order), xa.dtype)
    dev.kernels.transpose_forward(xa, y, order)

    def backward(dy: Array, grads: Grads) -> Array:
        dx = grads()
        dev.kernels.transpose_forward(dy, dx, [order.index(a) for a in range(len(order))])
        return dx

    return record(y, (x,), backward)


def flip(x: Tensor, axis: int | Sequence[int] | None = None) -> Tensor:
    """Reverse the order of the elements along ``axis`` (None: along all)."""
    expect_tensor("flip", "x", x)
    axes = axes_of("flip", axis, x.shape)
    starts = [max(s - 1, 0) if i in axes else 0 for i, s in enumerate(x.shape)]
    return _slice(x, starts, [-1 if i in axes else 1 for i in range(x.ndim)], x.shape, x.shape)


def broadcast_to(x: Tensor, shape: int | Sequence[int]) -> Tensor:
    """Repeat axes of size 1, and new ones in front, up to ``shape``. Raises ``ValueError`` where that cannot be."""
    expect_tensor("broadcast_to", "x", x)
    sizes = _integers("broadcast_to", "shape", shape)
    lead = len(sizes) - x.ndim
    if lead < 0 or min(sizes, default=0) < 0 or any(s not in (1, n) for s, n in zip(x.shape, sizes[lead:])):
        raise ValueError(f"broadcast_to: shape {x.shape} does not broadcast to {sizes}")
    dev, xa, before = x.device, x.data, x.shape
    y = dev.empty(sizes, xa.dtype)
    dev.kernels.broadcast_forward(xa, y)

    def backward(dy: Array, grads: Grads) -> Array:
        return sum_to(dev, dy, before)

    return record(y, (x,), backward)


def getitem(x: Tensor, key: Any) -> Tensor:
    """Pick elements as ``x[key]`` does in numpy, with a gradient; a copy unless the key only adds axes.

    Keys are integers, slices (steps may be negative), None, ``...``, and at most one array or Tensor of integers, or of
    bools that mask as many axes as they have. A mask is read on the host, so not inside a captured step. Raises
    ``IndexError`` for what is out of range, ``TypeError`` for other keys.
    """
    expect_tensor("getitem", "x", x)
    parsed = parse(key, x.shape)
    if parsed.index is None:
        return _slice(x, parsed.starts, parsed.steps, parsed.sizes, parsed.shape)
    flat = parsed.sizes[: parsed.first], parsed.sizes[parsed.first : parsed.end], parsed.sizes[parsed.end :]
    y = _slice(x, parsed.starts, parsed.steps, parsed.sizes, (*flat[0], math.prod(flat[1]), *flat[2]))
    y = take(y, parsed.index, parsed.first)
    return y if y.shape == tuple(parsed.shape) else _view(y, parsed.shape)


def _slice(
    x: Tensor, starts: Sequence[int], steps: Sequence[int], sizes: Sequence[int], shape: Sequence[int]
) -> Tensor:
    """Return the elements start + i step of each axis, i < size, in this shape."""
    dev, xa, sizes = x.device, x.data, tuple(sizes)
    if sizes == xa.shape and min(steps, default=1) == 1:
        return _view(x, shape)
    y = dev.empty(sizes, xa.dtype)
    dev.kernels.slice_forward(xa, y, starts, steps)

    def backward(dy: Array, grads: Grads) -> Array:
        dx = grads()
        dev.kernels.slice_backward(dy.reshape(sizes), dx, starts, steps)
        return dx

    return record(y.reshape(shape), (x,), backward)


# ---- lookup by index ----


def take(x: Tensor, index: Any, axis: int = 0) -> Tensor:
    """Look up slices along ``axis``, ``y[..., k, ...] = x[..., index[k], ...]``, as ``numpy.take``.

    index: integers of any shape, negative ones count from the end; its axes take the place of ``axis``. Raises
    ``IndexError`` for an index out of range.
    """
    expect_tensor("take", "x", x)
    dev, xa, (t, ia) = x.device, x.data, _index("take", index, x.device)
    (at,) = axes_of("take", axis, x.shape)
    y = dev.empty((*xa.shape[:at], *ia.shape, *xa.shape[at + 1 :]), xa.dtype)
    dev.kernels.take(xa, ia, y, at)

    def backward(dy: Array, grads: Grads) -> tuple[Array, None]:
        dx, _ = grads()
        dev.kernels.take_backward(ia, dy, dx, at)
        return dx, None

    return record(y, (x, t), backward)


def embedding(index: Any, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """Look up rows of a table, ``y = weight[index]``.

    index (...) of integers in [0, count), weight (count, width) -> (..., width). The gradient of the weight is an array
    as any other, but of a leaf only the rows are touched that this or the last backward used; what meets in a row is
    added in the order of the index. ``padding_idx``: a row that gets no gradient. Raises ``IndexError`` for an index
    out of range; negative ones are.
    """
    expect_tensor("embedding", "weight", weight)
    dev, wa, (t, ia) = weight.device, weight.data, _index("embedding", index, weight.device)
    if wa.ndim != 2:
        raise ValueError(f"embedding: weight has shape {wa.shape}, it must be (count, width)")
    y = dev.empty((*ia.shape, wa.shape[1]), wa.dtype)
    dev.kernels.embedding_forward(wa, ia, y)

    padding = -1 if padding_idx is None else padding_idx

    def backward(dy: Array, grads: Grads) -> tuple[None, Array]:
        leaf = grads.leaf(1)
        if leaf is None:
            _, dweight = grads()
            dev.kernels.embedding_backward(ia, dy, dweight, None, False, padding)
            return None, dweight
        dweight = leaf.grad_buffer()
        dev.kernels.embedding_backward(ia, dy, dweight, leaf.used_rows(), leaf.held, padding)
        return None, None if leaf.held else dweight

    return record(y, (t, weight), backward)


def gather(x: Tensor, index: Any, axis: int) -> Tensor:
    """Pick one element along ``axis`` for each index, ``y[i, j] = x[i, index[i, j]]`` for two axes and ``axis=1``.

    index has as many axes as x, of the same sizes or smaller but for ``axis``; negative ones count from the end. -> the
    shape of the index. Raises ``IndexError`` for an index out of range.
    """
    expect_tensor("gather", "x", x)
    dev, xa, (t, ia) = x.device, x.data, _index("gather", index, x.device)
    y = dev.empty(ia.shape, xa.dtype)
    dev.kernels.gather(xa, ia, y, axis)

    def backward(dy: Array, grads: Grads) -> tuple[Array, None]:
        dx, _ = grads()
        dev.kernels.fill(dx, 0)
        dev.kernels.scatter_add(ia, dy, dx, axis)
        return dx, None

    return record(y, (x, t), backward)


def scatter_add(x: Tensor, index: Any, src: Tensor, axis: int) -> Tensor:
    """Add each element of ``src`` to where the index points, ``y = x; y[i, index[i, j]] += src[i, j]`` for ``axis=1``.

    index and src have one shape, with as many axes as x, of the same sizes or smaller but for ``axis``; negative
    indices count from the end. What meets is added in the order of the index. Raises ``IndexError`` for an index out of
    range.
    """
    expect_tensor("scatter_add", "x", x)
    expect_tensor("scatter_add", "src", src)
    dev, xa, sa, (t, ia) = x.device, x.data, src.data, _index("scatter_add", index, x.device)
    y = dev.empty(xa.shape, xa.dtype)
    dev.kernels.cast(xa, y)
    dev.kernels.scatter_add(ia, sa, y, axis)

    def backward(dy: Array, grads: Grads) -> tuple[Array, Array, None]:
        dsrc = dev.empty(ia.shape, dy.dtype) if grads.wanted[1] else None
        if dsrc is not None:
            dev.kernels.gather(dy, ia, dsrc, axis)
        return dy, dsrc, None

    return record(y, (x, src, t), backward)


def one_hot(index: Any, classes: int, dtype: Any = "float32") -> Tensor:
    """Write each class as a vector that is 1 there and 0 elsewhere. index (...) in [0, classes) -> (..., classes).

    Raises ``IndexError`` for an index out of range; negative ones are.
    """
    dev = index.device if isinstance(index, Tensor) else cpu
    _, ia = _index("one_hot", index, dev)
    (count,) = _integers("one_hot", "classes", classes)
    if count < 1:
        raise ValueError(f"one_hot: classes is {count}, it must be at least 1")
    y = dev.empty((*ia.shape, count), numpy.dtype(dtype))
    dev.kernels.one_hot(ia, y)
    return plain(y, dev)


# ---- joining, taking apart, padding ----


def concat(tensors: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Join along an axis. All other axes must have equal sizes, all dtypes be the same."""
    parts = _tensors("concat", tensors)
    dev, arrays = parts[0].device, [t.data for t in parts]
    (at,) = axes_of("concat", axis, arrays[0].shape)
    sizes = [a.shape[at] if a.ndim > at else 0 for a in arrays]
    y = dev.empty((*arrays[0].shape[:at], sum(sizes), *arrays[0].shape[at + 1 :]), arrays[0].dtype)
    dev.kernels.concat(arrays, y, at)

    def backward(dy: Array, grads: Grads) -> list[Array]:
        given = grads()
        each: list[Array] = given if isinstance(given, list) else [given]
        dev.kernels.split(dy, each, sizes, at)
        return given  # type: ignore[no-any-return]

    return record(y, parts, backward)


def stack(tensors: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Join along a new axis at ``axis`` of the result. All shapes and dtypes must be the same."""
    parts = _tensors("stack", tensors)
    for i, t in enumerate(parts):
        if t.shape != parts[0].shape:
            raise ValueError(f"stack: Tensor {i} has shape {t.shape}, it must be {parts[0].shape} like the first")
    (at,) = axes_of("stack", axis, (*parts[0].shape, 1))
    return concat([expand_dims(t, at) for t in parts], at)


def split(x: Tensor, parts: int | Sequence[int], axis: int = 0) -> tuple[Tensor, ...]:
    """Take apart along an axis, into ``parts`` of equal size or of these sizes.

    Raises ``ValueError`` unless the sizes add up to that of the axis.
    """
    expect_tensor("split", "x", x)
    (at,) = axes_of("split", axis, x.shape)
    size = x.shape[at]
    given = _integers("split", "parts", parts)
    if not isinstance(parts, Sequence):
        if given[0] < 1 or size % given[0]:
            raise ValueError(f"split: axis {at} has {size} elements, they do not make {given[0]} equal parts")
        given = (size // given[0],) * given[0]
    if min(given, default=0) < 0 or sum(given) != size:
        raise ValueError(f"split: parts are {given}, they must add up to {size}, the size of axis {at}")
    results, start = [], 0
    for part in given:
        starts = [start if i == at and part else 0 for i in range(x.ndim)]
        sizes = (*x.shape[:at], part, *x.shape[at + 1 :])
        results.append(_slice(x, starts, [1] * x.ndim, sizes, sizes))
        start += part
    return tuple(results)


def pad(x: Tensor, widths: Any, mode: str = "constant", value: float = 0.0) -> Tensor:
    """Add elements around: ``value``, x mirrored at its outermost elements ("reflect"), or those themselves ("edge").

    widths: a pair (before, after) for each axis, as ``numpy.pad``; one pair or one number for all. Raises
    ``ValueError`` for negative widths, another mode, and a reflection wider than the axis.
    """
    expect_tensor("pad", "x", x)
    if mode not in ("constant", "reflect", "edge"):
        raise ValueError(f"pad: mode is {mode!r}, it must be 'constant', 'reflect' or 'edge'")
    pairs = _pairs(widths, x.ndim)
    dev, xa, kind, before = x.device, x.data, getattr(_Padding, mode), [first for first, _ in pairs]
    y = dev.empty(tuple(first + size + last for size, (first, last) in zip(xa.shape, pairs)), xa.dtype)
    dev.kernels.pad_forward(xa, y, before, kind, value)

    def backward(dy: Array, grads: Grads) -> Array:
        dx = grads()
        dev.kernels.pad_backward(dy, dx, before, kind)
        return dx

    return record(y, (x,), backward)


# ---- arguments ----


def _integers(name: str, what: str, value: Any) -> tuple[int, ...]:
    try:
        return tuple(operator.index(v) for v in (value if isinstance(value, (tuple, list)) else (value,)))
    except TypeError:
        raise TypeError(f"{name}: {what} is {value!r}, it must be integers") from None


def _pairs(widths: Any, ndim: int) -> list[tuple[int, int]]:
    try:
        pairs = numpy.broadcast_to(numpy.asarray(widths), (ndim, 2))
    except ValueError:
        raise ValueError(f"pad: widths are {widths!r}, they must be a pair for each of {ndim} axes") from None
    if pairs.size and pairs.dtype.kind not in "iu":
        raise TypeError(f"pad: widths are {widths!r}, they must be integers")
    if pairs.size and pairs.min() < 0:
        raise ValueError(f"pad: widths are {widths!r}, none may be negative")
    return [(int(first), int(last)) for first, last in pairs]


def _tensors(name: str, tensors: Any) -> tuple[Tensor, ...]:
    if isinstance(tensors, Tensor) or not isinstance(tensors, Sequence):
        raise TypeError(f"{name}: tensors is {type(tensors).__name__}, it must be a list of Tensors")
    if not tensors:
        raise ValueError(f"{name}: there are no Tensors to join")
    for i, t in enumerate(tensors):
        expect_tensor(name, f"element {i}", t)
        if t.dtype != tensors[0].dtype or t.device is not tensors[0].device:
            raise TypeError(
                f"{name}: element {i} is {t.dtype} on {t.device.name}, the first {tensors[0].dtype} on "
                f"{tensors[0].device.name}; convert with .astype() or .to()"
            )
    return tuple(tensors)


def _index(name: str, index: Any, dev: Device) -> tuple[Tensor | None, Array]:
    """Return an index as a Tensor, if it is one that is used as it is, and as an int64 array."""
    if not isinstance(index, Tensor):
        given = as_array(index)
        if given.dtype.kind not in "iu" and given.size:
            raise TypeError(f"{name}: index has dtype {given.dtype}, it must be integers")
        return None, dev.array(given, _INT)
    if index.dtype == _INT:
        return index, index.data
    if index.dtype.kind != "u":
        raise TypeError(f"{name}: index has dtype {index.dtype}, it must be integers")
    converted = dev.empty(index.shape, _INT)
    dev.kernels.cast(index.data, converted)
    return index, converted
