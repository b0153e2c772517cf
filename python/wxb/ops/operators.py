"""The operators and methods of Tensor, in one table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..tensor import Tensor
from . import elementwise, gemm, indexing, reduce
from .softmax import log_softmax, softmax


def _swapped(op: Callable[[Any, Any], Tensor]) -> Callable[[Tensor, Any], Tensor]:
    return lambda self, other: op(other, self)


def _reshape(x: Tensor, *shape: Any) -> Tensor:
    return indexing.reshape(x, shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape)


def _transpose(x: Tensor, *axes: Any) -> Tensor:
    return indexing.transpose(x, axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None)


def _matmul(a: Any, b: Any) -> Any:
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)):
        return NotImplemented
    return gemm.matmul(a, b)


TABLE: dict[str, Callable[..., Any]] = {
    "__add__": elementwise.add,
    "__radd__": _swapped(elementwise.add),
    "__sub__": elementwise.subtract,
    "__rsub__": _swapped(elementwise.subtract),
    "__mul__": elementwise.multiply,
    "__rmul__": _swapped(elementwise.multiply),
    "__truediv__": elementwise.divide,
    "__rtruediv__": _swapped(elementwise.divide),
    "__pow__": elementwise.power,
    "__rpow__": _swapped(elementwise.power),
    "__matmul__": _matmul,
    "__neg__": elementwise.negative,
    "__abs__": elementwise.abs,
    "__eq__": elementwise.equal,
    "__ne__": elementwise.not_equal,
    "__lt__": elementwise.less,
    "__le__": elementwise.less_equal,
    "__gt__": elementwise.greater,
    "__ge__": elementwise.greater_equal,
    "__getitem__": indexing.getitem,
    "astype": elementwise.cast,
    "exp": elementwise.exp,
    "log": elementwise.log,
    "sqrt": elementwise.sqrt,
    "abs": elementwise.abs,
    "clip": elementwise.clip,
    "relu": elementwise.relu,
    "sigmoid": elementwise.sigmoid,
    "tanh": elementwise.tanh,
    "matmul": gemm.matmul,
    "sum": reduce.sum,
    "mean": reduce.mean,
    "max": reduce.max,
    "min": reduce.min,
    "var": reduce.var,
    "norm": reduce.norm,
    "argmax": reduce.argmax,
    "argmin": reduce.argmin,
    "softmax": softmax,
    "log_softmax": log_softmax,
    "reshape": _reshape,
    "transpose": _transpose,
    "flatten": indexing.flatten,
    "T": property(indexing.transpose),  # type: ignore[dict-item]
}


def bind() -> None:
    """Give Tensor its operators and methods."""
    for name, op in TABLE.items():
        setattr(Tensor, name, op)
