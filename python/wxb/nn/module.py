"""Module: parameters, buffers, sub-modules and a forward."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy

from .. import watch
from ..device import Device
from ..device import device as _device
from ..ops.gemm import precision_named
from ..tensor import Parameter, Tensor, as_array, tensor

__all__ = ["Module", "evaluating"]

Self = TypeVar("Self", bound="Module")
_MODES = {"training", "_precision"}
_PLAIN = (bool, int, float, str, type(None))
_LOCATED = (ValueError, TypeError, IndexError, FloatingPointError)


class Module:
    """Parameters and a forward: the base of layers and networks.

    Attributes that are Parameters are learnt, other Tensors are buffers (saved, not learnt), Modules and lists of
    Modules are parts. ``forward`` computes; call the module itself. NumPy arrays and lists given to it become Tensors
    of the network's dtype. An error raised within names the layer by its path.
    """

    training: bool = True
    _precision: str = "fp32"

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, list) and any(isinstance(v, Module) for v in value):
            value = tuple(value)  # replacing one is an assignment, and so is seen by recorded steps
        object.__setattr__(self, name, value)
        watch.edited()

    def __delattr__(self, name: str) -> None:
        object.__delattr__(self, name)
        watch.edited()

    def forward(self, *inputs: Any) -> Any:
        """Compute the outputs; every Module defines it."""
        raise NotImplementedError(f"{type(self).__name__}: forward is not defined")

    def __call__(self, *inputs: Any, **named: Any) -> Any:
        """Run forward; an error within names this layer."""
        watch.note(self)
        for value in (*inputs, *named.values()) if named else inputs:
            if not isinstance(value, (Tensor, int, float, type(None))):
                inputs, named = self._tensors(inputs), dict(zip(named, self._tensors(tuple(named.values()))))
                break
        try:
            return self.forward(*inputs, **named)
        except _LOCATED as error:
            self._locate(error)
            raise

    def _tensors(self, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        dtype = next((p.dtype for p in self.parameters()), numpy.dtype(numpy.float32))
        out = []
        for value in inputs:
            if isinstance(value, tuple) and any(isinstance(part, Tensor) for part in value):
                pass  # a state of several parts
            elif not isinstance(value, (Tensor, int, float, type(None), bool, str)):
                array = as_array(value, dtype if numpy.asarray(value).dtype.kind == "f" else None)
                value = tensor(array, array.dtype, device=self.device)
            out.append(value)
        return tuple(out)

    def _locate(self, error: BaseException) -> None:
        """Put the path of the layer into the message of an error on its way out: ``linear 'blocks.1.fc2': ...``."""
        inner: list[Module] = getattr(error, "wxb_layers", [])
        if not inner:
            error.wxb_text = str(error.args[0]) if error.args else ""  # type: ignore[attr-defined]
        layers = [self, *inner]
        error.wxb_layers = layers  # type: ignore[attr-defined]
        names = [outer._name_of(part) for outer, part in zip(layers, layers[1:])]
        text: str = error.wxb_text  # type: ignore[attr-defined]
        kind, colon, rest = text.partition(":")
        if not names:
            return
        path = ".".join(names)
        if colon and kind.replace("_", "").isalnum():
            error.args = (f"{kind} '{path}':{rest}", *error.args[1:])
        else:
            error.args = (f"{type(layers[-1]).__name__} '{path}': {text}", *error.args[1:])

    def _name_of(self, part: Module) -> str:
        return next((name for name, child in self.named_children() if child is part), type(part).__name__)

    # ---- parts ----

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the direct sub-modules with their names."""
        for name, value in vars(self).items():
            if isinstance(value, Module):
                yield name, value
            elif isinstance(value, tuple):
                for i, part in enumerate(value):
                    if isinstance(part, Module):
                        yield f"{name}.{i}", part

    def children(self) -> Iterator[Module]:
        """Yield the direct sub-modules."""
        return (child for _, child in self.named_children())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """Yield this module and all within it, outer first, with dotted paths."""
        yield prefix, self
        for name, child in self.named_children():
            yield from child.named_modules(f"{prefix}.{name}" if prefix else name)

    def modules(self) -> Iterator[Module]:
        """Yield this module and all within it, each once."""
        seen: set[int] = set()
        for _, module in self.named_modules():
            if id(module) not in seen:
                seen.add(id(module))
                yield module

    def _named_tensors(self) -> Iterator[tuple[str, Tensor]]:
        seen: set[int] = set()
        for prefix, module in self.named_modules():
            for name, value in vars(module).items():
                if isinstance(value, Tensor) and id(value) not in seen:
                    seen.add(id(value))
                    yield f"{prefix}.{name}" if prefix else name, value

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Yield every Parameter once, with its dotted path."""
        return ((name, t) for name, t in self._named_tensors() if isinstance(t, Parameter))

    def parameters(self) -> Iterator[Parameter]:
        """Yield every Parameter once."""
        return (p for _, p in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]:
        """Yield every Tensor that is no Parameter, with its dotted path."""
        return ((name, t) for name, t in self._named_tensors() if not isinstance(t, Parameter))

    def signature(self) -> Any:
        """Return what forward may depend on: flags, numbers and lists of them by value, all else by identity."""
        rest = [(name, _compared(value)) for name, value in vars(self).items() if name not in _MODES]
        return [self.training, self._precision, *rest]

    # ---- modes ----

    def train(self: Self, mode: bool = True) -> Self:
        """Switch to training (dropout drops, statistics are taken) and return self."""
        for module in self.modules():
            if module.training is not mode:  # else recorded steps would look at their notes again
                module.training = mode
        return self

    def eval(self: Self) -> Self:
        """Switch to inference and return self."""
        return self.train(False)

    @property
    def precision(self) -> str:
        """What ``set_precision`` made it; a recorded step that asks depends on it."""
        watch.note(self)
        return self._precision

    def set_precision(self: Self, precision: str) -> Self:
        """Let a GPU round the factors of this module's products, and those of all within it, and return self.

        "fp32" not at all, "tf32" or "bf16" as ``ops.linear`` says: weights, sums and updates stay float32. It is for
        linear layers, convolutions and what attention, recurrent and recursive layers project; fused attention, the
        steps of a sequence or tree, and capsules stay fp32, and so does the CPU. State dicts do not hold it. Raises
        ``ValueError`` for another name.
        """
        precision_named("set_precision", precision)
        for module in self.modules():
            if module._precision != precision:  # else recorded steps would look at their notes again
                module._precision = precision
        return self

    def requires_grad_(self: Self, wanted: bool = True) -> Self:
        """Freeze (False) or thaw (True) every Parameter and return self."""
        for p in self.parameters():
            p.requires_grad = wanted
        return self

    def zero_grad(self) -> None:
        """Forget the gradient of every Parameter."""
        for p in self.parameters():
            p.zero_grad()

    # ---- where it lies ----

    @property
    def device(self) -> Device:
        """The device of its Parameters and buffers; of what will be made where it has none."""
        return next((t.device for _, t in self._named_tensors()), None) or _device(None)

    def to(self: Self, device: str | Device) -> Self:
        """Move every Parameter and buffer to a device and return self; gradients are forgotten.

        Raises ``ValueError`` where an optimizer has the Parameters already: what it remembers would stay behind.
        """
        target = _device(device)
        moving = [(name, t) for name, t in self._named_tensors() if t.device is not target]
        for name, t in moving:
            if t.owner is not None and t.owner() is not None:
                raise ValueError(f"to: parameter '{name}' belongs to an optimizer; move the model before making one")
        for _, t in moving:
            t.move(target)
        return self

    # ---- state ----

    def state_dict(self) -> dict[str, numpy.ndarray[Any, Any]]:
        """Return copies of all parameters and buffers by path."""
        return {name: t.numpy() for name, t in self._named_tensors()}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> None:
        """Copy ``state`` into the parameters and buffers, in place; nothing is written unless all of it fits.

        Raises ``ValueError`` that lists missing and unexpected names (unless ``strict=False``) and wrong shapes.
        """
        own = dict(self._named_tensors())
        problems = [
            f"{name} has shape {numpy.shape(state[name])}, it must be {t.shape}"
            for name, t in own.items()
            if name in state and numpy.shape(state[name]) != t.shape
        ]
        if strict:
            problems += [f"{name} is missing" for name in own if name not in state]
            problems += [f"{name} is not part of this model" for name in state if name not in own]
        if problems:
            raise ValueError(f"load_state_dict: {'; '.join(problems)}")
        arrays = {name: as_array(state[name], t.dtype) for name, t in own.items() if name in state}
        for name, array in arrays.items():
            own[name][...] = array

    def multiply_adds(self, output_shape: tuple[int, ...]) -> int:
        """Return the multiply-adds of one forward pass that gives ``output_shape``; 0 for what has no weights."""
        return 0

    def __repr__(self) -> str:
        lines = [f"  {name}: " + repr(child).replace("\n", "\n  ") for name, child in self.named_children()]
        head = f"{type(self).__name__}({self.extra_repr()}"
        return head + ("\n" + "\n".join(lines) + "\n)" if lines else ")")

    def extra_repr(self) -> str:
        """Return what ``repr`` shows between the brackets."""
        return ""


def _compared(value: Any) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, (tuple, list)):
        return [_compared(v) for v in value]
    if isinstance(value, dict):
        return [(k, _compared(v)) for k, v in value.items()]
    return watch.Same(value)


@contextmanager
def evaluating(model: Module) -> Iterator[None]:
    """Eval mode within the block, every layer's own mode after it."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
