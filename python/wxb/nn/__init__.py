"""Layers: Modules with parameters and a forward."""

from . import init
from .activation import (
    ELU,
    GELU,
    SELU,
    Hardswish,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from .container import Dropout, Flatten, Reshape, Residual, Sequential
from .linear import Embedding, Linear
from .module import Module
from .norm import LayerNorm, RMSNorm
from .standardize import Standardize

__all__ = [
    "ELU",
    "GELU",
    "SELU",
    "Dropout",
    "Embedding",
    "Flatten",
    "Hardswish",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "Module",
    "RMSNorm",
    "ReLU",
    "Reshape",
    "Residual",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Standardize",
    "Tanh",
    "init",
]
