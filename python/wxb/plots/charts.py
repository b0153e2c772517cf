"""Numbers of a training: curves, confusion matrix, reliability, regression fit, decision boundary, precision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .style import BLUE, CLASS_COLOURS, GREY, ORANGE, Path, figure_at, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def curves(history: Mapping[str, Sequence[float | None]], path: Path) -> None:
    """Draw one panel per measure over the epochs, training and validation together, the gap between them grey.

    history: name -> one value per epoch, None or NaN where there is none. ``val_NAME`` shares the panel of ``NAME``;
    ``epoch``, where it is given, holds the epoch numbers, else they run from 1.
    """
    values = {name: np.asarray([np.nan if v is None else v for v in row], float) for name, row in history.items()}
    epochs = values.pop("epoch", None)
    names = list(dict.fromkeys(name.removeprefix("val_") for name in values))
    lengths = {name: len(row) for name, row in values.items()}
    if not names or min(lengths.values()) == 0 or len(set(lengths.values())) > 1:
        raise ValueError(f"curves: history has lengths {lengths}, wanted one value per epoch for at least one name")
    x = np.arange(1, len(values[next(iter(values))]) + 1) if epochs is None else epochs
    if len(x) != len(values[next(iter(values))]):
        raise ValueError(f"curves: {len(x)} epoch numbers for {lengths}, wanted as many as values")
    columns = min(len(names), 3)
    rows = -(-len(names) // columns)
    with figure_at(path, (4.4 * columns, 3.2 * rows)) as figure:
        for i, name in enumerate(names):
            _curve(figure.add_subplot(rows, columns, i + 1), x, name, values.get(name), values.get(f"val_{name}"))


def _curve(axes: Axes, x: Any, name: str, train: Any, validation: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    for values, label, colour in ((train, "training", BLUE), (validation, "validation", ORANGE)):
        if values is not None:
            marker = "o" if len(x) <= 30 else None
            axes.plot(x, values, color=colour, label=label, linewidth=1.8, marker=marker, markersize=3.5)
    title = name.replace("_", " ")
    if train is not None and validation is not None:
        known = np.isfinite(train) & np.isfinite(validation)
        axes.fill_between(x, train, validation, where=known, color=GREY, alpha=0.15, linewidth=0)
        title += f", gap {(validation - train)[known][-1]:+.3g}" if known.any() else ""
    axes.set(title=title, xlabel="epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, steps=[1, 2, 5, 10], min_n_ticks=1))
    if validation is not None:
        axes.legend()


def confusion(matrix: ArrayLike, class_names: Sequence[str], path: Path) -> None:
    """Draw a confusion matrix (C, C), rows the true classes: counts as numbers, shares of the row as colour."""
    counts = np.asarray(matrix)
    n = len(class_names)
    if counts.shape != (n, n) or n == 0:
        raise ValueError(f"confusion: matrix {counts.shape} and {n} class names, wanted (C, C) and C names")
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(max(3.6, 0.45 * n + 1.6), 14)
    with figure_at(path, (side + 0.6, side)) as figure:
        axes = figure.add_subplot()
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        figure.colorbar(image, ax=axes, shrink=0.8, label="share of the true class").outline.set_visible(False)
        step = -(-n // 60)  # of more classes, every second, third, ... is named
        names, size = [shortened(name) for name in class_names[::step]], 10 if n <= 25 else 7
        axes.set_xticks(range(0, n, step), names, fontsize=size, rotation=90 if sum(map(len, names)) > 5 * side else 0)
        axes.set_yticks(range(0, n, step), names, fontsize=size)
        axes.set(xlabel="predicted", ylabel="true")
        right, total = np.trace(counts), counts.sum()
        axes.set_title(f"{right:,} of {total:,} right ({right / max(total, 1):.2%})")
        axes.grid(False)
        for i, j in zip(*np.nonzero(counts), strict=True) if n <= 25 else ():
            colour = "white" if shares[i, j] > 0.5 else "#1f2937"
            axes.text(j, i, f"{counts[i, j]:,}", ha="center", va="center", color=colour, fontsize=9 if n <= 12 else 7)


def precision_recall(curves: Mapping[str, tuple[ArrayLike, ArrayLike, float]], path: Path) -> None:
    """Draw precision over recall, a line for each class.

    curves: name -> precision (K,), recall (K,) down to each box, highest score first, and average precision.
    """
    if not curves:
        raise ValueError("precision_recall: there are no curves, wanted at least one class")
    with figure_at(path, (5.0, 4.4)) as figure:
        axes = figure.add_subplot()
        for (name, (precision, recall, ap)), colour in zip(curves.items(), CLASS_COLOURS * len(curves)):
            axes.plot(recall, precision, color=colour, linewidth=1.8, label=f"{shortened(name)} {ap:.3f}")
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))
        known = [ap for _, _, ap in curves.values() if not np.isnan(ap)]
        axes.set_title(f"mean average precision {np.mean(known) if known else np.nan:.4f}")
        axes.legend(loc="lower left")


def reliability(counts: ArrayLike, confidence: ArrayLike, accuracy: ArrayLike, path: Path) -> None:
    """Draw how often answers are right over how sure they are, above how many there are of each, by bins over [0, 1].

    counts, confidence, accuracy (bins,), as `wxb.train.reliability` gives them: NaN where a bin is empty. Below the
    diagonal a network is too sure.
    """
    n, c, a = (np.asarray(values, np.float64) for values in (counts, confidence, accuracy))
    if n.ndim != 1 or n.shape != c.shape or n.shape != a.shape or not n.sum() > 0:
        raise ValueError(f"reliability: {n.shape}, {c.shape}, {a.shape}, wanted counts, not all 0, and means (bins,)")
    full, width = n > 0, 1 / len(n)
    middles = (np.arange(len(n)) + 0.5) * width
    error = float((n[full] * np.abs(a - c)[full]).sum() / n.sum())
    with figure_at(path, (4.6, 5.4)) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        upper.plot([0, 1], [0, 1], color=GREY, linewidth=1, zorder=1)
        upper.bar(middles[full], a[full], width, color=BLUE, alpha=0.35, edgecolor=BLUE)
        upper.plot(c[full], a[full], color=ORANGE, marker="o", markersize=4, linewidth=1.4)
        upper.set(ylabel="share that is right", xlim=(0, 1), ylim=(0, 1.02))
        upper.set_title(f"expected calibration error {error:.4f}")
        lower.bar(middles, n / n.sum(), width, color=GREY, alpha=0.5)
        lower.set(xlabel="probability given to the answer", ylabel="share of all")


def scatter(predicted: ArrayLike, actual: ArrayLike, path: Path, name: str = "target") -> None:
    """Draw predicted over true values (N,), with the line where they agree."""
    p, a = np.asarray(predicted, dtype=np.float64), np.asarray(actual, dtype=np.float64)
    if p.shape != a.shape or p.ndim != 1 or not p.size:
        raise ValueError(f"scatter: predicted {p.shape} and actual {a.shape}, wanted one shape (N,)")
    ends = [min(p.min(), a.min()), max(p.max(), a.max())]
    with figure_at(path, (4.6, 4.4)) as figure:
        axes = figure.add_subplot()
        axes.plot(ends, ends, color=GREY, linewidth=1, zorder=1)
        dense = len(p) > 2000
        axes.scatter(a, p, s=8 if dense else 22, alpha=0.25 if dense else 0.6, color=BLUE, linewidths=0)
        axes.set(xlabel=f"true {name}", ylabel=f"predicted {name}", aspect="equal")
        axes.set_title(f"RMSE {np.sqrt(np.square(p - a).mean()):.4g}")


def decision_boundary(
    points: ArrayLike,
    labels: ArrayLike,
    decide: Callable[[NDArray[np.float64]], ArrayLike],
    path: Path,
    title: str = "",
) -> None:
    """Draw labelled points in the plane over the regions in which a classifier answers with each class.

    points (N, 2); labels (N,) class numbers; decide maps points (M, 2) float64 to class numbers (M,).
    """
    x, y = np.asarray(points, dtype=np.float64), np.asarray(labels)
    if x.ndim != 2 or x.shape[1] != 2 or y.shape != (len(x),) or not len(x):
        raise ValueError(f"decision_boundary: points {x.shape} and labels {y.shape}, wanted (N, 2) and (N,)")
    margin = 0.08 * np.maximum(np.ptp(x, axis=0), 1e-6)
    low, high = x.min(axis=0) - margin, x.max(axis=0) + margin
    grid = np.stack(np.meshgrid(*(np.linspace(low[i], high[i], 300) for i in (0, 1))), axis=-1)
    regions = np.asarray(decide(grid.reshape(-1, 2)))
    if regions.shape != (90000,):
        raise ValueError(f"decision_boundary: decide gave shape {regions.shape} for (90000, 2), wanted (90000,)")
    classes, numbers = np.unique(np.concatenate([regions, y]), return_inverse=True)
    image = numbers[: len(regions)].reshape(300, 300)
    with figure_at(path, (5.0, 4.4)) as figure:
        axes = figure.add_subplot()
        colours = [CLASS_COLOURS[k % len(CLASS_COLOURS)] for k in range(len(classes))]
        levels = np.arange(len(classes) + 1) - 0.5
        axes.contourf(grid[..., 0], grid[..., 1], image, levels=levels, colors=colours, alpha=0.16)
        axes.contour(grid[..., 0], grid[..., 1], image, levels=levels[1:-1], colors="white", linewidths=2)
        for k, colour in zip(classes, colours, strict=True):
            of_class = x[y == k]
            axes.scatter(
                of_class[:, 0], of_class[:, 1], s=26, color=colour, edgecolors="white", linewidths=0.6, label=f"{k}"
            )
        axes.set(title=title, xlim=(low[0], high[0]), ylim=(low[1], high[1]))
        axes.legend(title="class", loc="upper left", bbox_to_anchor=(1, 1))
        axes.grid(False)
