"""Differentiable functions on Tensors, one file per kernel room."""

from .elementwise import (
    abs,
    add,
    cast,
    clip,
    divide,
    elu,
    equal,
    exp,
    gelu,
    greater,
    greater_equal,
    hardswish,
    leaky_relu,
    less,
    less_equal,
    log,
    maximum,
    minimum,
    multiply,
    negative,
    not_equal,
    power,
    relu,
    selu,
    sigmoid,
    silu,
    softplus,
    sqrt,
    subtract,
    tanh,
    where,
)
from .gemm import linear, matmul
from .indexing import (
    broadcast_to,
    concat,
    embedding,
    expand_dims,
    flatten,
    flip,
    gather,
    getitem,
    one_hot,
    pad,
    reshape,
    scatter_add,
    split,
    squeeze,
    stack,
    take,
    transpose,
)
from .loss import bce_with_logits, huber, mae, mse, nll
from .operators import bind
from .random import bernoulli, dropout, normal, permutation, randint, uniform
from .reduce import argmax, argmin, max, mean, min, norm, sum, var
from .softmax import cross_entropy, log_softmax, softmax

bind()

__all__ = [name for name in dir() if not name.startswith("_") and name not in {"bind", "operators"}]
