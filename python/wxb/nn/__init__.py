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
from .attention import (
    AdditiveAttention,
    MultiheadAttention,
    SinusoidalPositions,
    TransformerDecoderLayer,
    TransformerEncoderLayer,
)
from .capsule import Length, PrimaryCapsules, RoutingCapsules
from .container import Dropout, Dropout2d, Flatten, Reshape, Residual, Sequential
from .conv import Conv1d, Conv2d, ConvTranspose2d
from .decode import Hypothesis, beam_search, greedy_search
from .fold import fold_batch_norm
from .hopfield import Hopfield, HopfieldMemory
from .linear import Embedding, Linear
from .module import Module
from .norm import BatchNorm1d, BatchNorm2d, GroupNorm, LayerNorm, RMSNorm
from .pool import AdaptiveAvgPool2d, AvgPool2d, MaxPool1d, MaxPool2d, Upsample
from .recurrent import GRU, LSTM, RNN, Carried, GRUCell, LSTMCell, RNNCell
from .sampling import sample
from .spectral import SpectralNorm
from .standardize import Standardize
from .tree import RNTN, ChildSumTreeLSTM, TreeLSTM, TreeRNN

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "RNN",
    "RNTN",
    "SELU",
    "AdaptiveAvgPool2d",
    "AdditiveAttention",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Carried",
    "ChildSumTreeLSTM",
    "Conv1d",
    "Conv2d",
    "ConvTranspose2d",
    "Dropout",
    "Dropout2d",
    "Embedding",
    "Flatten",
    "GRUCell",
    "GroupNorm",
    "Hardswish",
    "Hopfield",
    "HopfieldMemory",
    "Hypothesis",
    "LSTMCell",
    "LayerNorm",
    "LeakyReLU",
    "Length",
    "Linear",
    "LogSoftmax",
    "MaxPool1d",
    "MaxPool2d",
    "Module",
    "MultiheadAttention",
    "PrimaryCapsules",
    "RMSNorm",
    "RNNCell",
    "ReLU",
    "Reshape",
    "Residual",
    "RoutingCapsules",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SinusoidalPositions",
    "Softmax",
    "Softplus",
    "SpectralNorm",
    "Standardize",
    "Tanh",
    "TransformerDecoderLayer",
    "TransformerEncoderLayer",
    "TreeLSTM",
    "TreeRNN",
    "Upsample",
    "beam_search",
    "fold_batch_norm",
    "greedy_search",
    "init",
    "sample",
]
