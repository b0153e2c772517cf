"""What only large arrays do: results that go past the caches, matrices that a vector meets beyond L2."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import wxb
from wxb import ops
from wxb.device import cpu

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


@pytest.mark.parametrize("name", ["softmax_forward", "relu"])
def test_a_large_result_may_take_the_place_of_its_input(name: str, isa: str, rng: np.random.Generator) -> None:
    x = cpu.array(rng.standard_normal((ROWS, COLUMNS), dtype=np.float32), np.float32)
    assert x.ctypes.data % 64 == 0, "it would not go past the caches"
    y = np.empty(x.size + 1, np.float32)[1:].reshape(x.shape)  # so it does not: its rows are not aligned
    kernels = cpu.kernels

    def run(to: np.ndarray) -> None:
        if name == "relu":
            kernels.unary_forward(kernels.Unary.relu, x, to, 0.0, 0.0)
        else:
            kernels.softmax_forward(x, to)

    run(y)
    run(x)
    assert (x == y).all()


def test_large_dropout_has_the_bits_of_its_parts(isa: str, rng: np.random.Generator) -> None:
    n, part = ROWS * COLUMNS + 3, 1 << 20
    x = rng.standard_normal(n, dtype=np.float32)
    leaf = wxb.tensor(x, requires_grad=True)
    wxb.seed(7)
    y = ops.dropout(leaf, 0.25)
    y.sum().backward()
    kept = leaf.grad.numpy() > 0
    assert abs(kept.mean() - 0.75) < 1e-3
    assert (y.numpy() == np.where(kept, x * np.float32(1 / 0.75), np.float32(0))).all()
    wxb.seed(7)
    assert (ops.dropout(wxb.tensor(x[:part]), 0.25).numpy() == y.numpy()[:part]).all()


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


def test_a_large_layer_of_one_output_and_one_of_one_row(isa: str, rng: np.random.Generator) -> None:
    x, w, b = rng.standard_normal((700, 500)), rng.standard_normal((1, 500)), rng.standard_normal(1)
    y = ops.linear(wxb.tensor(x), wxb.tensor(w), wxb.tensor(b), "relu")
    np.testing.assert_allclose(y.numpy(), np.maximum(x @ w.T + b, 0), atol=3e-4)
    y = ops.linear(wxb.tensor(w), wxb.tensor(x), wxb.tensor(np.ones(700)), "relu")
    np.testing.assert_allclose(y.numpy(), np.maximum(w @ x.T + 1, 0), atol=3e-4)
    x[3, 7], x[5, 9] = np.nan, np.inf
    y = ops.linear(wxb.tensor(x), wxb.tensor(np.abs(w)), wxb.tensor(b)).numpy()
    assert np.isnan(y[3, 0]) and y[5, 0] == np.inf and np.isfinite(np.delete(y, [3, 5])).all()
