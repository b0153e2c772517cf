"""How good predictions are, in the field's own measures, computed in float64 on numpy arrays.

The functions compare predicted with true values, labels with labels. `METRICS` holds them by name in the form a
training loop wants: from a network's outputs and the targets of its loss.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .calibration import Reliability
from .calibration import reliability as reliability_of

Average = Literal["macro", "micro", "binary"] | None
Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

MOST_CLASSES = 10_000  # labels that are no class numbers would ask for tables beyond any memory


def accuracy(predicted: ArrayLike, actual: ArrayLike) -> float:
    """Return the share of labels that are right.  predicted, actual (N,) integers."""
    p, a = _label_pair(predicted, actual, "accuracy")
    return float((p == a).mean())


def top_k_accuracy(scores: ArrayLike, actual: ArrayLike, k: int = 5) -> float:
    """Return the share of rows whose true class is among the k highest scores; of equal scores the first classes count.

    scores (N, C) logits or probabilities; actual (N,) integers.  Raises ValueError unless 1 <= k <= C, IndexError for
    a label of C or more.
    """
    s = _scores(scores, "top_k_accuracy")
    a = _labels(actual, "top_k_accuracy", "actual")
    if s.ndim != 2 or a.shape != s.shape[:1]:
        raise ValueError(f"top_k_accuracy: scores {s.shape} and labels {a.shape}, wanted (N, C) and (N,)")
    classes = s.shape[1]
    if not 1 <= k <= classes:
        raise ValueError(f"top_k_accuracy: k is {k}, wanted 1 to {classes}, the number of classes")
    _check_range(a, classes, "top_k_accuracy")
    best = np.argsort(-s, axis=1, kind="stable")[:, :k]
    return float((best == a[:, None]).any(axis=1).mean())


def confusion_matrix(predicted: ArrayLike, actual: ArrayLike, classes: int | None = None) -> Labels:
    """Count every pair of labels: ``matrix[i, j]`` rows of class i were called j.

    predicted, actual (N,) integers from 0; classes: C, or None for the largest label + 1.  Returns (C, C) int64.
    """
    p, a = _label_pair(predicted, actual, "confusion_matrix")
    count = _class_count(p, a, "confusion_matrix") if classes is None else classes
    _check_range(p, count, "confusion_matrix")
    _check_range(a, count, "confusion_matrix")
    return np.bincount(a * count + p, minlength=count * count).reshape(count, count)


def precision(predicted: ArrayLike, actual: ArrayLike, average: Average = "macro") -> float | Floats:
    """Return right calls of a class / all calls of it, ``TP / (TP + FP)``; 0 for a class never called.

    predicted, actual (N,) integers. average: 'macro' the mean over the classes that occur, 'micro' from the counts
    summed over classes, 'binary' of class 1 where labels are 0 and 1, None every class as (C,) float64, C >= 2.
    """
    right, called, true = _counts(predicted, actual, "precision")
    return _averaged(right, called, called + true > 0, average, "precision")


def recall(predicted: ArrayLike, actual: ArrayLike, average: Average = "macro") -> float | Floats:
    """Return right calls of a class / all rows of it, ``TP / (TP + FN)``; 0 for a class without rows.

    Arguments as in `precision`.
    """
    right, called, true = _counts(predicted, actual, "recall")
    return _averaged(right, true, called + true > 0, average, "recall")


def f1(predicted: ArrayLike, actual: ArrayLike, average: Average = "macro") -> float | Floats:
    """Return the harmonic mean of precision and recall, ``2 TP / (2 TP + FP + FN)``; 0 where there is nothing to count.

    Arguments as in `precision`.
    """
    right, called, true = _counts(predicted, actual, "f1")
    return _averaged(2 * right, called + true, called + true > 0, average, "f1")


def mae(predicted: ArrayLike, actual: ArrayLike) -> float:
    """Return the mean absolute error, ``mean |p - a|``.  predicted, actual: one shape, over all elements."""
    p, a = _pair(predicted, actual, "mae")
    return float(np.abs(p - a).mean())


def rmse(predicted: ArrayLike, actual: ArrayLike) -> float:
    """Return the root of the mean squared error, ``sqrt(mean (p - a)^2)``.  predicted, actual: one shape."""
    p, a = _pair(predicted, actual, "rmse")
    return float(np.sqrt(np.square(p - a).mean()))


def r2(predicted: ArrayLike, actual: ArrayLike) -> float:
    """Return the share of variance explained, ``1 - sum (p - a)^2 / sum (a - mean a)^2``, averaged over columns.

    predicted, actual (N,) or (N, D), N >= 2. A column that does not vary counts 1 if it is met exactly, else 0.
    """
    p, a = _pair(predicted, actual, "r2")
    if len(p) < 2:
        raise ValueError("r2: got one row, wanted at least two")
    residual = np.square(p - a).sum(axis=0)
    total = np.square(a - a.mean(axis=0)).sum(axis=0)
    met = np.where(residual == 0, 1.0, 0.0)
    return float(np.mean(np.where(total > 0, 1 - residual / np.where(total > 0, total, 1), met)))


def labels_of(outputs: ArrayLike, targets: ArrayLike) -> tuple[Labels, Labels, bool]:
    """Return predicted and true labels (N,) from a network's outputs, and whether there are just two classes.

    outputs (N, C): logits or probabilities, the highest names the class; targets (N,) integers.
    outputs (N,) or (N, 1): logits (not probabilities) of class 1 against class 0, class 1 above 0; targets of the same
    shape, every value 0 or 1, of any dtype.
    Raises ValueError for other shapes, for (N,) against (N, 1), and for NaN.
    """
    z = _scores(outputs, "metric")
    y = np.asarray(targets)
    if z.ndim == 2 and z.shape[1] > 1:
        labels = _labels(y, "metric", "true")
        if labels.shape != z.shape[:1]:
            raise ValueError(f"metric: outputs {z.shape} and targets {y.shape}, wanted (N, C) and (N,)")
        _check_range(labels, z.shape[1], "metric")
        return z.argmax(axis=1), labels, False
    if z.shape != y.shape or z.ndim not in (1, 2):
        wanted = "(N, C) and (N,), or one shape (N,) or (N, 1)"
        raise ValueError(f"metric: outputs {z.shape} and targets {y.shape}, wanted {wanted}")
    if not np.isin(y, (0, 1)).all():
        raise ValueError("metric: targets of two-class logits hold other values than 0 and 1")
    return (z.ravel() > 0).astype(np.int64), y.ravel().astype(np.int64), True


def reliability(outputs: ArrayLike, targets: ArrayLike, bins: int = 15) -> Reliability:
    """Compare how sure a network is of the classes it names with how often they are right; see `wxb.train.reliability`.

    outputs, targets as in `labels_of`, outputs logits: softmax, or sigmoid of two-class ones, gives the confidence.
    """
    predicted, actual, binary = labels_of(outputs, targets)
    z = np.asarray(outputs, np.float64)
    others = -np.abs(z.reshape(-1, 1)) if binary else z - z.max(axis=1, keepdims=True)
    confidence = 1 / (np.exp(others).sum(axis=1) + binary)
    return reliability_of(confidence, predicted == actual, bins)


def _calibration_error(outputs: ArrayLike, targets: ArrayLike) -> float:
    return reliability(outputs, targets).error


def _accuracy(outputs: ArrayLike, targets: ArrayLike) -> float:
    predicted, actual, _ = labels_of(outputs, targets)
    return accuracy(predicted, actual)


def _by_class(metric: Callable[..., Any]) -> Callable[[ArrayLike, ArrayLike], float]:
    """Return the metric of outputs: of class 1 where there are two-class logits, else the mean over classes."""

    def of_outputs(outputs: ArrayLike, targets: ArrayLike) -> float:
        predicted, actual, binary = labels_of(outputs, targets)
        return float(metric(predicted, actual, average="binary" if binary else "macro"))

    return of_outputs


# name -> function of (outputs, targets), both of the whole set; classification outputs as in `labels_of`.
METRICS: dict[str, Callable[[ArrayLike, ArrayLike], float]] = {
    "accuracy": _accuracy,
    "top_5_accuracy": top_k_accuracy,
    "precision": _by_class(precision),
    "recall": _by_class(recall),
    "f1": _by_class(f1),
    "ece": _calibration_error,
    "mae": mae,
    "rmse": rmse,
    "r2": r2,
}


def grows(name: str) -> bool:
    """Whether a figure of this name is the better the larger it is, 1 being perfect."""
    return any(part in name for part in ("accuracy", "precision", "recall", "f1", "r2"))


def _pair(predicted: ArrayLike, actual: ArrayLike, name: str) -> tuple[Floats, Floats]:
    p, a = (np.asarray(values, dtype=np.float64) for values in (predicted, actual))
    if p.shape != a.shape or p.ndim == 0:
        hint = "; reshape one of them" if p.size == a.size else ""
        raise ValueError(f"{name}: predictions {p.shape} and targets {a.shape}, wanted one shape{hint}")
    if p.size == 0:
        raise ValueError(f"{name}: got no rows, wanted at least one")
    return p, a


def _label_pair(predicted: ArrayLike, actual: ArrayLike, name: str) -> tuple[Labels, Labels]:
    p, a = _labels(predicted, name, "predicted"), _labels(actual, name, "actual")
    if p.shape != a.shape:
        raise ValueError(f"{name}: predicted labels {p.shape} and actual ones {a.shape}, wanted one shape (N,)")
    return p, a


def _labels(values: ArrayLike, name: str, which: str) -> Labels:
    labels = np.asarray(values)
    if labels.ndim != 1 or labels.size == 0:
        raise ValueError(f"{name}: {which} labels have shape {labels.shape}, wanted (N,) with N >= 1")
    if not (np.issubdtype(labels.dtype, np.integer) or labels.dtype == bool):
        raise TypeError(f"{name}: {which} labels are {labels.dtype}, wanted integers")
    return labels.astype(np.int64)


def _scores(values: ArrayLike, name: str) -> Floats:
    scores = np.asarray(values, dtype=np.float64)
    if scores.size == 0:
        raise ValueError(f"{name}: outputs have shape {scores.shape}, wanted at least one row")
    if np.isnan(scores).any():
        raise ValueError(f"{name}: outputs hold NaN, wanted numbers")
    return scores


def _check_range(labels: Labels, classes: int, name: str) -> None:
    if labels.min() < 0 or labels.max() >= classes:
        worst = labels.min() if labels.min() < 0 else labels.max()
        raise IndexError(f"{name}: label {worst} occurs, wanted 0 to {classes - 1}")


def _class_count(predicted: Labels, actual: Labels, name: str) -> int:
    largest = int(max(predicted.max(), actual.max()))
    if largest >= MOST_CLASSES:
        raise ValueError(f"{name}: label {largest} occurs, wanted class numbers below {MOST_CLASSES}")
    return largest + 1


def _counts(predicted: ArrayLike, actual: ArrayLike, name: str) -> tuple[Labels, Labels, Labels]:
    """Return per class (C,): rows rightly called so, rows called so, rows truly so."""
    p, a = _label_pair(predicted, actual, name)
    classes = max(2, _class_count(p, a, name))
    _check_range(p, classes, name)
    _check_range(a, classes, name)
    right, called, true = (np.bincount(labels, minlength=classes) for labels in (a[p == a], p, a))
    return right, called, true


def _averaged(part: Labels, whole: Labels, occurs: NDArray[np.bool_], average: Average, name: str) -> float | Floats:
    shares = part / np.maximum(whole, 1)
    if average is None:
        return shares
    if average == "macro":
        return float(shares[occurs].mean())
    if average == "micro":
        return float(part.sum() / whole.sum())
    if average == "binary":
        if len(shares) != 2:
            raise ValueError(f"{name}: labels reach {len(shares) - 1}, 'binary' wants 0 and 1; take 'macro'")
        return float(shares[1])
    raise ValueError(f"{name}: average is {average!r}, wanted 'macro', 'micro', 'binary' or None")
