"""wxb: deep learning from W x + b up.

    import wxb
    from wxb import nn, ops, optim

Tensors, gradients and layers are thin Python over C++ and CUDA kernels of wxb's own.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from numpy import bool_, float32, float64, int64, uint8

from . import nn, ops, optim
from .autograd import no_grad
from .device import Device, device, empty_cache, memory_stats, num_threads, seed, set_default_device, set_num_threads
from .errors import CaptureError, CudaError
from .tensor import Parameter, Tensor, parameter, scalar, tensor

if TYPE_CHECKING:
    from . import data, io, models, plots, recipes, train
    from .nn.summary import summary
    from .train.capture import capture
    from .train.trainer import Trainer

__version__ = "0.1.0"

# Imported when first used: `import wxb` takes hardly longer than `import numpy`.
_LAZY = {
    "Trainer": "train.trainer",
    "capture": "train.capture",
    "data": "",
    "io": "",
    "models": "",
    "plots": "",
    "recipes": "",
    "summary": "nn.summary",
    "train": "",
}

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
    "models",
    "nn",
    "no_grad",
    "num_threads",
    "ops",
    "optim",
    "parameter",
    "plots",
    "recipes",
    "scalar",
    "seed",
    "set_default_device",
    "set_num_threads",
    "summary",
    "tensor",
    "train",
    "uint8",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'wxb' has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_LAZY[name] or name}")
    value = getattr(module, name) if _LAZY[name] else module
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
