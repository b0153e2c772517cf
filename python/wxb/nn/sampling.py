"""Drawing from what a network says is likely: temperature and top-k."""

from __future__ import annotations

import math

import numpy

from .. import ops
from ..tensor import Tensor, tensor

__all__ = ["sample"]


def sample(logits: Tensor, temperature: float = 1.0, top_k: int | None = None) -> Tensor:
    """Draw a class from ``softmax(logits / temperature)``, of the ``top_k`` likeliest alone if given.

    Fan, Lewis, Dauphin 2018, arXiv:1805.04833. logits (..., classes) -> (...) int64. A low temperature prefers what is
    likely, 1 is the network's own opinion. ``wxb.seed`` makes draws repeatable. They are made on the host, so not
    inside a captured step. Raises ``ValueError`` unless temperature is positive and top_k at least 1, and for NaN.
    """
    if not 0 < temperature < math.inf:
        raise ValueError(f"sample: temperature is {temperature}, it must be positive; for the likeliest use ops.argmax")
    if top_k is not None and top_k < 1:
        raise ValueError(f"sample: top_k is {top_k}, it must be at least 1")
    if not logits.ndim or not logits.shape[-1]:
        raise ValueError(f"sample: logits have shape {logits.shape}, they must be (..., classes)")
    scores = logits.numpy().astype(numpy.float64).reshape(-1, logits.shape[-1])
    if numpy.isnan(scores).any():
        raise ValueError("sample: logits hold NaN, they must be numbers")
    if top_k is not None and top_k < scores.shape[1]:
        least = numpy.partition(scores, -top_k, axis=1)[:, -top_k, None]
        scores = numpy.where(scores < least, -numpy.inf, scores)
    weights = numpy.exp((scores - scores.max(1, keepdims=True)) / temperature)
    ends = weights.cumsum(1)
    drawn = ops.uniform((len(scores), 1), dtype="float64").numpy() * ends[:, -1:]
    chosen = (ends <= drawn).sum(1)
    return tensor(chosen.reshape(logits.shape[:-1]), numpy.int64)
