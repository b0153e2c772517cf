"""What only large arrays do: results that go past the caches, matrices that a vector meets beyond L2."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import wxb
from wxb import ops

ROWS, COLUMNS = 2049, 4096  # more than 2^23 elements
BLOCK = 512

BY_ROWS: dict[str, Callable[[wxb.Tensor], wxb.Tensor]] = {
    "relu": ops.relu,
    "softmax": ops.softmax,
    "log_softmax": ops.log_softmax,
    "layer_norm": ops.layer_norm,
    "rms_norm": ops.rms_norm,
}


def both_ways(op: Callable[[wxb.Tensor], wxb.Tensor], x: np.ndarray, dy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    leaf = wxb.tensor(x, requires_grad=True)
    y = op(leaf)
    (y * wxb.tensor(dy)).sum().backward()
    return y.numpy(), leaf.grad.numpy()


@pytest.mark.parametrize("name", BY_ROWS)
def test_a_large_result_has_the_bits_of_its_parts(name: str, isa: str, rng: np.random.Generator) -> None:
    x = rng.standard_normal((ROWS, COLUMNS), dtype=np.float32)
    dy = rng.standard_normal((ROWS, COLUMNS), dtype=np.float32)
    y, dx = both_ways(BY_ROWS[name], x, dy)
    for i in range(0, ROWS, BLOCK):
        part_y, part_dx = both_ways(BY_ROWS[name], x[i : i + BLOCK], dy[i : i + BLOCK])
        assert (y[i : i + BLOCK] == part_y).all() and (dx[i : i + BLOCK] == part_dx).all(), name


def test_large_dropout_drops_the_same_forward_and_backward(isa: str) -> None:
    x = wxb.tensor(np.ones(ROWS * COLUMNS + 3, np.float32), requires_grad=True)
    y = ops.dropout(x, 0.25)
    y.sum().backward()
    kept = y.numpy() > 0
    assert (x.grad.numpy() == y.numpy()).all()
    assert abs(kept.mean() - 0.75) < 1e-3 and (y.numpy()[kept] == np.float32(1 / 0.75)).all()


@pytest.mark.parametrize("k, n", [(521, 509), (263, 1000), (3000, 90)])  # more than 2^18 elements
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("vector_first", [False, True])
def test_a_large_matrix_times_a_vector(
    k: int, n: int, transposed: bool, vector_first: bool, isa: str, rng: np.random.Generator
) -> None:
    matrix, vector = rng.standard_normal((k, n)), rng.standard_normal(k)
    exact = vector @ matrix
    stored = wxb.tensor(np.ascontiguousarray(matrix.T) if transposed else matrix)
    column = wxb.tensor(vector[:, None])
    if vector_first:
        y = ops.matmul(column, stored, transpose_a=True, transpose_b=transposed)
    else:
        y = ops.matmul(stored, column, transpose_a=not transposed)
    magnitude = np.abs(vector) @ np.abs(matrix)
    assert (np.abs(y.numpy().ravel() - exact) <= (k + 8) * 2**-24 * magnitude).all()
