"""What all pictures share: colours, the style, a figure that becomes a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure

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


@contextmanager
def figure_at(path: Path, size: tuple[float, float]) -> Iterator[Figure]:
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


def drawable(image: NDArray[Any], name: str) -> NDArray[Any]:
    """Return an image as matplotlib draws it: (H, W), or (H, W, C) in colour."""
    if image.ndim == 3 and image.shape[2] == 1:
        return image[..., 0]
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (3, 4)):
        raise ValueError(f"{name}: image has shape {image.shape}, wanted (H, W) or (H, W, C) with 1, 3 or 4 channels")
    return image


def shapes_of(arrays: Mapping[str, NDArray[Any]]) -> dict[str, tuple[int, ...]]:
    """Return each array's shape, for an error."""
    return {name: array.shape for name, array in arrays.items()}


def shortened(name: object) -> str:
    """Return a name as a label: at most 16 characters."""
    text = str(name)
    return text if len(text) <= 16 else text[:15] + "…"
