"""Whether a classifier is right as often as it says: reliability, calibration error, temperature."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Reliability", "fit_temperature", "reliability"]

Floats = NDArray[np.float64]

HOTTEST = 100.0  # of the temperatures tried; the coldest is its inverse


@dataclass(frozen=True, eq=False, repr=False)
class Reliability:
    """Rows dealt by confidence to bins of equal width over [0, 1].

    counts (bins,) int64; confidence, accuracy (bins,) float64: the means of the rows of each, NaN where it is empty.
    """

    counts: NDArray[np.int64]
    confidence: Floats
    accuracy: Floats

    @property
    def error(self) -> float:
        """The expected calibration error, ``sum over bins of counts / N |accuracy - confidence|``."""
        full = self.counts > 0
        apart = np.abs(self.accuracy[full] - self.confidence[full])
        return float((self.counts[full] * apart).sum() / self.counts.sum())

    @property
    def maximum_error(self) -> float:
        """The largest ``|accuracy - confidence|`` of a bin."""
        return float(np.nanmax(np.abs(self.accuracy - self.confidence)))

    def __repr__(self) -> str:
        return f"Reliability({int(self.counts.sum())} rows in {len(self.counts)} bins, error {self.error:.4f})"


def reliability(confidence: ArrayLike, right: ArrayLike, bins: int = 15) -> Reliability:
    """Compare how sure a classifier was with how often it was right.

    confidence (N,): the probability it gave the class it named; right (N,) of 0 and 1: whether that was the true one.
    Bin m of M has the confidences in ``((m - 1)/M, m/M]``, the first one 0 as well.
    Raises ValueError for other shapes, no rows, confidences outside [0, 1] or NaN, bins < 1.
    Guo, Pleiss, Sun, Weinberger 2017, arXiv:1706.04599; Naeini, Cooper, Hauskrecht 2015.
    """
    c, r = np.asarray(confidence, np.float64), np.asarray(right, np.float64)
    if c.ndim != 1 or c.shape != r.shape or not c.size:
        raise ValueError(f"reliability: confidence {c.shape} and right {r.shape}, wanted one shape (N,) with N >= 1")
    if not ((c >= 0) & (c <= 1)).all():
        raise ValueError("reliability: confidence holds numbers outside [0, 1]; take softmax of logits first")
    if not np.isin(r, (0, 1)).all():
        raise ValueError("reliability: right holds other values than 0 and 1")
    if bins < 1:
        raise ValueError(f"reliability: bins is {bins}, wanted at least 1")
    bin_of = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], c, side="left")
    counts = np.bincount(bin_of, minlength=bins)
    with np.errstate(invalid="ignore"):
        means = [np.bincount(bin_of, values, bins) / counts for values in (c, r)]
    return Reliability(counts, *means)


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """Return the T for which ``softmax(logits / T)`` has the smallest cross-entropy with the labels.

    logits (N, C) of rows the network was not trained on, labels (N,) integers. No answer changes, only how sure each
    is: above 1 the network was too sure. T is within [0.01, 100]: of logits that are always right the coldest.
    Raises ValueError for other shapes, no rows and logits that are not finite, IndexError for a label outside [0, C).
    Guo, Pleiss, Sun, Weinberger 2017, arXiv:1706.04599, section 4.2.
    """
    z, y = np.asarray(logits, np.float64), np.asarray(labels)
    if z.ndim != 2 or y.shape != z.shape[:1] or not z.size:
        raise ValueError(f"fit_temperature: logits {z.shape} and labels {y.shape}, wanted (N, C) and (N,), N >= 1")
    if not np.isfinite(z).all():
        raise ValueError("fit_temperature: logits hold NaN or infinity, wanted numbers")
    if not np.issubdtype(y.dtype, np.integer):
        raise TypeError(f"fit_temperature: labels are {y.dtype}, wanted integers")
    if y.min() < 0 or y.max() >= z.shape[1]:
        raise IndexError(f"fit_temperature: labels from {y.min()} to {y.max()}, wanted 0 to {z.shape[1] - 1}")
    z = z - z.max(1, keepdims=True)
    wanted = z[np.arange(len(z)), y].mean()

    def slope(inverse: float) -> float:
        """The derivative of the cross-entropy, which is convex, by 1 / T: what is expected of z less what is wanted."""
        p = np.exp(inverse * z)
        return float(((p * z).sum(1) / p.sum(1)).mean() - wanted)

    low, high = 1 / HOTTEST, HOTTEST
    for _ in range(50):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if slope(middle) < 0 else (low, middle)
    return float((low * high) ** -0.5)
