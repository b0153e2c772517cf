"""What a network makes of its input: the outputs of its layers, and which pixels a score depends on."""

from __future__ import annotations

from typing import Any

import numpy

from .. import ops
from ..autograd import backward, no_grad
from ..tensor import Tensor, as_array, tensor
from .container import Sequential
from .module import Module, evaluating

__all__ = ["layer_outputs", "saliency"]

Array = numpy.ndarray[Any, Any]


def layer_outputs(model: Sequential, x: Any) -> dict[str, Array]:
    """Return what every layer of ``model`` gives for a batch x (N, ...), by its name, in eval mode."""
    if not isinstance(model, Sequential):
        raise TypeError(f"layer_outputs: model is a {type(model).__name__}, it must be a Sequential")
    outputs: dict[str, Array] = {}
    with evaluating(model), no_grad():
        value: Any = as_array(x)
        for name, layer in model.named_children():
            value = layer(value)
            outputs[name] = value.numpy()
    return outputs


def saliency(model: Module, x: Any, labels: Any = None) -> Array:
    """Return ``max over channels |d score / d x|`` for pictures x (N, H, W, C) as (N, H, W), in eval mode.

    The score is the model's output for class labels[n], or for the class with the highest one: how much it moves with
    each pixel. Simonyan, Vedaldi, Zisserman 2013, arXiv:1312.6034.
    """
    pictures = as_array(x)
    if pictures.ndim != 4:
        raise ValueError(f"saliency: x has shape {pictures.shape}, it must be (N, H, W, C)")
    dtype = next((p.dtype for p in model.parameters()), numpy.dtype(numpy.float32))
    inputs = tensor(pictures, dtype, requires_grad=True)
    with evaluating(model):
        scores: Tensor = model(inputs)
        chosen = scores.numpy().argmax(-1) if labels is None else as_array(labels, numpy.int64)
        if scores.ndim != 2 or chosen.shape != (len(pictures),):
            raise ValueError(f"saliency: scores have shape {scores.shape}, labels {chosen.shape}, wanted (N, C), (N,)")
        picked = ops.multiply(scores, ops.one_hot(tensor(chosen, numpy.int64), scores.shape[1], dtype))
        backward(ops.sum(picked), only=[inputs])
    assert inputs.grad is not None
    moved: Array = numpy.abs(inputs.grad.numpy()).max(-1)
    return moved
