"""Many small pictures as one, pixel by pixel, and several of these as an animation. Needs Pillow alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .style import Path


def tiles(images: ArrayLike, path: Path, columns: int = 10, zoom: int = 2) -> None:
    """Write images (N, H, W) or (N, H, W, C), values from 0 to 1, in rows of `columns`; grey ones as dark ink on white.

    `zoom`: pixels a side that one of the image becomes.
    """
    _pillow().fromarray(_joined(images, columns, zoom)).save(path)


def animation(frames: Sequence[ArrayLike], path: Path, columns: int = 10, zoom: int = 2, seconds: float = 0.4) -> None:
    """Write `frames`, each images as for `tiles`, one after the other, `seconds` each, the last four times as long.

    The suffix of `path` names the format: gif, png (an animated one) or webp.
    """
    if not len(frames):
        raise ValueError("animation: there are no frames, wanted one or more")
    drawn = [_pillow().fromarray(_joined(frame, columns, zoom)) for frame in frames]
    milliseconds = [round(1000 * seconds)] * (len(drawn) - 1) + [round(4000 * seconds)]
    drawn[0].save(path, save_all=True, append_images=drawn[1:], duration=milliseconds, loop=0)


def _joined(images: ArrayLike, columns: int, zoom: int) -> NDArray[np.uint8]:
    """Return the images side by side, a pixel of white around each, as uint8 (H, W) or (H, W, 3)."""
    x = np.asarray(images, np.float32)
    x = x[..., None] if x.ndim == 3 else x
    if x.ndim != 4 or x.shape[3] not in (1, 3) or not x.size or columns < 1 or zoom < 1:
        raise ValueError(f"tiles: images have shape {np.shape(images)}, wanted (N, H, W) or (N, H, W, C), C 1 or 3")
    n, height, width, channels = x.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    shown = x.clip(0, 1)
    whole = np.ones((rows * columns, height + 1, width + 1, channels), np.float32)
    whole[:n, :height, :width] = 1 - shown if channels == 1 else shown
    whole = whole.reshape(rows, columns, height + 1, width + 1, channels).swapaxes(1, 2)
    joined = np.pad(whole.reshape(rows * (height + 1), -1, channels), ((1, 0), (1, 0), (0, 0)), constant_values=1)
    pixels: NDArray[np.uint8] = np.rint(255 * (joined[..., 0] if channels == 1 else joined)).astype(np.uint8)
    return pixels.repeat(zoom, 0).repeat(zoom, 1)


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError("tiles and animation need Pillow; pip install 'wxb[data]'") from error
    return Image
