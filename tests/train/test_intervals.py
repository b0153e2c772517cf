"""Confidence intervals against closed forms, exact coverage and what is known of the mean."""

import math
import re

import numpy as np
import pytest
from wxb.train import Estimate, bootstrap, proportion
from wxb.train.metrics import mae, r2

Z = 1.959963984540054


@pytest.mark.parametrize("right, total", [(0, 1), (1, 1), (0, 20), (20, 20), (7, 10), (81, 263), (9_943, 10_000)])
def test_wilson_solves_its_equation(right, total):
    """Its ends are the shares P with ``|p - P| = z sqrt(P (1 - P) / n)``."""
    p, low, high = proportion(right, total)
    assert p == right / total and 0 <= low <= p <= high <= 1 and low < high
    for end in (low, high):
        if 0 < end < 1:
            assert abs(p - end) == pytest.approx(Z * math.sqrt(end * (1 - end) / total), rel=1e-9)


def test_wilson_of_newcombe():
    """Newcombe 1998, table I, method 3, and Wilson's closed forms at the ends."""
    assert proportion(81, 263)[1:] == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert proportion(15, 148)[1:] == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert proportion(0, 20)[1:] == pytest.approx((0.0, Z**2 / (20 + Z**2)))
    assert proportion(29, 29)[1:] == pytest.approx((29 / (29 + Z**2), 1.0))


@pytest.mark.parametrize("share", [0.5, 0.9, 0.97])
def test_wilson_covers_the_truth_about_as_often_as_it_says(share):
    n = 100
    chances = [math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(n + 1)]
    inside = [proportion(k, n).low <= share <= proportion(k, n).high for k in range(n + 1)]
    assert 0.92 < sum(c for c, covered in zip(chances, inside) if covered) < 0.985


def test_the_surer_the_wider():
    widths = [proportion(30, 40, c).high - proportion(30, 40, c).low for c in (0.5, 0.8, 0.95, 0.99)]
    assert widths == sorted(widths)
    values = np.arange(50.0)
    widths = [bootstrap(np.mean, values, confidence=c).high for c in (0.5, 0.8, 0.95, 0.99)]
    assert widths == sorted(widths)


def test_bootstrap_of_a_mean_is_the_normal_one():
    values = np.random.default_rng(0).normal(3, 2, 400)
    value, low, high = bootstrap(np.mean, values, samples=4000)
    half = Z * values.std() / math.sqrt(len(values))
    assert value == values.mean()
    assert (low, high) == pytest.approx((value - half, value + half), abs=0.06 * half)


def test_bootstrap_covers_the_truth_about_as_often_as_it_says():
    rng, covered = np.random.default_rng(1), 0
    for trial in range(200):
        actual = rng.normal(size=80)
        predicted = actual + rng.laplace(size=80)  # whose mean absolute error is 1
        _, low, high = bootstrap(mae, predicted, actual, samples=300, seed=trial)
        covered += low <= 1 <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_rows_stay_together_and_the_seed_decides():
    actual = np.random.default_rng(2).normal(size=(60, 2))
    assert bootstrap(r2, actual, actual) == (1, 1, 1)  # only as long as rows of both are the same
    noisy = actual + 0.3 * np.random.default_rng(3).normal(size=(60, 2))
    first, again, other = (bootstrap(r2, noisy, actual, seed=seed) for seed in (0, 0, 1))
    assert first == again != other and first.low < first.value < first.high


def test_of_one_row_nothing_is_known():
    value, low, high = bootstrap(mae, [1.0], [3.0])
    assert value == 2 and math.isnan(low) and math.isnan(high)


def test_an_estimate_is_its_value():
    estimate = Estimate(0.5, 0.25, 0.75)
    assert float(estimate) == 0.5 and str(estimate) == "0.5 (0.25 to 0.75)"


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: proportion(3, 2), "proportion: 3 of 2 are right, wanted from 0 to a total of 1 or more"),
        (lambda: proportion(-1, 2), "proportion: -1 of 2 are right"),
        (lambda: proportion(0, 0), "proportion: 0 of 0 are right"),
        (lambda: proportion(1, 2, 1.0), "proportion: confidence is 1.0, wanted a number between 0 and 1"),
        (lambda: proportion(1, 2, float("nan")), "proportion: confidence is nan"),
        (lambda: bootstrap(mae), "bootstrap: arrays have lengths [], wanted one length, at least 1"),
        (lambda: bootstrap(mae, [], []), "bootstrap: arrays have lengths [0, 0]"),
        (lambda: bootstrap(mae, [1, 2], [1]), "bootstrap: arrays have lengths [2, 1]"),
        (lambda: bootstrap(mae, 1, 1), "bootstrap: arrays have lengths [0, 0]"),
        (lambda: bootstrap(mae, [1, 2], [1, 2], samples=0), "bootstrap: samples is 0, wanted at least 1"),
        (lambda: bootstrap(mae, [1, 2], [1, 2], confidence=95), "bootstrap: confidence is 95"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        call()
