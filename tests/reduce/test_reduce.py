"""What is special to reductions: ties, NaN, large means, long sums, broadcasting undone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import wxb
from wxb import ops
from wxb.device import cpu
from wxb.ops.reduce import sum_to

Array = np.ndarray


def gradient(op: Any, x: Array, *args: Any, dtype: str = "float32") -> Array:
    leaf = wxb.tensor(x, dtype, requires_grad=True)
    ops.sum(op(leaf, *args)).backward()
    return leaf.grad.numpy()


@pytest.mark.parametrize("axis", [None, 0, 1, (0, 2), (1, 2)])
@pytest.mark.parametrize("op", [ops.max, ops.min])
def test_ties_share_the_gradient(op: Any, axis: Any, isa: str, rng: np.random.Generator) -> None:
    x = rng.integers(0, 3, (7, 9, 20)).astype(np.float64)
    best = op(wxb.tensor(x), axis, True).numpy()
    ties = x == best
    np.testing.assert_allclose(gradient(op, x, axis), ties / ties.sum(axis=axis, keepdims=True), rtol=1e-6)


def test_the_gradient_of_a_nan_maximum_goes_to_the_nans(isa: str) -> None:
    x = np.array([[1.0, np.nan, 3.0, np.nan], [1.0, 2.0, 3.0, 0.0]])
    assert gradient(ops.max, x, 1).tolist() == [[0, 0.5, 0, 0.5], [0, 0, 1, 0]]


@pytest.mark.parametrize("length", [1, 7, 16, 33, 5000, 200_003])
def test_the_first_of_equals_is_the_place(length: int, isa: str, rng: np.random.Generator) -> None:
    x = rng.integers(-2, 3, length).astype(np.float64)
    assert ops.argmax(wxb.tensor(x)).item() == x.argmax()
    assert ops.argmin(wxb.tensor(x)).item() == x.argmin()
    columns = wxb.tensor(np.stack([x, -x, 0 * x], axis=1))
    assert ops.argmax(columns, 0).tolist() == [x.argmax(), x.argmin(), 0]
    for infinite in (np.inf, -np.inf):
        assert ops.argmax(wxb.tensor(np.full(length, infinite))).item() == 0


@pytest.mark.parametrize("axis", [0, 1])
def test_the_first_nan_wins(axis: int, isa: str, rng: np.random.Generator) -> None:
    x = rng.standard_normal((90, 90))
    x[[5, 5, 70, 8], [3, 60, 3, 3]] = np.nan
    for op, oracle in ((ops.argmax, np.argmax), (ops.argmin, np.argmin), (ops.max, np.max), (ops.min, np.min)):
        np.testing.assert_array_equal(op(wxb.tensor(x), axis).numpy(), oracle(x.astype(np.float32), axis))


@pytest.mark.parametrize("mean", [0.0, 1e4, 1e6])
@pytest.mark.parametrize("shape", [(1, 100_000), (1000, 64), (30_000, 3)])
def test_a_large_mean_costs_the_variance_no_digits(
    mean: float, shape: tuple[int, int], isa: str, rng: np.random.Generator
) -> None:
    x = (mean + rng.standard_normal(shape)).astype(np.float32)
    x[0, 0] = 0  # not even where the first element lies apart
    for axis in (0, 1):
        want = x.astype(np.float64).var(axis=axis)
        np.testing.assert_allclose(ops.var(wxb.tensor(x), axis).numpy(), want, rtol=2e-6, atol=1e-12)


def test_long_sums_keep_their_digits(isa: str) -> None:
    x = wxb.tensor(np.full((1_000_000, 2), 0.1, np.float32))
    want = 1e6 * np.float64(np.float32(0.1))
    np.testing.assert_allclose(ops.sum(x, 0).numpy(), want, rtol=3e-6)
    np.testing.assert_allclose(ops.sum(x).item(), 2 * want, rtol=3e-6)


def test_the_gradient_of_the_norm_of_zeros_is_zero(isa: str) -> None:
    assert gradient(ops.norm, np.zeros((3, 5)), 1).tolist() == np.zeros((3, 5)).tolist()


def test_the_gradient_of_the_variance_does_not_depend_on_the_layout(rng: np.random.Generator) -> None:
    x = rng.standard_normal((4, 5, 6))
    apart = gradient(ops.var, x, (0, 2), dtype="float64")
    together = gradient(ops.var, x.transpose(1, 0, 2).copy(), (1, 2), dtype="float64")
    np.testing.assert_allclose(apart, together.transpose(1, 0, 2), rtol=1e-12)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ((2, 3), (2, 3)),
        ((2, 3), ()),
        ((2, 3), (3,)),
        ((2, 3), (2, 1)),
        ((5, 2, 3, 4), (2, 1, 4)),
        ((5, 2, 3, 4), (1, 2, 1, 4)),
        ((5, 2, 3, 4), (5, 1, 3, 1)),
        ((0, 3), (3,)),
        ((4, 0), (1, 0)),
    ],
)
def test_sum_to_undoes_broadcasting(given: tuple[int, ...], wanted: tuple[int, ...], rng: np.random.Generator) -> None:
    x = rng.integers(-5, 6, given).astype(np.float32)
    y = sum_to(cpu, x, wanted)
    assert y.shape == wanted
    # The sum is what pairs with x as a spread array does: <sum_to(x), b> = <x, broadcast(b)>.
    b = rng.integers(-5, 6, wanted).astype(np.float32)
    assert np.sum(y * b) == np.sum(x * b)


def test_sum_to_refuses_what_does_not_broadcast() -> None:
    for shape in ((3, 1), (2, 3, 1), (4,)):
        with pytest.raises(ValueError, match="does not broadcast to"):
            sum_to(cpu, np.ones((2, 3), np.float32), shape)


def test_kernels_refuse_sizes_that_do_not_fit() -> None:
    kernels, x, y = cpu.kernels, np.ones(6, np.float32), np.ones(2, np.float32)
    for sizes in ((2, 4, 1), (-2, -3, 1), (2, 3, 0), (2**62, 3, 2**62)):
        with pytest.raises(ValueError, match=r"array too large|must have|may be negative"):
            kernels.reduce_forward(kernels.Reduction.sum, x, y, *sizes)
    with pytest.raises(ValueError, match="needs `about`"):
        kernels.reduce_forward(kernels.Reduction.ties, x, y, 2, 3, 1)
    with pytest.raises(ValueError, match="needs ties"):
        kernels.reduce_backward(kernels.Reduction.max, x, y, None, y, x, 2, 3, 1)
