"""How sure a figure of a test is: confidence intervals of shares and of whatever is measured over rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Estimate", "bootstrap", "proportion"]


class Estimate(NamedTuple):
    """A figure measured on a sample, and the ends of the interval that the true one lies in, as sure as was asked."""

    value: float
    low: float
    high: float

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        return f"{self.value:.4g} ({self.low:.4g} to {self.high:.4g})"


def proportion(right: int, total: int, confidence: float = 0.95) -> Estimate:
    """Return the share ``p = right / total`` with Wilson's interval, the shares that ``right`` does not speak against.

    ``(p + z²/2n ± z sqrt(p (1 - p)/n + z²/4n²)) / (1 + z²/n)``, n = total and z the normal quantile. It stays within
    [0, 1], and has a width where all or none are right. The rows must not depend on each other.
    Raises ValueError unless 0 <= right <= total, total >= 1 and 0 < confidence < 1.  Wilson 1927.
    """
    if not 0 <= right <= total or total < 1:
        raise ValueError(f"proportion: {right} of {total} are right, wanted from 0 to a total of 1 or more")
    z, p = NormalDist().inv_cdf(0.5 + _checked(confidence, "proportion") / 2), right / total
    centre, shrink = p + z * z / (2 * total), 1 + z * z / total
    half = z * math.sqrt(p * (1 - p) / total + (z / (2 * total)) ** 2)
    # Rounding must not part an end from the share itself where that is 0 or 1.
    return Estimate(p, max(0.0, min(p, (centre - half) / shrink)), min(1.0, max(p, (centre + half) / shrink)))


def bootstrap(
    metric: Callable[..., float],
    *arrays: ArrayLike,
    samples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Estimate:
    """Return ``metric(*arrays)`` with its percentile interval over samples of the rows, drawn with replacement.

    arrays: predicted and true values, or others, (N, ...) each; a row of all of them is drawn together. Rows that
    depend on each other belong into one: a sum for each sentence, a mean for each speaker. Of one row nothing is known
    but its own figure: the ends are NaN.
    Raises ValueError for arrays of different lengths or without rows, samples < 1, 0 < confidence < 1 broken.
    Efron 1979; Efron, Tibshirani 1993.
    """
    rows = [np.asarray(array) for array in arrays]
    lengths = [len(array) if array.ndim else 0 for array in rows]
    if not rows or min(lengths) < 1 or len(set(lengths)) > 1:
        raise ValueError(f"bootstrap: arrays have lengths {lengths}, wanted one length, at least 1")
    if samples < 1:
        raise ValueError(f"bootstrap: samples is {samples}, wanted at least 1")
    tail = (1 - _checked(confidence, "bootstrap")) / 2
    value, n, rng = float(metric(*rows)), lengths[0], np.random.default_rng(seed)
    if n == 1:
        return Estimate(value, math.nan, math.nan)
    drawn = (rng.integers(0, n, n) for _ in range(samples))
    figures: Any = [metric(*(array[chosen] for array in rows)) for chosen in drawn]
    low, high = np.quantile(figures, [tail, 1 - tail])
    return Estimate(value, float(low), float(high))


def _checked(confidence: float, name: str) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"{name}: confidence is {confidence}, wanted a number between 0 and 1")
    return confidence
