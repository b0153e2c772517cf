"""Changes of pictures that move the boxes in them, as transforms of a `Loader`, beside those of `augment`.

    Loader(ArrayDataset(voc.x, voc.objects), transform=Compose(BoxAffine(0.5, zoom=0.2), RandomColor(0.2)))

A batch is (pictures (N, H, W, C), objects (N, M, 5), ...): x1, y1, x2, y2 in pixels from the upper left corner, and the
class, -1 where there is none. What is drawn for a picture depends on (seed, epoch, row) only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..device import cpu
from .augment import PictureTransform, checked_padding, checked_share, empty_pictures, padding_kind
from .dataset import Arrays
from .draws import Draws

__all__ = ["BoxAffine", "BoxFlip"]

Objects = NDArray[Any]
Axes = NDArray[np.float64]  # (N, 2), of y and of x


class BoxAffine(PictureTransform):
    """Mirror, scale, stretch and shift pictures with their boxes about the centre, bilinearly and in one pass.

    horizontal, vertical: the shares mirrored left to right and upside down; zoom: both sides are scaled by a factor
    log-uniform in [1 / (1 + zoom), 1 + zoom]; stretch: the width by a further one of this kind, the height by its
    inverse; shift: of each axis, a share of its length, uniform in [-shift, shift]; padding as for `RandomShift`.
    Boxes are cut off at the edges; objects of which less than the share ``visible`` is left get class -1.
    """

    def __init__(
        self,
        horizontal: float = 0.0,
        vertical: float = 0.0,
        zoom: float = 0.0,
        stretch: float = 0.0,
        shift: float = 0.0,
        visible: float = 0.4,
        padding: str = "zero",
    ) -> None:
        name = type(self).__name__
        given = {"zoom": zoom, "stretch": stretch, "shift": shift}
        if not all(0 <= value < np.inf for value in given.values()):
            raise ValueError(f"{name}: {given}, all must be finite and not negative")
        self.mirrored = checked_share(vertical, name), checked_share(horizontal, name)
        self.zoom, self.stretch, self.shift = zoom, stretch, shift
        self.visible, self.padding = checked_share(visible, name), checked_padding(padding, name)

    def __call__(self, batch: Arrays, draws: Draws) -> Arrays:
        """Return the batch with changed pictures and objects; TypeError or ValueError where it has none."""
        objects = batch[1] if len(batch) > 1 else np.empty(0)
        if objects.ndim != 3 or objects.shape[2] != 5 or objects.dtype.kind != "f" or len(objects) != len(batch[0]):
            raise ValueError(
                f"{type(self).__name__}: objects are {objects.dtype} {objects.shape}, wanted floats "
                f"({len(batch[0])}, M, 5): x1, y1, x2, y2, class"
            )
        x = self._pictures(batch[0], len(draws.rows))
        sides = np.array(x.shape[1:3], np.float64)
        scale, start = self._drawn(sides, draws)
        y = empty_pictures(x.shape, x.dtype)
        cpu.kernels.augment_affine(x, _sources(scale, start), y, padding_kind(self.padding))
        return (y if batch[0].ndim == 4 else y[..., 0], moved(objects, scale, start, sides, self.visible), *batch[2:])

    def _drawn(self, sides: Axes, draws: Draws) -> tuple[Axes, Axes]:
        """Return scale and start of each picture's y and x: what is at p comes to scale p + start."""
        u = 2 * draws.uniform(6) - 1
        zoom, stretch = (1 + self.zoom) ** u[:, 0], (1 + self.stretch) ** u[:, 1]
        mirror = np.where((u[:, 4:] + 1) / 2 < self.mirrored, -1.0, 1.0)
        scale = mirror * np.stack([zoom / stretch, zoom * stretch], 1)
        return scale, sides / 2 - scale * sides / 2 + self.shift * u[:, 2:4] * sides


class BoxFlip(BoxAffine):
    """Mirror a share of the pictures left to right, and a share, 0 by default, upside down, with their boxes."""

    def __init__(self, horizontal: float = 0.5, vertical: float = 0.0) -> None:
        super().__init__(horizontal, vertical)


def moved(objects: Objects, scale: Axes, start: Axes, sides: Axes, visible: float) -> Objects:
    """Return objects (N, M, 5) whose corners went from p to scale p + start, cut off at the picture's sides.

    Those of which less than the share ``visible`` is left, or less than a pixel a side, get class -1.
    """
    corners = objects[..., :4].astype(np.float64).reshape(*objects.shape[:2], 2, 2)  # (x, y) of two corners
    corners = corners * scale[:, None, None, ::-1] + start[:, None, None, ::-1]
    whole = np.stack([corners.min(2), corners.max(2)], 2)
    seen = np.clip(whole, 0, sides[::-1])
    size, full = seen[:, :, 1] - seen[:, :, 0], whole[:, :, 1] - whole[:, :, 0]
    left = (size.prod(-1) >= visible * full.prod(-1)) & (size.min(-1) >= 1) & (objects[..., 4] >= 0)
    labels = np.where(left, objects[..., 4], -1)[..., None]
    return np.concatenate([np.where(left[..., None], seen.reshape(*labels.shape[:2], 4), 0), labels], -1).astype(
        objects.dtype
    )


def _sources(scale: Axes, start: Axes) -> NDArray[np.float64]:
    """Return the map (N, 2, 3) from a pixel's (row, column, 1) to where it is taken from; pixels stand at halves."""
    source = np.zeros((len(scale), 2, 3))
    source[:, 0, 0], source[:, 1, 1] = 1 / scale[:, 0], 1 / scale[:, 1]
    source[:, :, 2] = (0.5 - start) / scale - 0.5
    return source
