"""What went wrong in a step: the eager second look behind the Trainer's errors, which names the layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy

from ..autograd import no_grad
from ..device import Array
from ..nn.module import Module
from ..tensor import Tensor

__all__ = ["explained", "first_not_finite"]


def explained(
    error: Exception,
    place: str,
    model: Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    batch: tuple[Tensor, Tensor],
    rng: Array,
    late: int = 1,
) -> Exception:
    """Return the error of a step with its place and the layer it comes from, found by running the step once more.

    error: an IndexError or a FloatingPointError; batch: inputs and targets; rng: the state of the random numbers before
    the step. ``late``: of so many batches, this one the last, one has failed: a GPU is not asked after each. Looking
    changes nothing.
    """
    place += f", or earlier within the last {late} batches" if late > 1 else ""
    x, y = batch
    state = model.device.rng
    with _unchanged(model), no_grad():
        state[...] = rng
        try:
            value = loss(model(x), y).item()
        except IndexError as found:
            return IndexError(f"fit: {place}: {found}")
        if isinstance(error, IndexError):
            return IndexError(f"fit: {place}: {error}")
        if late > 1 and math.isfinite(value):
            why = "the last of them gives a finite loss when run again; train on the CPU to see which does not, and why"
            return FloatingPointError(f"fit: loss is not finite in {place}: {why}")
        state[...] = rng
        return FloatingPointError(f"fit: loss is {value} in {place}: {first_not_finite(model, x, y)}")


@contextmanager
def _unchanged(model: Module) -> Iterator[None]:
    """Put the random numbers and the model's buffers back after the block: statistics move in a forward pass."""
    state, buffers = model.device.rng, [(b, b.numpy()) for _, b in model.named_buffers()]
    rng = state.copy()
    try:
        yield
    finally:
        state[...] = rng
        for buffer, before in buffers:
            buffer.device.write(buffer.data, before)


def first_not_finite(model: Module, x: Tensor, y: Tensor) -> str:
    """Run ``model(x)`` once more and say in words which input, parameter, layer or target is not finite first."""
    if (place := _place(x)) is not None:
        name, layer = next(iter(_leaves(model)))
        return f"the input has {place}, the first layer it reaches is {_words(name, layer)}; clean the data"
    for name, p in model.named_parameters():
        if (place := _place(p)) is not None:
            return f"parameter '{name}' has {place}; an earlier update made it so: use a smaller lr or clip_norm="
    found: list[str] = []
    watched = list(_leaves(model))

    def watch(name: str, layer: Module) -> Any:
        forward = layer.forward

        def watching(*inputs: Any, **named: Any) -> Any:
            out = forward(*inputs, **named)
            first = out[0] if isinstance(out, tuple) else out  # the outputs of a recurrent layer, before its state
            if not found and isinstance(first, Tensor) and (place := _place(first)) is not None:
                found.append(f"{_words(name, layer)} is the first layer whose output has {place}; its input is finite")
            return out

        return watching

    try:
        for name, layer in watched:
            layer.forward = watch(name, layer)
        with no_grad():
            model(x)
    finally:
        for _, layer in watched:
            vars(layer).pop("forward", None)
    if found:
        return found[0] + ": use a smaller lr or scale the data"
    if (place := _place(y)) is not None:
        return f"the target has {place}; clean the data"
    return "every layer's output is finite, the loss alone is not: look at the loss and its targets"


def _leaves(model: Module) -> Any:
    return ((name, m) for name, m in model.named_modules() if not any(True for _ in m.children()))


def _words(name: str, layer: Module) -> str:
    return f"{type(layer).__name__.lower()} '{name}'" if name else type(layer).__name__.lower()


def _place(t: Tensor) -> str | None:
    """Return the first element that is not finite, in words, or None."""
    if t.dtype.kind != "f":
        return None
    bad = ~numpy.isfinite(t.numpy())
    if not bad.any():
        return None
    index = tuple(int(i) for i in numpy.argwhere(bad)[0])
    value = "NaN" if numpy.isnan(t.numpy()[index]) else "an infinity"
    return f"{value} at {index}"
