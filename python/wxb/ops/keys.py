"""What stands between the brackets of ``x[...]``, as the kernels take it."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import Any

import numpy

from ..tensor import Tensor

__all__ = ["Key", "parse"]

_WANTED = "keys are integers, slices, None, ..., and one array of integers or bools"


@dataclass
class Key:
    """A slice of every axis, then perhaps one index array in place of some axes, then the shape of the result.

    ``index`` goes with the axes ``[first, end)`` of the slice laid end to end as one.
    """

    starts: list[int]
    steps: list[int]
    sizes: list[int]
    shape: list[int]
    index: Any = None
    first: int = 0
    end: int = 0


def parse(key: Any, shape: tuple[int, ...]) -> Key:
    """Take a key apart for an array of this shape.

    Raises ``IndexError`` for an index out of range and too many of them, ``TypeError`` for a key of another kind.
    """
    items = [_item(i) for i in (key if isinstance(key, tuple) else (key,))]
    items = _whole(items, shape)
    parsed, axis = Key([], [], [], []), 0
    before_array: int | None = None  # how many axes of the result come before the index's own
    apart = [isinstance(i, int) or _is_array(i) for i in items if i is not None]
    if any(_is_array(i) for i in items) and _runs(apart) > 1:
        raise IndexError("getitem: an integer and an array with a slice between them; index in two steps")
    for item in items:
        if item is None:
            parsed.shape.append(1)
            continue
        if _is_array(item):
            before_array = len(parsed.shape)
            axes = item.ndim if item.dtype.kind == "b" else 1
            parsed.first, parsed.end = axis, axis + axes
            parsed.index = _positions(item, shape[axis : axis + axes])
            for size in shape[axis : axis + axes]:
                _append(parsed, 0, 1, size)
            axis += axes
            continue
        if isinstance(item, int):
            _append(parsed, _in_range(item, axis, shape[axis]), 1, 1)
        else:
            start, stop, step = item.indices(shape[axis])
            size = len(range(start, stop, step))
            _append(parsed, start, step, size)
            parsed.shape.append(size)
        axis += 1
    if before_array is not None:
        parsed.shape[before_array:before_array] = parsed.index.shape
    return parsed


def _append(parsed: Key, start: int, step: int, size: int) -> None:
    parsed.starts.append(start)
    parsed.steps.append(step)
    parsed.sizes.append(size)


def _is_array(item: Any) -> bool:
    return isinstance(item, (Tensor, numpy.ndarray))


def _runs(flags: list[bool]) -> int:
    """Count the runs of True."""
    return sum(flag and not before for flag, before in zip(flags, [False, *flags]))


def _item(item: Any) -> Any:
    if item is None or item is Ellipsis or isinstance(item, slice):
        return item
    if isinstance(item, list):
        item = numpy.asarray(item if item else numpy.zeros(0, numpy.int64))
    if _is_array(item):
        if item.dtype.kind not in "iub":
            raise TypeError(f"getitem: the index has dtype {item.dtype}; {_WANTED}")
        return item
    if isinstance(item, (bool, numpy.bool_)):
        raise TypeError(f"getitem: the index is {item}; {_WANTED}")
    try:
        return operator.index(item)
    except TypeError:
        raise TypeError(f"getitem: the index is {type(item).__name__}; {_WANTED}") from None


def _whole(items: list[Any], shape: tuple[int, ...]) -> list[Any]:
    """Replace the ellipsis (at the end if there is none) by the slices it stands for."""
    dots = [i for i, item in enumerate(items) if item is Ellipsis]
    arrays = [item for item in items if _is_array(item)]
    if len(dots) > 1 or len(arrays) > 1:
        raise IndexError(f"getitem: more than one {'ellipsis' if len(dots) > 1 else 'array'}; {_WANTED}")
    used = sum(1 for item in items if item is not None and item is not Ellipsis)
    used += sum(a.ndim - 1 for a in arrays if a.dtype.kind == "b")
    if used > len(shape):
        raise IndexError(f"getitem: {used} axes are indexed, shape {shape} has {len(shape)}")
    at = dots[0] if dots else len(items)
    return [*items[:at], *[slice(None)] * (len(shape) - used), *items[at + 1 :]]


def _in_range(index: int, axis: int, size: int) -> int:
    if not -size <= index < size:
        raise IndexError(f"getitem: index {index} is out of range for axis {axis} with {size} elements")
    return index % size


def _positions(index: Any, shape: tuple[int, ...]) -> Any:
    """Return an index array, or for a mask the positions of what it keeps among its axes laid end to end."""
    if index.dtype.kind != "b":
        return index
    mask = index.numpy() if isinstance(index, Tensor) else index
    if mask.shape != shape or not mask.ndim:
        raise IndexError(f"getitem: the mask has shape {mask.shape}, the axes it masks have {shape}")
    return numpy.flatnonzero(mask.reshape(math.prod(shape)))
