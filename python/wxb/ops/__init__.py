"""Differentiable functions on Tensors, one file per kernel room."""

from . import attention as _attention
from . import (
    capsule,
    conv,
    detection,
    elementwise,
    epilogue,
    gemm,
    indexing,
    loss,
    pool,
    random,
    recurrent,
    reduce,
    resample,
    spectral,
    tree,
)
from . import norm as _norm
from . import softmax as _softmax
from .attention import *
from .capsule import *
from .conv import *
from .detection import *
from .elementwise import *
from .epilogue import *
from .gemm import *
from .indexing import *
from .loss import *
from .norm import *
from .operators import bind
from .pool import *
from .random import *
from .recurrent import *
from .reduce import *
from .resample import *
from .softmax import *
from .spectral import *
from .tree import *

__all__ = [
    *_attention.__all__,
    *capsule.__all__,
    *conv.__all__,
    *detection.__all__,
    *elementwise.__all__,
    *epilogue.__all__,
    *gemm.__all__,
    *indexing.__all__,
    *loss.__all__,
    *_norm.__all__,
    *pool.__all__,
    *random.__all__,
    *recurrent.__all__,
    *reduce.__all__,
    *resample.__all__,
    *_softmax.__all__,
    *spectral.__all__,
    *tree.__all__,
]

bind()
