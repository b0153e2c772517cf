"""Clipping of gradients."""

from __future__ import annotations

from collections.abc import Iterable

from .. import watch
from ..tensor import Tensor, plain

__all__ = ["clip_grad_norm"]


def clip_grad_norm(parameters: Iterable[Tensor], max_norm: float) -> Tensor:
    """Scale the gradients together by ``min(1, max_norm / norm)`` and return ``norm``, their joint L2 norm before.

    For use between ``backward()`` and ``step()`` (Pascanu, Mikolov, Bengio 2012, arXiv:1211.5063); an optimizer's
    ``clip_norm`` does the same. Parameters without a gradient are passed over. A norm that is infinite makes the
    gradients 0, NaN makes them NaN. Raises ``ValueError`` if no parameter holds a gradient or ``max_norm`` is not above
    0, ``TypeError`` for what is no Tensor.
    """
    if isinstance(parameters, Tensor):
        raise TypeError("clip_grad_norm: parameters is a Tensor, it must be a list; pass model.parameters()")
    listed = list(parameters)
    for p in listed:
        if not isinstance(p, Tensor):
            raise TypeError(f"clip_grad_norm: a parameter is {type(p).__name__}, it must be a Tensor")
        if watch.local.recorder is not None:
            watch.local.recorder.note_held(p)
    held = [p for p in dict.fromkeys(listed) if p.held]
    if not held:
        raise ValueError("clip_grad_norm: no parameter holds a gradient; call it after backward()")
    device = held[0].device
    norm = plain(device.empty((), held[0].dtype), device)
    for p in held:
        p.grad_written()  # a norm that is NaN makes all of them NaN
    device.kernels.optimizer_table([[p.data, p.grad_buffer()] for p in held]).clip(norm.data, max_norm)
    return norm
