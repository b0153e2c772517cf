"""Reliability, calibration error and temperature against plain loops, scikit-learn and truths that are known."""

import re

import numpy as np
import pytest
from wxb.train import METRICS, fit_temperature, reliability
from wxb.train.metrics import reliability as reliability_of_outputs

RNG = np.random.default_rng(0)


def by_hand(confidence, right, bins):
    """The expected calibration error, row by row, as Guo et al. 2017 write it."""
    total, worst = 0.0, 0.0
    for m in range(1, bins + 1):
        low, high = (m - 1) / bins, m / bins
        inside = [i for i, c in enumerate(confidence) if low < c <= high or (m == 1 and c == 0)]
        if inside:
            apart = abs(sum(right[i] for i in inside) - sum(confidence[i] for i in inside)) / len(inside)
            total, worst = total + len(inside) / len(confidence) * apart, max(worst, apart)
    return total, worst


@pytest.mark.parametrize("n", [1, 2, 37, 500])
@pytest.mark.parametrize("bins", [1, 2, 10, 15])
def test_errors_against_a_loop(n, bins):
    confidence, right = RNG.random(n), RNG.random(n) < 0.6
    found = reliability(confidence, right, bins)
    assert found.counts.sum() == n
    assert (found.error, found.maximum_error) == pytest.approx(by_hand(confidence, right, bins))


def test_edges_belong_to_the_bin_below():
    found = reliability([0.0, 0.25, 0.5, 0.75, 1.0], [0, 0, 1, 1, 1], 4)
    assert found.counts.tolist() == [2, 1, 1, 1]
    assert found.confidence.tolist() == [0.125, 0.5, 0.75, 1] and found.accuracy.tolist() == [0, 1, 1, 1]
    assert np.isnan(reliability([0.9], [1], 2).accuracy[0])


def test_bins_against_scikit_learn():
    oracle = pytest.importorskip("sklearn.calibration")
    p = RNG.random(400)
    y = (RNG.random(400) < p).astype(int)
    accuracy, confidence = oracle.calibration_curve(y, p, n_bins=10)
    found = reliability(p, y, 10)
    np.testing.assert_allclose(found.accuracy, accuracy)
    np.testing.assert_allclose(found.confidence, confidence)


def test_who_says_what_is_true_has_no_error():
    p = np.random.default_rng(1).uniform(0.5, 1, 200_000)
    right = np.random.default_rng(2).random(200_000) < p
    assert reliability(p, right).error < 0.01
    assert reliability(p, np.ones(200_000)).error == pytest.approx(1 - p.mean())


@pytest.mark.parametrize("classes", [2, 7])
def test_of_outputs(classes):
    logits, labels = RNG.normal(0, 3, (300, classes)), RNG.integers(0, classes, 300)
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    wanted = by_hand(p.max(1), logits.argmax(1) == labels, 15)[0]
    assert METRICS["ece"](logits + 1000, labels) == pytest.approx(wanted)
    assert reliability_of_outputs(logits, labels, 15).error == pytest.approx(wanted)


@pytest.mark.parametrize("shape", [(300,), (300, 1)])
def test_of_two_class_logits(shape):
    logits, labels = RNG.normal(0, 3, shape), RNG.integers(0, 2, shape)
    two = np.stack([np.zeros(300), logits.ravel()], 1)
    assert METRICS["ece"](logits, labels) == pytest.approx(METRICS["ece"](two, labels.ravel()))


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_a_temperature_is_found_again(temperature):
    rng = np.random.default_rng(3)
    true = rng.normal(0, 2, (20_000, 5))
    p = np.exp(true) / np.exp(true).sum(1, keepdims=True)
    labels = (rng.random((20_000, 1)) > p.cumsum(1)).sum(1).clip(max=4)
    logits = true * temperature
    found = fit_temperature(logits, labels)
    assert found == pytest.approx(temperature, rel=0.05)
    assert METRICS["ece"](logits / found, labels) < 0.02 <= max(METRICS["ece"](logits, labels), 0.02)


def test_it_is_where_the_cross_entropy_is_smallest():
    rng = np.random.default_rng(4)
    logits = rng.normal(0, 2, (100, 3))
    labels = np.where(rng.random(100) < 0.6, logits.argmax(1), rng.integers(0, 3, 100))

    def loss(temperature):
        z = logits / temperature
        return (np.log(np.exp(z).sum(1)) - z[np.arange(100), labels]).mean()

    best = fit_temperature(logits, labels)
    assert all(loss(best) <= loss(t) + 1e-12 for t in (0.9 * best, 0.99 * best, 1.01 * best, 1.1 * best))


def test_of_what_is_always_or_never_right_the_ends():
    logits = np.eye(3) * 4
    assert fit_temperature(logits, [0, 1, 2]) == pytest.approx(0.01)
    assert fit_temperature(logits, [1, 2, 0]) == pytest.approx(100)
    assert 0.01 <= fit_temperature(np.zeros((2, 3)), [0, 1]) <= 100


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: reliability([], []), ValueError, "reliability: confidence (0,) and right (0,), wanted one shape (N,)"),
        (lambda: reliability([0.5], [1, 0]), ValueError, "reliability: confidence (1,) and right (2,)"),
        (lambda: reliability([3.0], [1]), ValueError, "confidence holds numbers outside [0, 1]; take softmax"),
        (lambda: reliability([np.nan], [1]), ValueError, "confidence holds numbers outside [0, 1]"),
        (lambda: reliability([0.5], [2]), ValueError, "right holds other values than 0 and 1"),
        (lambda: reliability([0.5], [1], 0), ValueError, "reliability: bins is 0, wanted at least 1"),
        (lambda: METRICS["ece"]([[1.0, np.nan]], [0]), ValueError, "metric: outputs hold NaN"),
        (lambda: fit_temperature([1.0], [0]), ValueError, "fit_temperature: logits (1,) and labels (1,), wanted"),
        (lambda: fit_temperature([[1.0, np.inf]], [0]), ValueError, "fit_temperature: logits hold NaN or infinity"),
        (lambda: fit_temperature([[1.0, 2]], [0.5]), TypeError, "fit_temperature: labels are float64, wanted integers"),
        (lambda: fit_temperature([[1.0, 2]], [2]), IndexError, "fit_temperature: labels from 2 to 2, wanted 0 to 1"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()
