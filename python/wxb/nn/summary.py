"""summary: what a network consists of, layer by layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy

from ..autograd import no_grad
from ..tensor import Parameter, Tensor, tensor
from .module import Module, evaluating

__all__ = ["LayerSummary", "Summary", "summary"]


@dataclass(frozen=True)
class LayerSummary:
    """One layer: its path, type, output shape, parameters of its own, multiply-adds, bytes of output and parameters."""

    name: str
    kind: str
    output_shape: tuple[int, ...]
    parameters: int
    multiply_adds: int
    bytes: int


@dataclass(frozen=True)
class Summary:
    """The layers of a network in the order they ran; ``str()`` gives the table."""

    layers: list[LayerSummary]
    parameters: int
    trainable: int

    def __str__(self) -> str:
        head = ["layer", "output", "parameters", "multiply-adds", "memory"]
        rows = [
            [f"{r.name} ({r.kind})", str(r.output_shape), f"{r.parameters:,}", f"{r.multiply_adds:,}", _size(r.bytes)]
            for r in self.layers
        ]
        macs, memory = sum(r.multiply_adds for r in self.layers), sum(r.bytes for r in self.layers)
        rows.append(["total", "", f"{self.parameters:,}", f"{macs:,}", _size(memory)])
        widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
        lines = [
            "  ".join(cell.ljust(w) if i < 2 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths)))
            for row in [head, *rows]
        ]
        rule = "-" * len(lines[0])
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1], f"trainable parameters: {self.trainable:,}"])


def summary(model: Module, input_shape: tuple[int, ...], dtype: Any = numpy.float32) -> Summary:
    """Run ``model`` once, in eval mode, on zeros of ``input_shape`` (with the batch axis) and describe every layer."""
    layers: list[LayerSummary] = []
    names = {id(m): name for name, m in model.named_modules()}
    leaves = [m for m in model.modules() if not any(True for _ in m.children())]
    forwards = {id(m): m.forward for m in leaves}

    def watched(module: Module) -> Any:
        def forward(*inputs: Any, **named: Any) -> Any:
            result = forwards[id(module)](*inputs, **named)
            out = result[0] if isinstance(result, tuple) else result  # of a recurrent layer: before its state
            if isinstance(out, Tensor):
                own = [t for t in vars(module).values() if isinstance(t, Tensor)]
                layers.append(
                    LayerSummary(
                        names[id(module)] or type(module).__name__.lower(),
                        type(module).__name__,
                        out.shape,
                        sum(t.size for t in own if isinstance(t, Parameter)),
                        module.multiply_adds(out.shape),
                        math.prod(out.shape) * out.dtype.itemsize + sum(t.data.nbytes for t in own),
                    )
                )
            return result

        return forward

    try:
        for m in leaves:
            m.forward = watched(m)  # type: ignore[method-assign]
        with evaluating(model), no_grad():
            model(tensor(numpy.zeros(input_shape), dtype))
    finally:
        for m in leaves:
            vars(m).pop("forward", None)
    parameters = list(model.parameters())
    return Summary(layers, sum(p.size for p in parameters), sum(p.size for p in parameters if p.requires_grad))


def _size(count: float) -> str:
    for unit in ("B", "KB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"
