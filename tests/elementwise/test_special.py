"""NaN, infinities, zeros, the largest and smallest numbers in every pair; derivatives where a function has a kink."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import wxb
from wxb import ops

F = np.finfo(np.float32)
VALUES = np.float32(
    [np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 2.5, -3.0, F.tiny, -F.tiny, 2.0**-149, F.max, -F.max]
)
A, B = (m.reshape(-1).copy() for m in np.meshgrid(VALUES, VALUES))

PAIRS: dict[str, Callable[..., np.ndarray]] = {
    name: getattr(np, name) for name in ("add", "subtract", "multiply", "divide", "minimum", "maximum")
}
COMPARISONS = ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", PAIRS)
def test_pairs_are_as_ieee_has_them(name: str, dtype: type, isa: str) -> None:
    a, b = A.astype(dtype), B.astype(dtype)
    with np.errstate(all="ignore"):
        want = PAIRS[name](a, b)
    got = getattr(ops, name)(wxb.tensor(a, dtype), wxb.tensor(b, dtype)).numpy()
    nan = np.isnan(want)
    assert (np.isnan(got) == nan).all()
    if name in ("minimum", "maximum"):
        assert (got[~nan] == want[~nan]).all()  # of -0 and 0 either
    else:
        assert got[~nan].tobytes() == want[~nan].tobytes()


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons_with_nan_are_false(name: str) -> None:
    got = getattr(ops, name)(wxb.tensor(A), wxb.tensor(B)).numpy()
    assert (got == getattr(np, name)(A, B)).all()


def test_powers_are_the_c_librarys(isa: str) -> None:
    with np.errstate(all="ignore"):
        want = np.power(A.astype(np.float64), B.astype(np.float64)).astype(np.float32)
    got = ops.power(wxb.tensor(A), wxb.tensor(B)).numpy()
    with np.errstate(all="ignore"):
        close = np.abs(got - want) <= 2e-7 * np.abs(want)
    assert ((got == want) | close | (np.isnan(got) & np.isnan(want))).all()


def derivative(function: Callable[..., wxb.Tensor], *values: list[float]) -> list[list[float]]:
    leaves = [wxb.tensor(v, requires_grad=True) for v in values]
    function(*leaves).sum().backward()
    return [leaf.grad.tolist() for leaf in leaves]


def test_derivatives_at_kinks(isa: str) -> None:
    assert derivative(ops.relu, [-1.0, -0.0, 0.0, 1.0]) == [[0, 0, 0, 1]]
    assert derivative(ops.abs, [-2.0, -0.0, 0.0, 2.0]) == [[-1, 0, 0, 1]]
    assert derivative(lambda x: ops.clip(x, -1, 1), [-2.0, 0.5, 2.0]) == [[0, 1, 0]]
    assert derivative(ops.hardswish, [-4.0, 4.0]) == [[0, 1]]
    assert derivative(ops.maximum, [1.0, 2.0, 3.0], [2.0, 2.0, 2.0]) == [[0, 0.5, 1], [1, 0.5, 0]]
    assert derivative(ops.minimum, [1.0, 2.0, 3.0], [2.0, 2.0, 2.0]) == [[1, 0.5, 0], [0, 0.5, 1]]


def test_derivatives_of_powers_at_zero(isa: str) -> None:
    """d/da is 0 where b is 0, d/db is 0 where a is 0."""
    da, db = derivative(ops.power, [0.0, 0.0, 2.0, 0.0], [0.0, 2.0, 0.0, 1.0])
    assert da == [0, 0, 0, 1] and db[0] == db[1] == db[3] == 0 and abs(db[2] - np.log(2)) < 1e-6


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, -1, 0.5])
def test_powers_with_a_number(exponent: float) -> None:
    base = [0.5, 1.0, 4.0]
    x = wxb.tensor(base, requires_grad=True)
    y = x**exponent
    y.sum().backward()
    np.testing.assert_allclose(y.numpy(), np.float32(base) ** exponent, rtol=1e-6)
    np.testing.assert_allclose(x.grad.numpy(), exponent * np.float32(base) ** (exponent - 1), rtol=1e-6)


def test_squares_of_negative_numbers() -> None:
    x = wxb.tensor([-3.0, 2.0], requires_grad=True)
    (x**2).sum().backward()
    assert (x**2).tolist() == [9, 4] and x.grad.tolist() == [-6, 4]


@pytest.mark.parametrize("name", ["exp", "sigmoid", "tanh", "softplus", "gelu", "silu", "elu", "selu"])
def test_saturation_is_no_nan(name: str, isa: str) -> None:
    x = wxb.tensor([-1e30, -200.0, -100.0, 100.0, 200.0, 1e30], requires_grad=True)
    y = getattr(ops, name)(x)
    y.sum().backward()
    assert not np.isnan(y.numpy()).any()
    if name != "exp":
        assert np.isfinite(y.numpy()).all() and np.isfinite(x.grad.numpy()).all()


def test_where_lets_nothing_through_from_the_other_side() -> None:
    x = wxb.tensor([np.nan, 2.0], requires_grad=True)
    y = ops.where(wxb.tensor([False, True]), x, 0.0)
    y.sum().backward()
    assert y.tolist() == [0, 2] and x.grad.tolist() == [0, 1]


def test_casts_at_the_edges_of_integers() -> None:
    x = wxb.tensor([np.nan, np.inf, -np.inf, 2.0**63, -(2.0**63), 2.0**62, -1.5], "float64")
    assert x.astype("int64").tolist() == [0, 0, 0, 0, -(2**63), 2**62, -1]
    assert wxb.tensor([-1.0, -0.5, 255.0, 255.9, 256.0, np.nan]).astype("uint8").tolist() == [0, 0, 255, 255, 0, 0]
    assert wxb.tensor([np.nan, 0.0, -0.0, 1e-45]).astype("bool").tolist() == [True, False, False, True]
