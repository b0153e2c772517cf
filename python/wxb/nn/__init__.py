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
from .capsule import Length, PrimaryCapsules, RoutingCapsules
from .container import Dropout, Dropout2d, Flatten, Reshape, Residual, Sequential
from .conv import Conv1d, Conv2d, ConvTranspose2d
from .fold import fold_batch_norm
from .hopfield import Hopfield, HopfieldMemory
from .linear import Embedding, Linear
from .module import Module
from .norm import BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm, RMSNorm
from .pool import AdaptiveAvgPool2d, AvgPool2d, MaxPool1d, MaxPool2d, Upsample
from .standardize import Standardize

__all__ = [
    "ELU",
    "GELU",
    "SELU",
    "AdaptiveAvgPool2d",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv1d",
    "Conv2d",
    "ConvTranspose2d",
    "Dropout",
    "Dropout2d",
    "Embedding",
    "Flatten",
    "GroupNorm",
    "Hardswish",
    "Hopfield",
    "HopfieldMemory",
    "LayerNorm",
    "LeakyReLU",
    "Length",
    "Linear",
    "LogSoftmax",
    "MaxPool1d",
    "MaxPool2d",
    "Module",
    "PrimaryCapsules",
    "RMSNorm",
    "ReLU",
    "Reshape",
    "Residual",
    "RoutingCapsules",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Standardize",
    "Tanh",
    "Upsample",
    "fold_batch_norm",
    "init",
]
