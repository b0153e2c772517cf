"""Pictures of a training: curves, confusion matrix, mistakes, features, regression fit, decision boundary, its step.

Every function writes one file, its suffix (png, svg, pdf) naming the format, and needs no display.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from .train.launches import Launch

__all__ = [
    "attention",
    "confusion",
    "curves",
    "decision_boundary",
    "detections",
    "features",
    "mistakes",
    "precision_recall",
    "scatter",
    "step",
    "strips",
]

Path = str | os.PathLike[str]

BLUE, ORANGE, GREEN, GREY = "#2563a8", "#e07b28", "#3a9a5b", "#6b7280"
CLASS_COLOURS = (BLUE, ORANGE, GREEN, "#b5485d", "#7b5ea7", "#8c6d46", "#d679b1", GREY, "#a5a832", "#3aa6b9")
STYLE: Any = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": "#374151",
    "xtick.color": GREY,
    "ytick.color": GREY,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e5e7eb",
    "legend.frameon": False,
    "figure.dpi": 100,
    "savefig.dpi": 144,
    "savefig.bbox": "tight",
}


def curves(history: Mapping[str, Sequence[float | None]], path: Path) -> None:
    """Draw one panel per measure over the epochs, training and validation together.

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
    with _figure(path, (4.4 * columns, 3.2 * rows)) as figure:
        for i, name in enumerate(names):
            _curve(figure.add_subplot(rows, columns, i + 1), x, name, values.get(name), values.get(f"val_{name}"))


def confusion(matrix: ArrayLike, class_names: Sequence[str], path: Path) -> None:
    """Draw a confusion matrix (C, C), rows the true classes: counts as numbers, shares of the row as colour."""
    counts = np.asarray(matrix)
    n = len(class_names)
    if counts.shape != (n, n) or n == 0:
        raise ValueError(f"confusion: matrix {counts.shape} and {n} class names, wanted (C, C) and C names")
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(max(3.6, 0.45 * n + 1.6), 14)
    with _figure(path, (side + 0.6, side)) as figure:
        axes = figure.add_subplot()
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        figure.colorbar(image, ax=axes, shrink=0.8, label="share of the true class").outline.set_visible(False)
        step = -(-n // 60)  # of more classes, every second, third, ... is named
        names, size = [_short(name) for name in class_names[::step]], 10 if n <= 25 else 7
        axes.set_xticks(range(0, n, step), names, fontsize=size, rotation=90 if sum(map(len, names)) > 5 * side else 0)
        axes.set_yticks(range(0, n, step), names, fontsize=size)
        axes.set(xlabel="predicted", ylabel="true")
        right, total = np.trace(counts), counts.sum()
        axes.set_title(f"{right:,} of {total:,} right ({right / max(total, 1):.2%})")
        axes.grid(False)
        for i, j in zip(*np.nonzero(counts), strict=True) if n <= 25 else ():
            colour = "white" if shares[i, j] > 0.5 else "#1f2937"
            axes.text(j, i, f"{counts[i, j]:,}", ha="center", va="center", color=colour, fontsize=9 if n <= 12 else 7)


def mistakes(
    images: ArrayLike,
    predicted: ArrayLike,
    actual: ArrayLike,
    path: Path,
    class_names: Sequence[str] | None = None,
    most: int = 25,
    losses: ArrayLike | None = None,
) -> None:
    """Draw `most` images whose predicted class is wrong, each with "true → predicted": the first, or the worst.

    images (N, H, W) or (N, H, W, C) with C 1, 3 or 4; predicted, actual (N,) class numbers; losses (N,): those of the
    highest loss are drawn, highest first.
    """
    pictures, p, a = np.asarray(images), np.asarray(predicted), np.asarray(actual)
    if pictures.ndim not in (3, 4) or p.shape != (len(pictures),) or a.shape != p.shape:
        raise ValueError(f"mistakes: images {pictures.shape}, labels {p.shape}, {a.shape}, wanted N images, (N,), (N,)")
    if not all(np.issubdtype(labels.dtype, np.integer) and labels.min(initial=0) >= 0 for labels in (p, a)):
        raise TypeError(f"mistakes: labels are {p.dtype} and {a.dtype}, wanted class numbers from 0")
    wrong = np.flatnonzero(p != a)
    if losses is not None:
        worst = np.asarray(losses, np.float64)
        if worst.shape != p.shape:
            raise ValueError(f"mistakes: losses have shape {worst.shape}, wanted {p.shape}")
        wrong = wrong[np.argsort(-worst[wrong], kind="stable")]
    names = [str(k) for k in range(int(max(p.max(initial=0), a.max(initial=0))) + 1)]
    if class_names is not None:
        names[: len(class_names)] = map(_short, class_names)
    titles = [f"{names[a[i]]} → {names[p[i]]}" for i in wrong[:most]]
    order = ", the worst first" if losses is not None and len(wrong) > 1 else ""
    title = (
        f"{len(wrong):,} of {len(p):,} wrong{order}, true → predicted" if len(wrong) else f"no mistake in {len(p):,}"
    )
    _image_grid(pictures[wrong[:most]], titles, title, path, "gray_r", "mistakes")


def features(weights: ArrayLike, shape: tuple[int, ...], path: Path, most: int = 64) -> None:
    """Draw the weights of the first layer's neurons as images: what each of them looks for.

    weights (out, in) with in = H W or H W C; shape: the input's, (H, W) or (H, W, C). One channel is drawn blue for
    negative, red for positive weights, each neuron on its own scale; more are drawn as colours.
    """
    w = np.asarray(weights, dtype=np.float64)
    if w.ndim != 2 or len(shape) not in (2, 3) or w.shape[1] != np.prod(shape):
        raise ValueError(f"features: weights {w.shape} for inputs {tuple(shape)}, wanted (out, {np.prod(shape)})")
    shown = w[:most] / np.maximum(np.abs(w[:most]).max(axis=1, keepdims=True, initial=0), 1e-30)
    images = shown.reshape(-1, *shape)
    if len(shape) == 3 and shape[2] == 1:
        images = images[..., 0]
    title = f"what {len(images)} of {len(w)} neurons of the first layer look for"
    if images.ndim == 4:
        _image_grid((images + 1) / 2, [], title, path, None, "features")
    else:
        _image_grid(images, [], title, path, "RdBu_r", "features", limits=(-1, 1))


def filters(weights: ArrayLike, path: Path, most: int = 64) -> None:
    """Draw the kernels of a first convolutional layer, weights (out, kh, kw, C) with C 1, 3 or 4, as `features`."""
    w = np.asarray(weights)
    if w.ndim != 4 or not w.size:
        raise ValueError(f"filters: weights have shape {w.shape}, wanted (out, kh, kw, C)")
    features(w.reshape(len(w), -1), w.shape[1:], path, most)


def feature_maps(image: ArrayLike, maps: Mapping[str, ArrayLike], path: Path, most: int = 8) -> None:
    """Draw an image and, in a row for each layer, the `most` channels of its output that vary most over the image.

    image (H, W) or (H, W, C); maps: the layer's name -> its output for this image, (H, W, C). Each channel has its own
    scale, bright where it is large.
    """
    rows = {name: np.asarray(values, np.float64) for name, values in maps.items()}
    if not rows or any(values.ndim != 3 or not values.size for values in rows.values()):
        raise ValueError(f"feature_maps: maps are {_shapes(rows)}, wanted at least one layer's (H, W, C)")
    with _figure(path, (1.05 * (most + 1), 1.25 * len(rows))) as figure:
        for row, (name, values) in enumerate(rows.items()):
            chosen = np.sort(np.argsort(-values.var((0, 1)), kind="stable")[:most])
            axes = figure.add_subplot(len(rows), most + 1, row * (most + 1) + 2)
            axes.set_title(f"{name}: {len(chosen)} of {values.shape[2]} channels", loc="left", fontsize=9)
            for column, channel in enumerate(chosen):
                if column:
                    axes = figure.add_subplot(len(rows), most + 1, row * (most + 1) + 2 + column)
                axes.imshow(values[..., channel], cmap="magma", interpolation="nearest")
                axes.set_axis_off()
        axes = figure.add_subplot(len(rows), most + 1, 1)
        axes.imshow(_drawable(np.asarray(image), "feature_maps"), cmap="gray", interpolation="nearest")
        axes.set_axis_off()


def saliency(images: ArrayLike, maps: ArrayLike, path: Path, titles: Sequence[str] = ()) -> None:
    """Draw images and below each its map: bright pixels are those that its score depends on most.

    images (N, H, W) or (N, H, W, C); maps (N, H, W), as `wxb.nn.explain.saliency` gives, each on its own scale.
    """
    pictures, weights = np.asarray(images), np.asarray(maps, np.float64)
    if pictures.ndim not in (3, 4) or weights.shape != pictures.shape[:3] or not len(pictures):
        raise ValueError(f"saliency: images {pictures.shape} and maps {weights.shape}, wanted (N, H, W, C), (N, H, W)")
    n = len(pictures)
    with _figure(path, (1.3 * n, 2.8)) as figure:
        for i in range(n):
            top = figure.add_subplot(2, n, i + 1)
            top.imshow(_drawable(pictures[i], "saliency"), cmap="gray", interpolation="nearest")
            top.set_title(titles[i] if i < len(titles) else "", fontsize=8)
            bottom = figure.add_subplot(2, n, n + i + 1)
            bottom.imshow(weights[i], cmap="magma", vmax=np.quantile(weights[i], 0.995), interpolation="nearest")
            top.set_axis_off()
            bottom.set_axis_off()


def detections(
    images: Sequence[NDArray[Any]] | NDArray[Any],
    boxes: Sequence[ArrayLike],
    class_names: Sequence[str],
    path: Path,
    actual: Sequence[ArrayLike] | None = None,
) -> None:
    """Draw images with the boxes found in them, a colour for each class, and dashed the actual ones.

    images: N of (H, W) or (H, W, C); boxes: for each (K, 6) of x1, y1, x2, y2 in pixels, score, class number; actual:
    for each (M, 5) of x1, y1, x2, y2, class number.
    """
    found = [np.asarray(b, np.float64) for b in boxes]
    true = [np.empty((0, 5)) for _ in boxes] if actual is None else [np.asarray(b, np.float64) for b in actual]
    if not found or not len(images) == len(found) == len(true):
        raise ValueError(
            f"detections: {len(images)} images, {len(found)} and {len(true)} boxes, wanted as many of each"
        )
    if any(b.ndim != 2 or b.shape[1] != 6 for b in found) or any(b.ndim != 2 or b.shape[1] != 5 for b in true):
        raise ValueError("detections: boxes must be (K, 6): x1, y1, x2, y2, score, class; actual ones without score")
    columns = min(3, len(found))
    rows = -(-len(found) // columns)
    height, width = np.asarray(images[0]).shape[:2]
    side = 4.4 if len(found) > 1 else 8.0
    with _figure(path, (side * columns, side * rows * height / width)) as figure:
        for i, image in enumerate(images):
            axes = figure.add_subplot(rows, columns, i + 1)
            axes.imshow(_drawable(np.asarray(image), "detections"), cmap="gray")
            for corners in true[i][:, :4]:
                _box(axes, corners, "white", linewidth=1, linestyle=(0, (2, 2)))
            for *corners, score, k in found[i]:
                colour = CLASS_COLOURS[int(k) % len(CLASS_COLOURS)]
                _box(axes, corners, colour, linewidth=1.6)
                label = f"{_short(class_names[int(k)])} {score:.2f}"
                axes.text(
                    corners[0], corners[1], label, fontsize=6, color="white", va="bottom", clip_on=True,
                    bbox={"facecolor": colour, "edgecolor": "none", "pad": 0.6},
                )  # fmt: skip
            axes.set_axis_off()


def _box(axes: Axes, corners: Sequence[float], colour: str, **style: Any) -> None:
    from matplotlib.patches import Rectangle

    x1, y1, x2, y2 = (c - 0.5 for c in corners)  # matplotlib counts from the middle of the first pixel
    axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=colour, **style))


def precision_recall(curves: Mapping[str, tuple[ArrayLike, ArrayLike, float]], path: Path) -> None:
    """Draw precision over recall, a line for each class.

    curves: name -> precision (K,), recall (K,) down to each box, highest score first, and average precision.
    """
    if not curves:
        raise ValueError("precision_recall: there are no curves, wanted at least one class")
    with _figure(path, (5.0, 4.4)) as figure:
        axes = figure.add_subplot()
        for (name, (precision, recall, ap)), colour in zip(curves.items(), CLASS_COLOURS * len(curves)):
            axes.plot(recall, precision, color=colour, linewidth=1.8, label=f"{_short(name)} {ap:.3f}")
        axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.02), ylim=(0, 1.02))
        known = [ap for _, _, ap in curves.values() if not np.isnan(ap)]
        axes.set_title(f"mean average precision {np.mean(known) if known else np.nan:.4f}")
        axes.legend(loc="lower left")


def attention(weights: ArrayLike, rows: Sequence[str], columns: Sequence[str], path: Path) -> None:
    """Draw how strongly each output, a row of weights (R, C), looks at each input, a column, named by their tokens."""
    w = np.asarray(weights, np.float64)
    if w.shape != (len(rows), len(columns)) or not w.size:
        raise ValueError(f"attention: weights {w.shape} for {len(rows)} rows and {len(columns)} columns")
    with _figure(path, (0.42 * len(columns) + 1.2, 0.32 * len(rows) + 1.2)) as figure:
        axes = figure.add_subplot()
        axes.imshow(w, cmap="Blues", vmin=0, interpolation="nearest", aspect="auto")
        axes.set_xticks(range(len(columns)), list(columns), rotation=60, ha="left")
        axes.set_yticks(range(len(rows)), list(rows))
        axes.xaxis.tick_top()
        axes.grid(False)


def strips(rows: Mapping[str, ArrayLike], path: Path) -> None:
    """Draw rows of images below each other, each with its name: before, after and truth of the same ones.

    rows: name -> images (N, H, W) or (N, H, W, C) with values from 0 to 1, of as many in every row.
    """
    images = {name: np.asarray(values) for name, values in rows.items()}
    counts = {len(values) if values.ndim in (3, 4) else 0 for values in images.values()}
    if len(counts) != 1 or 0 in counts:
        raise ValueError(f"strips: rows are {_shapes(images)}, wanted (N, H, W) or (N, H, W, C) with one N")
    (n,) = counts
    with _figure(path, (0.8 * n + 1.4, 0.85 * len(images))) as figure:
        axes = figure.subplots(len(images), n, squeeze=False)
        for row, (name, values) in zip(axes, images.items(), strict=True):
            for place, image in zip(row, values, strict=True):
                place.imshow(_drawable(image, "strips"), cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
                place.set(xticks=[], yticks=[])
                place.grid(False)
            row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)


def scatter(predicted: ArrayLike, actual: ArrayLike, path: Path, name: str = "target") -> None:
    """Draw predicted over true values (N,), with the line where they agree."""
    p, a = np.asarray(predicted, dtype=np.float64), np.asarray(actual, dtype=np.float64)
    if p.shape != a.shape or p.ndim != 1 or not p.size:
        raise ValueError(f"scatter: predicted {p.shape} and actual {a.shape}, wanted one shape (N,)")
    ends = [min(p.min(), a.min()), max(p.max(), a.max())]
    with _figure(path, (4.6, 4.4)) as figure:
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
    with _figure(path, (5.0, 4.4)) as figure:
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


def step(launches: Sequence[Launch], path: Path) -> None:
    """Draw a captured step: what each launch costs, and which stretch of the plan's memory is in use from when to when.

    launches: of ``Plan.launches()``. The cost is microseconds where they were timed, else arithmetic operations.
    """
    if not launches:
        raise ValueError("step: there are no launches to draw; capture a step that computes something")
    timed = launches[0].seconds is not None
    costs = [1e6 * (launch.seconds or 0.0) if timed else launch.operations for launch in launches]
    phases = dict(zip(("forward", "backward", "update"), (BLUE, ORANGE, GREEN)))
    with _figure(path, (min(20.0, 4 + 0.28 * len(launches)), 6.5)) as figure:
        from matplotlib.patches import Rectangle

        above, below = figure.subplots(2, sharex=True)
        for phase, colour in phases.items():
            chosen = [i for i, launch in enumerate(launches) if launch.phase == phase]
            above.bar(chosen, [costs[i] for i in chosen], color=colour, label=phase)
        above.set_ylabel("microseconds" if timed else "operations")
        above.set_title(f"{len(launches)} launches" + (f", {sum(costs):,.1f} us" if timed else ""))
        above.legend(loc="upper left", bbox_to_anchor=(1, 1))
        lives = list(_lives(launches))
        for place, size, first, last in lives:
            box = (first - 0.45, place / 1024), last - first + 0.9, size / 1024
            below.add_patch(Rectangle(*box, facecolor=phases[launches[first].phase], alpha=0.5, edgecolor="white"))
        top = max((place + size for place, size, *_ in lives), default=1)
        below.set(xlim=(-1, len(launches)), ylim=(0, top / 1024), ylabel="memory of the plan, KiB")
        every = -(-len(launches) // 80)  # of more, every second, third, ... is named
        shown = range(0, len(launches), every)
        below.set_xticks(shown, [launches[i].name for i in shown], rotation=90, fontsize=7)
        above.tick_params(labelbottom=False)
        below.grid(False)


def _lives(launches: Sequence[Launch]) -> Iterator[tuple[int, int, int, int]]:
    """Yield (first byte, bytes, first launch, last launch) of what lies in a plan's memory: from a write to its use."""
    open_: dict[tuple[int, int], tuple[int, int, bool]] = {}  # -> first launch, last launch, has it been read
    for i, launch in enumerate(launches):
        for place, size, written in launch.memory:
            first, last, read = open_.get((place, size), (i, i, False))
            if written and read:  # the memory serves another array
                yield place, size, first, last
                first = i
            open_[place, size] = first, i, not written
    for (place, size), (first, last, _) in open_.items():
        yield place, size, first, last


@contextmanager
def _figure(path: Path, size: tuple[float, float]) -> Iterator[Figure]:
    """Give an empty figure of this size (inches) and write it to `path` at the end."""
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("plots need matplotlib; pip install 'wxb[plot]'") from error
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        yield figure
        figure.savefig(path)


def _curve(axes: Axes, x: Any, name: str, train: Any, validation: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    for values, label, colour in ((train, "training", BLUE), (validation, "validation", ORANGE)):
        if values is not None:
            marker = "o" if len(x) <= 30 else None
            axes.plot(x, values, color=colour, label=label, linewidth=1.8, marker=marker, markersize=3.5)
    axes.set(title=name.replace("_", " "), xlabel="epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, steps=[1, 2, 5, 10], min_n_ticks=1))
    if validation is not None:
        axes.legend()


def _image_grid(
    images: NDArray[Any],
    titles: list[str],
    title: str,
    path: Path,
    cmap: str | None,
    name: str,
    limits: tuple[float, float] | None = None,
) -> None:
    """Draw images (N, H, W), or (N, H, W, C) in colour, in rows; without `limits` all share one grey scale."""
    from matplotlib.patches import Rectangle

    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.ndim == 4 and images.shape[3] not in (3, 4):
        raise ValueError(f"{name}: images have {images.shape[3]} channels, wanted 1, 3 or 4")
    columns = max(4, min(8, int(np.ceil(np.sqrt(len(images))))))
    rows = max(1, -(-len(images) // columns))
    low, high = limits or (images.min(initial=0), images.max(initial=0))
    height = images.shape[1] / images.shape[2]  # a tile is 1 wide
    pitch = height + (0.32 if titles else 0.1)
    with _figure(path, (1.1 * columns, pitch * rows + 0.5)) as figure:
        axes = figure.add_subplot()
        axes.set_title(title)
        for i, image in enumerate(images):
            left, top = 1.1 * (i % columns), pitch * (i // columns)
            extent = (left, left + 1, top + height, top)
            axes.imshow(image, cmap=cmap, vmin=low, vmax=high, interpolation="nearest", extent=extent)
            axes.add_patch(Rectangle((left, top), 1, height, fill=False, edgecolor="#d1d5db"))
            if titles:
                axes.text(left + 0.5, top - 0.04, titles[i], fontsize=9, color="#374151", ha="center", va="bottom")
        axes.set(xlim=(-0.02, 1.1 * columns), ylim=(pitch * rows, -0.26 if titles else -0.05), aspect="equal")
        axes.set_axis_off()


def _drawable(image: NDArray[Any], name: str) -> NDArray[Any]:
    """Return an image as matplotlib draws it: (H, W), or (H, W, C) in colour."""
    if image.ndim == 3 and image.shape[2] == 1:
        return image[..., 0]
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (3, 4)):
        raise ValueError(f"{name}: image has shape {image.shape}, wanted (H, W) or (H, W, C) with 1, 3 or 4 channels")
    return image


def _shapes(arrays: Mapping[str, NDArray[Any]]) -> dict[str, tuple[int, ...]]:
    return {name: array.shape for name, array in arrays.items()}


def _short(name: object) -> str:
    text = str(name)
    return text if len(text) <= 16 else text[:15] + "…"
