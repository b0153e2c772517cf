"""Ops that treat every element alike: activations, arithmetic, comparisons, choice. Shapes broadcast as in numpy."""

from __future__ import annotations

from typing import Any

import numpy

from ..autograd import Grads, record
from ..device import Array, Device, cpu
from ..tensor import Tensor, plain, tensor
from ..watch import local as _local
from .reduce import expect_tensor, sum_to

__all__ = [
    "abs", "add", "cast", "clip", "divide", "elu", "equal", "exp", "gelu", "greater", "greater_equal", "hardswish",
    "leaky_relu", "less", "less_equal", "log", "maximum", "minimum", "multiply", "negative", "not_equal", "power",
    "relu", "selu", "sigmoid", "silu", "softplus", "sqrt", "subtract", "tanh", "where",
]  # fmt: skip

_BOOL = numpy.dtype(numpy.bool_)

# What a function's derivative is written in (csrc/elementwise/formulas.h says why), and the functions that a layer can
# fuse as its activation, with their parameter.
_Unary = cpu.kernels.Unary
SAVES_OUTPUT = {_Unary.relu, _Unary.selu, _Unary.sigmoid, _Unary.tanh, _Unary.exp, _Unary.sqrt}
ACTIVATIONS: dict[str | None, tuple[Any, float]] = {
    None: (_Unary.none, 0.0),
    "relu": (_Unary.relu, 0.0),
    "leaky_relu": (_Unary.leaky_relu, 0.01),
    "elu": (_Unary.elu, 1.0),
    "selu": (_Unary.selu, 0.0),
    "gelu": (_Unary.gelu, 0.0),
    "gelu_tanh": (_Unary.gelu_tanh, 0.0),
    "silu": (_Unary.silu, 0.0),
    "sigmoid": (_Unary.sigmoid, 0.0),
    "tanh": (_Unary.tanh, 0.0),
    "softplus": (_Unary.softplus, 0.0),
    "hardswish": (_Unary.hardswish, 0.0),
}


def activation_named(name: str | None) -> tuple[Any, float]:
    """Return the kernel's code and parameter of an activation; ``ValueError`` lists the names there are."""
    try:
        return ACTIVATIONS[name]
    except (KeyError, TypeError):
        names = ", ".join(str(n) for n in ACTIVATIONS)
        raise ValueError(f"activation: {name!r} is not one of {names}") from None


def _unary(op: Any, x: Tensor, alpha: float = 0.0, beta: float = 0.0) -> Tensor:
    if not isinstance(x, Tensor):  # asked first: op.name takes longer than a small kernel
        expect_tensor(op.name, "x", x)
    dev, xa = x.device, x.data
    y = dev.empty(xa.shape, xa.dtype)
    dev.kernels.unary_forward(op, xa, y, alpha, beta)
    if not x._requires_grad and _local.recorder is None:  # as record() would find; it takes as long as a small kernel
        return plain(y, dev)
    saved = None if op == _Unary.negative else y if op in SAVES_OUTPUT else xa
    return record(y, (x,), _unary_backward, dev, op, saved, alpha, beta)


def _unary_backward(dev: Device, op: Any, saved: Array, alpha: float, beta: float, dy: Array, grads: Grads) -> Array:
    dx = grads()
    dev.kernels.unary_backward(op, saved, dy, dx, alpha, beta)
    return dx


def relu(x: Tensor) -> Tensor:
    """Rectify, ``max(x, 0)``; the derivative at 0 is 0."""
    return _unary(_Unary.relu, x)


def leaky_relu(x: Tensor, alpha: float = 0.01) -> Tensor:
    """Rectify with slope ``alpha`` below 0 (Maas, Hannun, Ng 2013)."""
    return _unary(_Unary.leaky_relu, x, alpha)


def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """Exponential linear unit, ``x`` above 0 and ``alpha (e^x - 1)`` below (Clevert et al. 2015, arXiv:1511.07289)."""
    return _unary(_Unary.elu, x, alpha)


def selu(x: Tensor) -> Tensor:
    """Self-normalising ELU (Klambauer et al. 2017, arXiv:1706.02515)."""
    return _unary(_Unary.selu, x)


def gelu(x: Tensor, approximate: str = "none") -> Tensor:
    """Gaussian error linear unit, ``x Phi(x)`` (Hendrycks, Gimpel 2016, arXiv:1606.08415).

    ``approximate="tanh"`` takes ``x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))`` instead.
    """
    if approximate not in ("none", "tanh"):
        raise ValueError(f"gelu: approximate is {approximate!r}, it must be 'none' or 'tanh'")
    return _unary(_Unary.gelu_tanh if approximate == "tanh" else _Unary.gelu, x)


def silu(x: Tensor) -> Tensor:
    """Sigmoid linear unit, ``x sigmoid(x)``, also called swish."""
    return _unary(_Unary.silu, x)


def sigmoid(x: Tensor) -> Tensor:
    """Logistic function, ``1 / (1 + e^-x)``."""
    return _unary(_Unary.sigmoid, x)


def tanh(x: Tensor) -> Tensor:
    """Hyperbolic tangent."""
    return _unary(_Unary.tanh, x)


def softplus(x: Tensor) -> Tensor:
    """Smooth rectifier, ``ln(1 + e^x)``."""
    return _unary(_Unary.softplus, x)


def hardswish(x: Tensor) -> Tensor:
    """Piecewise swish, ``x clip(x + 3, 0, 6) / 6`` (Howard et al. 2019, arXiv:1905.02244)."""
    return _unary(_Unary.hardswish, x)


def exp(x: Tensor) -> Tensor:
    """Exponential function, ``e^x``."""
    return _unary(_Unary.exp, x)


def log(x: Tensor) -> Tensor:
    """Natural logarithm; ``-inf`` at 0, NaN below."""
    return _unary(_Unary.log, x)


def sqrt(x: Tensor) -> Tensor:
    """Square root; NaN below 0."""
    return _unary(_Unary.sqrt, x)


def abs(x: Tensor) -> Tensor:
    """Absolute value; the derivative at 0 is 0."""
    return _unary(_Unary.abs, x)


def negative(x: Tensor) -> Tensor:
    """Change the sign, ``-x``."""
    return _unary(_Unary.negative, x)


def clip(x: Tensor, low: float | None = None, high: float | None = None) -> Tensor:
    """Limit to ``[low, high]`` (None: no limit); no gradient flows where the limit binds."""
    lowest, highest = -numpy.inf if low is None else low, numpy.inf if high is None else high
    if not lowest <= highest:
        raise ValueError(f"clip: low is {low}, high is {high}; low must not be above high")
    return _unary(_Unary.clip, x, lowest, highest)


def _pair(name: str, a: Any, b: Any) -> tuple[Tensor | None, Tensor | None, Array, Array, Device]:
    """Return the Tensors among two operands (None for a number) and their arrays, of one dtype on one device."""
    if isinstance(a, Tensor) and isinstance(b, Tensor) and a.data.dtype == b.data.dtype and a.device is b.device:
        return a, b, a.data, b.data, a.device
    like = a if isinstance(a, Tensor) else b
    if not isinstance(like, Tensor):
        raise TypeError(f"{name}: neither operand is a Tensor; use wxb.tensor")
    ta, tb = _operand(name, a, like), _operand(name, b, like)
    aa = ta.data if ta is not None else like.device.constant(a, like.data.dtype)
    ba = tb.data if tb is not None else like.device.constant(b, like.data.dtype)
    return ta, tb, aa, ba, like.device


def _operand(name: str, value: Any, like: Tensor) -> Tensor | None:
    if isinstance(value, Tensor):
        if value is not like:
            if value.data.dtype != like.data.dtype:
                raise TypeError(
                    f"{name}: dtypes are {like.dtype} and {value.dtype}, they must be equal; convert one with .astype()"
                )
            if value.device is not like.device:
                raise TypeError(f"{name}: Tensors lie on {like.device.name} and {value.device.name}; use .to()")
        return value
    if isinstance(value, (int, float, numpy.number, numpy.bool_)):
        if like.dtype.kind in "iub" and isinstance(value, (float, numpy.floating)):
            raise TypeError(
                f"{name}: a Tensor of {like.dtype} and the float {value}; convert it with .astype('float32')"
            )
        return None
    return tensor(value, like.dtype, device=like.device)


def _joint_shape(name: str, *arrays: Array) -> tuple[int, ...]:
    first: tuple[int, ...] = arrays[0].shape
    if all(a.shape == first for a in arrays):
        return first
    try:
        return numpy.broadcast_shapes(*(a.shape for a in arrays))
    except ValueError:
        shapes = " and ".join(str(a.shape) for a in arrays)
        raise ValueError(
            f"{name}: shapes {shapes} do not broadcast; axes must be equal or 1, from the last on"
        ) from None


def _binary(name: str, op: Any, a: Any, b: Any) -> Tensor:
    ta, tb, aa, ba, dev = _pair(name, a, b)
    y = dev.empty(aa.shape if aa.shape == ba.shape else _joint_shape(name, aa, ba), aa.dtype)
    dev.kernels.binary_forward(op, aa, ba, y)
    return record(y, (ta, tb), _binary_backward, dev, op, aa, ba)


def _binary_backward(
    dev: Device, op: Any, a: Array, b: Array, dy: Array, grads: Grads
) -> tuple[Array | None, Array | None]:
    want_a, want_b = grads.wanted
    if op == _Binary.add or (op == _Binary.subtract and not want_b):
        da = db = dy
    elif a.shape == b.shape:
        da, db = grads()
        dev.kernels.binary_backward(op, a, b, dy, da, db)
    else:
        da = dev.empty(dy.shape, dy.dtype) if want_a else None
        db = dev.empty(dy.shape, dy.dtype) if want_b else None
        dev.kernels.binary_backward(op, a, b, dy, da, db)
    return sum_to(dev, da, a.shape) if want_a else None, sum_to(dev, db, b.shape) if want_b else None


_Binary = cpu.kernels.Binary


def add(a: Any, b: Any) -> Tensor:
    """Sum, ``a + b``."""
    return _binary("add", _Binary.add, a, b)


def subtract(a: Any, b: Any) -> Tensor:
    """Difference, ``a - b``."""
    return _binary("subtract", _Binary.subtract, a, b)


def multiply(a: Any, b: Any) -> Tensor:
    """Elementwise product, ``a * b``."""
    return _binary("multiply", _Binary.multiply, a, b)


def divide(a: Any, b: Any) -> Tensor:
    """Quotient, ``a / b``."""
    return _binary("divide", _Binary.divide, a, b)


def power(a: Any, b: Any) -> Tensor:
    """Power, ``a ** b``; d/da is 0 where b is 0, d/db is 0 where a is 0."""
    if not isinstance(b, Tensor) and isinstance(a, Tensor):
        if b == 2:
            return multiply(a, a)
        if b == 1:
            return multiply(a, 1)
    return _binary("power", _Binary.power, a, b)


def minimum(a: Any, b: Any) -> Tensor:
    """Smaller of two, elementwise; equal elements share the gradient, NaN wins."""
    return _binary("minimum", _Binary.minimum, a, b)


def maximum(a: Any, b: Any) -> Tensor:
    """Larger of two, elementwise; equal elements share the gradient, NaN wins."""
    return _binary("maximum", _Binary.maximum, a, b)


def _compare(name: str, a: Any, b: Any) -> Tensor:
    _, _, aa, ba, dev = _pair(name, a, b)
    y = dev.empty(_joint_shape(name, aa, ba), _BOOL)
    dev.kernels.compare(getattr(dev.kernels.Comparison, name), aa, ba, y)
    return plain(y, dev)


def equal(a: Any, b: Any) -> Tensor:
    """Whether ``a == b``, elementwise; bool, no gradient."""
    return _compare("equal", a, b)


def not_equal(a: Any, b: Any) -> Tensor:
    """Whether ``a != b``, elementwise; bool, no gradient."""
    return _compare("not_equal", a, b)


def less(a: Any, b: Any) -> Tensor:
    """Whether ``a < b``, elementwise; bool, no gradient."""
    return _compare("less", a, b)


def less_equal(a: Any, b: Any) -> Tensor:
    """Whether ``a <= b``, elementwise; bool, no gradient."""
    return _compare("less_equal", a, b)


def greater(a: Any, b: Any) -> Tensor:
    """Whether ``a > b``, elementwise; bool, no gradient."""
    return _compare("greater", a, b)


def greater_equal(a: Any, b: Any) -> Tensor:
    """Whether ``a >= b``, elementwise; bool, no gradient."""
    return _compare("greater_equal", a, b)


def where(condition: Tensor, a: Any, b: Any) -> Tensor:
    """Choose ``a`` where ``condition`` (bool) holds, else ``b``; the gradient goes to the one chosen."""
    if not isinstance(condition, Tensor) or condition.dtype != _BOOL:
        given = condition.dtype if isinstance(condition, Tensor) else type(condition).__name__
        raise TypeError(f"where: condition is {given}, it must be a Tensor of bool; compare first")
    ta, tb, aa, ba, dev = _pair("where", a, b)
    ca = condition.data
    y = dev.empty(_joint_shape("where", ca, aa, ba), aa.dtype)
    dev.kernels.where(ca, aa, ba, y)
    shapes = aa.shape, ba.shape

    def backward(dy: Array, grads: Grads) -> list[Array]:
        zero, results = dev.constant(0, dy.dtype), []
        for wanted, shape, chosen in zip(grads.wanted, shapes, ((dy, zero), (zero, dy))):
            full = dev.empty(dy.shape, dy.dtype) if wanted else None
            if wanted:
                dev.kernels.where(ca, *chosen, full)
            results.append(sum_to(dev, full, shape) if wanted else None)
        return results

    return record(y, (ta, tb), backward)


def cast(x: Tensor, dtype: Any) -> Tensor:
    """Convert to ``dtype``: floats to integers truncate, anything to bool is ``x != 0``. Floats keep their gradient."""
    expect_tensor("cast", "x", x)
    dev, xa, wanted = x.device, x.data, numpy.dtype(dtype)
    if wanted == xa.dtype:
        return x
    y = dev.empty(xa.shape, wanted)
    dev.kernels.cast(xa, y)

    def backward(dy: Array, grads: Grads) -> Array:
        dx = grads()
        dev.kernels.cast(dy, dx)
        return dx

    return record(y, (x if wanted.kind == "f" else None,), backward) if wanted.kind == "f" else plain(y, dev)
