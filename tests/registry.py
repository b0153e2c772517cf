"""The registry: one row per op of wxb.ops (several where it has several forms)."""

from __future__ import annotations

from rows import (
    Row,
    attention,
    capsule,
    conv,
    detection,
    elementwise,
    epilogue,
    gemm,
    indexing,
    loss,
    norm,
    pool,
    random,
    recurrent,
    reduce,
    resample,
    softmax,
    spectral,
)
from rows import tree as trees

ROWS: list[Row] = [
    *elementwise.ROWS,
    *epilogue.ROWS,
    *gemm.ROWS,
    *attention.ROWS,
    *capsule.ROWS,
    *conv.ROWS,
    *reduce.ROWS,
    *softmax.ROWS,
    *spectral.ROWS,
    *norm.ROWS,
    *pool.ROWS,
    *resample.ROWS,
    *loss.ROWS,
    *detection.ROWS,
    *indexing.ROWS,
    *random.ROWS,
    *trees.ROWS,
    *recurrent.ROWS,
]
