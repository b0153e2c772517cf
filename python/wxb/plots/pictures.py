"""Pictures and what a network makes of them: mistakes, features, saliency, boxes, attention, strips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .style import CLASS_COLOURS, Path, drawable, figure_at, shapes_of, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
        names[: len(class_names)] = map(shortened, class_names)
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
        raise ValueError(f"feature_maps: maps are {shapes_of(rows)}, wanted at least one layer's (H, W, C)")
    with figure_at(path, (1.05 * (most + 1), 1.25 * len(rows))) as figure:
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
        axes.imshow(drawable(np.asarray(image), "feature_maps"), cmap="gray", interpolation="nearest")
        axes.set_axis_off()


def saliency(images: ArrayLike, maps: ArrayLike, path: Path, titles: Sequence[str] = ()) -> None:
    """Draw images and below each its map: bright pixels are those that its score depends on most.

    images (N, H, W) or (N, H, W, C); maps (N, H, W), as `wxb.nn.explain.saliency` gives, each on its own scale.
    """
    pictures, weights = np.asarray(images), np.asarray(maps, np.float64)
    if pictures.ndim not in (3, 4) or weights.shape != pictures.shape[:3] or not len(pictures):
        raise ValueError(f"saliency: images {pictures.shape} and maps {weights.shape}, wanted (N, H, W, C), (N, H, W)")
    n = len(pictures)
    with figure_at(path, (1.3 * n, 2.8)) as figure:
        for i in range(n):
            top = figure.add_subplot(2, n, i + 1)
            top.imshow(drawable(pictures[i], "saliency"), cmap="gray", interpolation="nearest")
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
    with figure_at(path, (side * columns, side * rows * height / width)) as figure:
        for i, image in enumerate(images):
            axes = figure.add_subplot(rows, columns, i + 1)
            axes.imshow(drawable(np.asarray(image), "detections"), cmap="gray")
            for corners in true[i][:, :4]:
                _box(axes, corners, "white", linewidth=1, linestyle=(0, (2, 2)))
            for *corners, score, k in found[i]:
                colour = CLASS_COLOURS[int(k) % len(CLASS_COLOURS)]
                _box(axes, corners, colour, linewidth=1.6)
                label = f"{shortened(class_names[int(k)])} {score:.2f}"
                axes.text(
                    corners[0], corners[1], label, fontsize=6, color="white", va="bottom", clip_on=True,
                    bbox={"facecolor": colour, "edgecolor": "none", "pad": 0.6},
                )  # fmt: skip
            axes.set_axis_off()


def _box(axes: Axes, corners: Sequence[float], colour: str, **style: Any) -> None:
    from matplotlib.patches import Rectangle

    x1, y1, x2, y2 = (c - 0.5 for c in corners)  # matplotlib counts from the middle of the first pixel
    axes.add_patch(Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=colour, **style))


def attention(weights: ArrayLike, rows: Sequence[str], columns: Sequence[str], path: Path) -> None:
    """Draw how strongly each output, a row of weights (R, C), looks at each input, a column, named by their tokens."""
    w = np.asarray(weights, np.float64)
    if w.shape != (len(rows), len(columns)) or not w.size:
        raise ValueError(f"attention: weights {w.shape} for {len(rows)} rows and {len(columns)} columns")
    with figure_at(path, (0.42 * len(columns) + 1.2, 0.32 * len(rows) + 1.2)) as figure:
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
        raise ValueError(f"strips: rows are {shapes_of(images)}, wanted (N, H, W) or (N, H, W, C) with one N")
    (n,) = counts
    with figure_at(path, (0.8 * n + 1.4, 0.85 * len(images))) as figure:
        axes = figure.subplots(len(images), n, squeeze=False)
        for row, (name, values) in zip(axes, images.items(), strict=True):
            for place, image in zip(row, values, strict=True):
                place.imshow(drawable(image, "strips"), cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")
                place.set(xticks=[], yticks=[])
                place.grid(False)
            row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)


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
    with figure_at(path, (1.1 * columns, pitch * rows + 0.5)) as figure:
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
