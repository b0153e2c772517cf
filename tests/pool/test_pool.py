"""Pooling beside torch: ties, NaN, windows with more than 256 places."""

from __future__ import annotations

import numpy as np
import pytest
import wxb
from wxb import ops


def gradient(x: np.ndarray, dy: np.ndarray, *sizes: int) -> np.ndarray:
    given = wxb.tensor(x, requires_grad=True)
    (ops.max_pool(given, *sizes) * wxb.tensor(dy)).sum().backward()
    assert given.grad is not None
    return given.grad.numpy()


@pytest.mark.parametrize("channels", [1, 5, 17])
def test_the_first_of_equal_elements_gets_the_gradient(isa: str, channels: int) -> None:
    x = np.zeros((1, 4, 4, channels))
    dx = gradient(x, np.ones((1, 2, 2, channels)), 2)
    wanted = np.zeros((4, 4))
    wanted[::2, ::2] = 1
    assert (dx[0] == wanted[..., None]).all()


def test_infinities_below_everything_still_have_a_largest(isa: str) -> None:
    dx = gradient(np.full((1, 2, 2, 3), -np.inf), np.ones((1, 1, 1, 3)), 2)
    assert (dx[0, 0, 0] == 1).all() and dx.sum() == 3


def test_nan_wins_and_gets_the_gradient(isa: str) -> None:
    x = np.arange(16.0).reshape(1, 4, 4, 1)
    x[0, 0, 1, 0] = np.nan
    y = ops.max_pool(wxb.tensor(x), 2).numpy()
    assert np.isnan(y[0, 0, 0, 0]) and np.isfinite(y[0, 1]).all()
    assert gradient(x, np.ones((1, 2, 2, 1)), 2)[0, 0, 1, 0] == 1


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, 1, 1), (2, 3, 0), (17, 2, 8)])
def test_ties_as_in_torch(isa: str, kernel: int, stride: int, padding: int) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, (2, 19, 20, 6)).astype(np.float32)
    theirs = torch.tensor(x).permute(0, 3, 1, 2).requires_grad_()
    y = torch.nn.functional.max_pool2d(theirs, kernel, stride, padding)
    dy = rng.integers(-4, 5, tuple(np.array(y.shape)[[0, 2, 3, 1]])).astype(np.float32)
    y.backward(torch.tensor(dy).permute(0, 3, 1, 2))
    assert np.array_equal(gradient(x, dy, kernel, stride, padding), theirs.grad.permute(0, 2, 3, 1).numpy())


def test_no_index_is_kept_where_no_gradient_is_wanted() -> None:
    x = wxb.tensor(np.ones((1, 64, 64, 16)))
    before = wxb.device("cpu").kernels.memory().live
    y = ops.max_pool(x, 2)
    assert wxb.device("cpu").kernels.memory().live - before < 1.2 * y.data.nbytes
