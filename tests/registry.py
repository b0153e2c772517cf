"""The registry: one row per op of wxb.ops (several where it has several forms)."""

from __future__ import annotations

from rows import (
    Row,
    capsule,
    conv,
    elementwise,
    epilogue,
    gemm,
    indexing,
    loss,
    norm,
    pool,
    random,
    reduce,
    resample,
    softmax,
)

ROWS: list[Row] = [
    *elementwise.ROWS,
    *epilogue.ROWS,
    *gemm.ROWS,
    *capsule.ROWS,
    *conv.ROWS,
    *reduce.ROWS,
    *softmax.ROWS,
    *norm.ROWS,
    *pool.ROWS,
    *resample.ROWS,
    *loss.ROWS,
    *indexing.ROWS,
    *random.ROWS,
]
