"""How good generated samples are, as numbers: likeness to real ones, balance of classes, and copies."""

from __future__ import annotations

from typing import Any

import numpy

__all__ = ["class_balance", "frechet_distance", "nearest_neighbours"]

Array = numpy.ndarray[Any, Any]


def frechet_distance(a: Any, b: Any) -> float:
    """Return ``|m - n|² + trace(A + B - 2 (A B)^½)`` for the means m, n and covariances A, B of rows of features.

    The distance of two normal distributions (Fréchet 1957); with features of a network that knows the samples' classes,
    how unlike two sets of samples are (Heusel et al. 2017, arXiv:1706.08500). a (N, features), b (M, features) -> a
    number from 0 on, which depends on the features: only distances by the same network compare. It is biased upwards
    for few samples, take some thousand. Raises ``ValueError`` for other shapes, fewer than two rows, or values that
    are not finite.
    """
    first, second = (_rows("frechet_distance", x) for x in (a, b))
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"frechet_distance: features are {first.shape[1]} and {second.shape[1]}, wanted as many")
    between = first.mean(0) - second.mean(0)
    one, other = (numpy.atleast_2d(numpy.cov(x, rowvar=False)) for x in (first, second))
    # A B has the eigenvalues of the symmetric A^½ B A^½, which rounding leaves real.
    values, vectors = numpy.linalg.eigh(one)
    root = (vectors * numpy.sqrt(values.clip(0))) @ vectors.T
    joint = numpy.sqrt(numpy.linalg.eigvalsh(root @ other @ root).clip(0)).sum()
    return max(0.0, float(between @ between + numpy.trace(one) + numpy.trace(other) - 2 * joint))


def class_balance(labels: Any, classes: int) -> tuple[float, float]:
    """Return how evenly labels (N,) are spread over ``classes``: their entropy over that of equal shares, from 0 to 1,
    and the smallest share times ``classes``, 1 where all are equal and 0 where a class is missing.

    Raises ``ValueError`` for no labels, labels outside [0, classes), and fewer than two classes.
    """
    given = numpy.asarray(labels)
    if classes < 2 or given.ndim != 1 or not len(given) or given.min() < 0 or given.max() >= classes:
        raise ValueError(f"class_balance: labels {given.shape} of {classes} classes, wanted (N,) from 0 to below that")
    shares = numpy.bincount(given, minlength=classes) / len(given)
    there = shares[shares > 0]
    return float(-(there * numpy.log(there)).sum() / numpy.log(classes)), float(shares.min() * classes)


def nearest_neighbours(x: Any, among: Any, block: int = 10_000) -> tuple[Array, Array]:
    """Return, for each row of x (N, ...), the Euclidean distance to the nearest of ``among`` (M, ...), and which it is.

    -> float32 (N,), int64 (N,). Generated samples that are much nearer to the training set than held-out samples are
    have been copied from it. Raises ``ValueError`` unless both have rows of one shape.
    """
    given, others = numpy.asarray(x), numpy.asarray(among)
    if given.shape[1:] != others.shape[1:] or not len(others):
        raise ValueError(f"nearest_neighbours: shapes are {given.shape} and {others.shape}, wanted rows of one shape")
    rows = given.reshape(len(given), -1).astype(numpy.float32)
    least, places = numpy.full(len(rows), numpy.inf, numpy.float32), numpy.zeros(len(rows), numpy.int64)
    for start in range(0, len(others), block):
        part = others[start : start + block].reshape(-1, rows.shape[1]).astype(numpy.float32)
        squares = (part * part).sum(1) - 2 * (rows @ part.T)  # less |x|², which is the same for all
        nearest = squares.argmin(1)
        found = squares[numpy.arange(len(rows)), nearest]
        places = numpy.where(found < least, start + nearest, places)
        least = numpy.minimum(least, found)
    return numpy.sqrt(numpy.maximum(least + (rows * rows).sum(1), 0)), places


def _rows(name: str, x: Any) -> Array:
    rows = numpy.asarray(x, numpy.float64)
    if rows.ndim != 2 or len(rows) < 2 or not rows.shape[1]:
        raise ValueError(f"{name}: features have shape {rows.shape}, they must be (N, features) with N of 2 or more")
    if not numpy.isfinite(rows).all():
        raise ValueError(f"{name}: features are not all finite; look at the samples")
    return rows
