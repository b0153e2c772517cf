"""How good samples are: Fréchet distances that can be worked out, balance, neighbours, and bad input."""

from __future__ import annotations

import numpy as np
import pytest
from wxb.train import class_balance, frechet_distance, nearest_neighbours

RNG = np.random.default_rng(0)


def test_frechet_distance_of_normals() -> None:
    """Means apart by d, deviations a and b along each axis: d² + sum of (a - b)²; rotated together it stays."""
    a, b = np.array([1.0, 2.0, 0.5]), np.array([2.0, 2.0, 1.5])
    shift, rotation = np.array([3.0, 0, 1]), np.linalg.qr(RNG.standard_normal((3, 3)))[0]
    z = RNG.standard_normal((200_000, 3))
    z = (z - z.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(z.T))).T  # exactly of mean 0 and covariance 1
    want = 10 + 1 + 0 + 1
    assert frechet_distance(z * a, z * b + shift) == pytest.approx(want, rel=1e-6)
    assert frechet_distance(z * a @ rotation, (z * b + shift) @ rotation) == pytest.approx(want, rel=1e-6)
    assert frechet_distance(z, z) == pytest.approx(0, abs=1e-8)


def test_frechet_distance_is_the_one_of_a_matrix_square_root() -> None:
    linalg = pytest.importorskip("scipy.linalg")
    x, y = RNG.standard_normal((50, 8)), RNG.standard_normal((60, 8)) @ RNG.standard_normal((8, 8)) + 1
    a, b = np.cov(x.T), np.cov(y.T)
    want = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a + b - 2 * linalg.sqrtm(a @ b).real)
    assert frechet_distance(x, y) == pytest.approx(want, rel=1e-8)
    few = RNG.standard_normal((4, 8))  # covariances without full rank
    assert np.isfinite(frechet_distance(few, y)) and frechet_distance(few[:, :1], y[:, :1]) >= 0


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        (np.ones(3), np.ones((3, 2)), "features have shape"),
        (np.ones((1, 2)), np.ones((3, 2)), "N of 2 or more"),
        (np.ones((3, 2)), np.ones((3, 4)), "features are 2 and 4"),
        (np.full((3, 2), np.nan), np.ones((3, 2)), "not all finite"),
    ],
)
def test_bad_features(a: np.ndarray, b: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=f"frechet_distance: .*{words}"):
        frechet_distance(a, b)


def test_class_balance() -> None:
    assert class_balance(np.arange(20) % 4, 4) == pytest.approx((1, 1))
    assert class_balance(np.zeros(9, int), 4) == (0, 0)
    evenness, smallest = class_balance([0, 0, 0, 1], 2)
    assert evenness == pytest.approx(0.8112781) and smallest == 0.5
    for labels, classes in (([], 3), ([0, 3], 3), ([-1, 0], 3), ([0], 1), (np.zeros((2, 2), int), 3)):
        with pytest.raises(ValueError, match="class_balance: labels"):
            class_balance(labels, classes)


def test_nearest_neighbours() -> None:
    x = RNG.integers(0, 256, (30, 4, 5, 1)).astype(np.uint8)
    among = RNG.integers(0, 256, (101, 4, 5, 1)).astype(np.uint8)
    among[70] = x[3]
    apart = np.linalg.norm((x[:, None].astype(float) - among[None]).reshape(30, 101, -1), axis=2)
    for block in (7, 10_000):
        distances, places = nearest_neighbours(x, among, block)
        assert (places == apart.argmin(1)).all() and places[3] == 70
        np.testing.assert_allclose(distances, apart.min(1), rtol=1e-4, atol=0.5)
    with pytest.raises(ValueError, match="wanted rows of one shape"):
        nearest_neighbours(x, among[:, :3])
