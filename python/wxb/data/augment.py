"""Changes of pictures that leave their label right, as transforms of a `Loader`; kernels make them on whole batches.

    Loader(dataset, transform=Compose(RandomFlip(), RandomShift(4, padding="reflect"), Cutout(8)))

Each changes a batch's first array: pictures (N, H, W, C), or (N, H, W) of one channel, uint8 or float32, into a new
array of the same dtype. What is drawn for a picture depends on (seed, epoch, row) only. A transform of your own is any
function of (batch, draws) that returns a batch: see `Draws`.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..device import cpu
from .dataset import Arrays
from .draws import Draws, Uniform
from .loader import Transform

__all__ = [
    "AlternatingFlip",
    "Compose",
    "Cutout",
    "RandomAffine",
    "RandomColor",
    "RandomCrop",
    "RandomFlip",
    "RandomRotation",
    "RandomShift",
    "RandomZoom",
]

Pictures = NDArray[Any]
PADDINGS = {"zero": "constant", "edge": "edge", "reflect": "reflect"}


class Compose:
    """Apply transforms one after the other."""

    def __init__(self, *transforms: Transform) -> None:
        self.transforms = transforms

    def __call__(self, batch: Arrays, draws: Draws) -> Arrays:
        """Return the batch as the last transform gives it."""
        for transform in self.transforms:
            batch = transform(batch, draws)
        return batch


class PictureTransform:
    """What the transforms of this module share: they change the first array of a batch."""

    def __call__(self, batch: Arrays, draws: Draws) -> Arrays:
        """Return the batch with changed pictures; TypeError or ValueError where its first array holds none."""
        x = self._pictures(batch[0], len(draws.rows))
        changed = self.change(x, draws)
        return (changed if batch[0].ndim == 4 else changed[..., 0], *batch[1:])

    def change(self, x: Pictures, draws: Draws) -> Pictures:
        """Return a new batch of pictures for x (N, H, W, C)."""
        raise NotImplementedError

    def _pictures(self, x: Pictures, count: int) -> Pictures:
        name = type(self).__name__
        if x.ndim not in (3, 4) or len(x) != count:
            raise ValueError(f"{name}: pictures have shape {x.shape}, wanted ({count}, H, W, C) or ({count}, H, W)")
        if x.dtype not in (np.uint8, np.float32):
            raise TypeError(f"{name}: pictures are {x.dtype}, wanted uint8 or float32")
        if x.ndim == 4 and x.shape[1] in (1, 3) and x.shape[3] > 4:
            raise ValueError(f"{name}: pictures have shape {x.shape}, looks like (N, C, H, W); wanted (N, H, W, C)")
        return np.ascontiguousarray(x if x.ndim == 4 else x[..., None])


class RandomFlip(PictureTransform):
    """Mirror a share of the pictures left to right, and a share, 0 by default, upside down."""

    def __init__(self, horizontal: float = 0.5, vertical: float = 0.0) -> None:
        self.shares = checked_share(vertical, "RandomFlip"), checked_share(horizontal, "RandomFlip")

    def change(self, x: Pictures, draws: Draws) -> Pictures:
        """Return x with some pictures flipped."""
        return _move(x, x.shape[1:3], np.zeros((len(x), 2), np.int64), draws.uniform(2) < self.shares, "zero")


class AlternatingFlip(PictureTransform):
    """Mirror a random half of the pictures left to right in epochs 0, 2, 4, ... and the other half in 1, 3, 5, ...

    So every two epochs show each picture both ways. Jordan, "94% on CIFAR-10 in 3.29 seconds on a single GPU", 2024,
    arXiv:2404.00498.
    """

    def change(self, x: Pictures, draws: Draws) -> Pictures:
        """Return x with one half of the pictures flipped."""
        flip = np.zeros((len(x), 2), bool)
        flip[:, 1] = (draws.uniform(every_epoch=False)[:, 0] < 0.5) ^ bool(draws.epoch % 2)
        return _move(x, x.shape[1:3], np.zeros((len(x), 2), np.int64), flip, "zero")


class RandomShift(PictureTransform):
    """Move a share of the pictures by up to ``most`` pixels up or down and left or right.

    What comes in at the edge: padding "zero", "edge" (the last pixel) or "reflect" (the picture mirrored).
    """

    def __init__(self, most: int, share: float = 1.0, padding: str = "zero") -> None:
        self.most = _count(most, 0, "RandomShift", "most")
        self.share, self.padding = checked_share(share, "RandomShift"), checked_padding(padding, "RandomShift")

    def change(self, x: Pictures, draws: Draws) -> Pictures:
        """Return x shifted."""
        offset = draws.integers([-self.most] * 2, [self.most] * 2)
        if self.share < 1:
            offset[draws.uniform()[:, 0] >= self.share] = 0
        return _move(x, x.shape[1:3], offset, np.zeros((len(x), 2), bool), self.padding)


class RandomCrop(PictureTransform):
    """Cut out ``size`` (height, width), or a square, at a random place of the pictures with ``pad`` pixels around."""

    def __init__(self, size: int | Sequence[int], pad: int = 0, padding: str = "zero") -> None:
        self.size, self.pad = _pair(size, "RandomCrop"), _count(pad, 0, "RandomCrop", "pad")
        self.padding = checked_padding(padding, "RandomCrop")

    def change(self, x: Pictures, draws: Draws) -> Pictures:
        """Return the crops (N, *size, C)."""
        room = np.array(x.shape[1:3]) + self.pad - self.size
        if min(room) < -self.pad:
            raise ValueError(f"RandomCrop: pictures are {x.shape[1:3]} with {self.pad} around, wanted {self.size}")
        offset = draws.integers([-self.pad] * 2, room)
        return _move(x, self.size, offset, np.zeros((len(x), 2), bool), self.padding)


class RandomAffine(PictureTransform):
    """Turn, scale and shift pictures about their centre, bilinearly and in one pass.

    degrees: of the angle, uniform in [-degrees, degrees]; zoom: of the factor, log-uniform in [1 / (1 + zoom),
    1 + zoom]; shift: of each axis, a share of its length, uniform in [-shift, shift]; padding as for `RandomShift`.
    """

    def __init__(self, degrees: float = 0.0, zoom: float = 0.0, shift: float = 0.0, padding: str = "zero") -> None:
        name = type(self).__name__
        given = {"degrees": degrees, "zoom": zoom, "shift": shift}
        if not all(0 <= value < np.inf for value in given.values()):
            raise ValueError(f"{name}: {given}, all must be finite and not negative")
        self.degrees, self.zoom, self.shift, self.padding = degrees, zoom, shift, checked_padding(padding, name)

    def change(self, x: Pictures, draws: Draws) -> Pictures:
        """Return x seen through each picture's own map."""
        u = 2 * draws.uniform(4) - 1
        centre = (np.array(x.shape[1:3]) - 1) / 2
        moved = u[:, 2:] * self.shift * x.shape[1:3]
        y = empty_pictures(x.shape, x.dtype)
        map = affine_map(np.radians(self.degrees) * u[:, 0], (1 + self.zoom) ** u[:, 1], moved, centre)
        cpu.kernels.augment_affine(x, map, y, padding_kind(self.padding))
        return y


def affine_map(angle: Uniform, zoom: Uniform, moved: Uniform, centre: Uniform) -> Uniform:
    """Return, per picture, the (2, 3) matrix from (row, column, 1) of the result to (row, column) of the source.

    angle (N,) radians, counter-clockwise as seen; zoom (N,), above 1 enlarges; moved (N, 2) pixels down and right.
    """
    cosine, sine = np.cos(angle) / zoom, np.sin(angle) / zoom
    turn = np.stack([np.stack([cosine, sine], -1), np.stack([-sine, cosine], -1)], 1)
    start = centre - np.einsum("nij,nj->ni", turn, centre + moved)
    return np.ascontiguousarray(np.concatenate([turn, start[..., None]], -1))


class RandomRotation(RandomAffine):
    """Turn pictures by a random angle, uniform in [-degrees, degrees], bilinearly."""

    def __init__(self, degrees: float, padding: str = "zero") -> None:
        super().__init__(degrees=degrees, padding=padding)


class RandomZoom(RandomAffine):
    """Scale pictures about their centre by a random factor, log-uniform in [1 / (1 + zoom), 1 + zoom], bilinearly."""

    def __init__(self, zoom: float, padding: str = "zero") -> None:
        super().__init__(zoom=zoom, padding=padding)


class RandomColor(PictureTransform):
    """Change brightness, contrast and saturation by random factors, each uniform in [1 - a, 1 + a], not below 0.

    Brightness b, contrast c, saturation s: u = b x; v = c u + (1 - c) mean gray of u; y = s v + (1 - s) gray of v.
    Pictures have one channel, or red, green and blue. uint8 is limited to [0, 255] at the end, float32 is not.
    """

    def __init__(self, brightness: float = 0.0, contrast: float = 0.0, saturation: float = 0.0) -> None:
        self.amounts = np.array([brightness, contrast, saturation], np.float64)
        if not np.isfinite(self.amounts).all() or self.amounts.min() < 0:
            raise ValueError(
                f"RandomColor: brightness, contrast, saturation are {self.amounts.tolist()}, wanted 0 or more"
            )

    def change(self, x: Pictures, draws: Draws) -> Pictures:
        """Return x in other colours."""
        factor = np.maximum(0, 1 + self.amounts * (2 * draws.uniform(3) - 1))
        y = empty_pictures(x.shape, x.dtype)
        cpu.kernels.augment_color(x, factor, y)
        return y


class Cutout(PictureTransform):
    """Fill a square of ``size`` pixels, or (height, width), about a random pixel, as far as it lies in the picture.

    fill: a number, or one for each channel; the mean of the data is what hides most. share: of pictures that are cut.
    DeVries, Taylor, "Improved regularization of convolutional neural networks with cutout", 2017, arXiv:1708.04552.
    """

    def __init__(self, size: int | Sequence[int], fill: ArrayLike = 0, share: float = 1.0) -> None:
        self.size, self.share = _pair(size, "Cutout"), checked_share(share, "Cutout")
        self.fill = np.asarray(fill)

    def change(self, x: Pictures, draws: Draws) -> Pictures:
        """Return x with a rectangle filled."""
        if self.fill.shape not in ((), x.shape[3:]):
            raise ValueError(f"Cutout: fill has shape {self.fill.shape}, wanted one number or {x.shape[3]}")
        if x.dtype == np.uint8 and not ((self.fill >= 0) & (self.fill <= 255)).all():
            raise ValueError(f"Cutout: fill is {self.fill.tolist()}, wanted 0 to 255 for uint8 pictures")
        corner = draws.integers(0, np.array(x.shape[1:3]) - 1) - np.array(self.size) // 2
        if self.share < 1:
            corner[draws.uniform()[:, 0] >= self.share] = x.shape[1:3]  # beyond the last pixel
        y = empty_pictures(x.shape, x.dtype)
        fill = np.ascontiguousarray(np.broadcast_to(self.fill, x.shape[3:]).astype(x.dtype))
        cpu.kernels.augment_cutout(x, corner, fill, y, *self.size)
        return y


def _move(x: Pictures, size: Sequence[int], offset: NDArray[np.int64], flip: NDArray[Any], padding: str) -> Pictures:
    y = empty_pictures((len(x), *size, x.shape[3]), x.dtype)
    cpu.kernels.augment_move(x, offset, np.ascontiguousarray(flip), y, padding_kind(padding))
    return y


def empty_pictures(shape: tuple[int, ...], dtype: Any) -> Pictures:
    """Return memory that was in use before: fresh pages would take longer than the kernels."""
    return cpu.empty(shape, dtype, True)  # type: ignore[no-any-return]


def padding_kind(padding: str) -> Any:
    return getattr(cpu.kernels.Padding, PADDINGS[padding])


def checked_padding(padding: str, name: str) -> str:
    if padding not in PADDINGS:
        raise ValueError(f"{name}: padding is {padding!r}, wanted one of {', '.join(PADDINGS)}")
    return padding


def checked_share(share: float, name: str) -> float:
    if not 0 <= share <= 1:
        raise ValueError(f"{name}: a share is {share}, wanted 0 to 1")
    return share


def _count(value: int, least: int, name: str, what: str) -> int:
    number = operator.index(value)
    if not least <= number < 2**31:
        raise ValueError(f"{name}: {what} is {number}, wanted {least} or more")
    return number


def _pair(size: int | Sequence[int], name: str) -> tuple[int, int]:
    sizes = (size, size) if isinstance(size, (int, np.integer)) else tuple(size)
    if len(sizes) != 2:
        raise ValueError(f"{name}: size is {sizes}, wanted a number or (height, width)")
    return _count(sizes[0], 1, name, "size"), _count(sizes[1], 1, name, "size")
