"""Metrics against scikit-learn, and the shapes they refuse."""

import re

import numpy as np
import pytest
from wxb.train import metrics
from wxb.train.metrics import METRICS

rng = np.random.default_rng(0)
LABELS = [(rng.integers(0, c, n), rng.integers(0, c, n)) for c, n in [(2, 1), (2, 50), (3, 7), (10, 500), (40, 60)]]
LABELS += [(np.array([0, 2]), np.array([2, 0])), (np.ones(3, int), np.zeros(3, int))]


@pytest.mark.parametrize("predicted, actual", LABELS)
def test_counts_against_scikit_learn(predicted, actual):
    oracle = pytest.importorskip("sklearn.metrics")
    classes = int(max(predicted.max(), actual.max())) + 1
    assert metrics.accuracy(predicted, actual) == oracle.accuracy_score(actual, predicted)
    matrix = metrics.confusion_matrix(predicted, actual)
    np.testing.assert_array_equal(matrix, oracle.confusion_matrix(actual, predicted, labels=range(classes)))
    assert metrics.confusion_matrix(predicted, actual, classes + 2).shape == (classes + 2, classes + 2)


def test_a_single_class():
    zeros = np.zeros(4, int)
    assert metrics.confusion_matrix(zeros, zeros).tolist() == [[4]]
    assert metrics.f1(zeros, zeros) == 1 and metrics.f1(zeros, zeros, average="binary") == 0


@pytest.mark.parametrize("predicted, actual", LABELS)
@pytest.mark.parametrize("name", ["precision", "recall", "f1"])
def test_class_metrics_against_scikit_learn(predicted, actual, name):
    oracle = pytest.importorskip("sklearn.metrics")
    metric, theirs = getattr(metrics, name), getattr(oracle, f"{name}_score")
    for average in ("macro", "micro"):
        expected = theirs(actual, predicted, average=average, zero_division=0)
        assert metric(predicted, actual, average=average) == pytest.approx(expected, abs=1e-15)
    classes = max(2, int(max(predicted.max(), actual.max())) + 1)
    every = theirs(actual, predicted, average=None, labels=range(classes), zero_division=0)
    np.testing.assert_allclose(metric(predicted, actual, average=None), every, atol=1e-15)
    if classes == 2:
        expected = theirs(actual, predicted, labels=[0, 1], average=None, zero_division=0)[1]
        assert metric(predicted, actual, average="binary") == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_top_k_against_scikit_learn(k):
    oracle = pytest.importorskip("sklearn.metrics")
    scores, actual = rng.normal(size=(300, 7)), rng.integers(0, 7, 300)
    expected = oracle.top_k_accuracy_score(actual, scores, k=k, labels=range(7))
    assert metrics.top_k_accuracy(scores, actual, k) == expected


def test_top_k_with_equal_scores_takes_the_first():
    assert metrics.top_k_accuracy(np.zeros((4, 4)), [0, 1, 2, 3], k=2) == 0.5


@pytest.mark.parametrize("shape", [(2,), (50,), (50, 1), (50, 3)])
def test_regression_against_scikit_learn(shape):
    oracle = pytest.importorskip("sklearn.metrics")
    actual = rng.normal(size=shape) * 10 + 5
    predicted = actual + rng.normal(size=shape)
    assert metrics.mae(predicted, actual) == pytest.approx(oracle.mean_absolute_error(actual, predicted))
    assert metrics.rmse(predicted, actual) == pytest.approx(oracle.mean_squared_error(actual, predicted) ** 0.5)
    assert metrics.r2(predicted, actual) == pytest.approx(oracle.r2_score(actual, predicted))


def test_r2_of_a_constant_column():
    oracle = pytest.importorskip("sklearn.metrics")
    actual = np.array([[1.0, 1, 2], [1, 1, 4]])
    predicted = np.array([[1.0, 2, 2], [1, 1, 4]])
    assert metrics.r2(predicted, actual) == oracle.r2_score(actual, predicted) == pytest.approx(2 / 3)


def test_nan_stays_nan_in_regression():
    for name in ("mae", "rmse", "r2"):
        assert np.isnan(METRICS[name]([1.0, np.nan], [1.0, 2.0]))


def test_outputs_of_many_classes():
    logits, actual = rng.normal(size=(200, 6)).astype(np.float32), rng.integers(0, 6, 200).astype(np.uint8)
    labels = logits.argmax(axis=1)
    assert METRICS["accuracy"](logits, actual) == metrics.accuracy(labels, actual)
    assert METRICS["top_5_accuracy"](logits, actual) == metrics.top_k_accuracy(logits, actual, 5)
    for name in ("precision", "recall", "f1"):
        assert METRICS[name](logits, actual) == getattr(metrics, name)(labels, actual, average="macro")


@pytest.mark.parametrize("shape", [(100,), (100, 1)])
@pytest.mark.parametrize("dtype", [np.float32, np.int64, bool])
def test_outputs_of_two_classes_are_logits(shape, dtype):
    logits, actual = rng.normal(size=shape), rng.integers(0, 2, shape).astype(dtype)
    labels = (logits > 0).astype(int).ravel()
    assert METRICS["accuracy"](logits, actual) == (labels == actual.ravel()).mean()
    for name in ("precision", "recall", "f1"):
        expected = getattr(metrics, name)(labels, actual.ravel().astype(int), average="binary")
        assert METRICS[name](logits, actual) == expected


N, N1 = np.zeros(4), np.zeros((4, 1))
I4 = np.arange(4)


@pytest.mark.parametrize(
    "name, predicted, actual, error, message",
    [
        ("mae", N1, N, ValueError, "mae: predictions (4, 1) and targets (4,), wanted one shape; reshape one of them"),
        ("rmse", N, N1, ValueError, "rmse: predictions (4,) and targets (4, 1), wanted one shape; reshape one of them"),
        ("r2", N, N[:3], ValueError, "r2: predictions (4,) and targets (3,), wanted one shape"),
        ("r2", [1.0], [1.0], ValueError, "r2: got one row, wanted at least two"),
        ("mae", [], [], ValueError, "mae: got no rows, wanted at least one"),
        ("mae", 1.0, 1.0, ValueError, "mae: predictions () and targets (), wanted one shape"),
        (
            "accuracy",
            N1,
            N,
            ValueError,
            "metric: outputs (4, 1) and targets (4,), wanted (N, C) and (N,), or one shape",
        ),
        (
            "accuracy",
            N,
            N1,
            ValueError,
            "metric: outputs (4,) and targets (4, 1), wanted (N, C) and (N,), or one shape",
        ),
        ("accuracy", np.zeros((4, 3)), np.zeros((4, 1), int), ValueError, "metric: true labels have shape (4, 1)"),
        (
            "accuracy",
            np.zeros((4, 3)),
            I4[:3],
            ValueError,
            "metric: outputs (4, 3) and targets (3,), wanted (N, C) and (N,)",
        ),
        ("accuracy", np.zeros((4, 3)), I4, IndexError, "metric: label 3 occurs, wanted 0 to 2"),
        ("accuracy", np.zeros((4, 3)), -I4, IndexError, "metric: label -3 occurs, wanted 0 to 2"),
        ("accuracy", np.zeros((4, 3)), N, TypeError, "metric: true labels are float64, wanted integers"),
        ("accuracy", N, I4, ValueError, "metric: targets of two-class logits hold other values than 0 and 1"),
        ("f1", np.full((4, 3), np.nan), I4 % 3, ValueError, "metric: outputs hold NaN, wanted numbers"),
        ("f1", np.zeros((0, 3)), I4[:0], ValueError, "metric: outputs have shape (0, 3), wanted at least one row"),
        (
            "accuracy",
            np.zeros((4, 3, 2)),
            I4,
            ValueError,
            "metric: outputs (4, 3, 2) and targets (4,), wanted (N, C) and",
        ),
        ("top_5_accuracy", np.zeros((4, 3)), I4 % 3, ValueError, "top_k_accuracy: k is 5, wanted 1 to 3"),
    ],
)
def test_shapes_are_strict(name, predicted, actual, error, message):
    with pytest.raises(error, match=re.escape(message)):
        METRICS[name](predicted, actual)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (
            lambda: metrics.accuracy(I4, I4[:, None]),
            ValueError,
            "accuracy: actual labels have shape (4, 1), wanted (N,)",
        ),
        (
            lambda: metrics.accuracy(I4, I4[:3]),
            ValueError,
            "accuracy: predicted labels (4,) and actual ones (3,), wanted",
        ),
        (lambda: metrics.accuracy(N, I4), TypeError, "accuracy: predicted labels are float64, wanted integers"),
        (lambda: metrics.confusion_matrix(I4, I4, 3), IndexError, "confusion_matrix: label 3 occurs, wanted 0 to 2"),
        (lambda: metrics.confusion_matrix(I4, -I4), IndexError, "confusion_matrix: label -3 occurs, wanted 0 to 3"),
        (
            lambda: metrics.confusion_matrix([2**40], [0]),
            ValueError,
            "label 1099511627776 occurs, wanted class numbers below",
        ),
        (lambda: metrics.f1(I4, I4, average="binary"), ValueError, "f1: labels reach 3, 'binary' wants 0 and 1"),
        (lambda: metrics.f1(I4, I4, average="weighted"), ValueError, "f1: average is 'weighted', wanted 'macro'"),
        (lambda: metrics.precision(-I4, I4), IndexError, "precision: label -3 occurs, wanted 0 to 3"),
    ],
)
def test_labels_are_strict(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()
