"""wxb: deep learning from W x + b up.

    import wxb
    from wxb import nn, ops, optim

Tensors, gradients and layers are thin Python over C++ and CUDA kernels of wxb's own.
"""

from numpy import bool_, float32, float64, int64, uint8

from . import data, io, nn, ops, optim, train
from .autograd import no_grad
from .device import Device, device, empty_cache, memory_stats, num_threads, seed, set_num_threads
from .errors import CaptureError, CudaError
from .nn.summary import summary
from .tensor import Parameter, Tensor, parameter, tensor
from .train.capture import capture
from .train.trainer import Trainer

__version__ = "0.1.0"

__all__ = [
    "CaptureError",
    "CudaError",
    "Device",
    "Parameter",
    "Tensor",
    "Trainer",
    "bool_",
    "capture",
    "data",
    "device",
    "empty_cache",
    "float32",
    "float64",
    "int64",
    "io",
    "memory_stats",
    "nn",
    "no_grad",
    "num_threads",
    "ops",
    "optim",
    "parameter",
    "seed",
    "set_num_threads",
    "summary",
    "tensor",
    "train",
    "uint8",
]
