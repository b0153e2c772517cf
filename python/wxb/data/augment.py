"""Changes of samples that leave their label right, as transforms of a Loader."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .dataset import Arrays

__all__ = ["RandomShift"]


class RandomShift:
    """Move a share of the pictures by up to ``most`` pixels up, down, left or right; zeros come in at the edge.

    ``Loader(dataset, transform=RandomShift((8, 8)))``: the batch's first array holds pictures (N, H, W), or (N, H W).
    shape: (H, W); share: of pictures that move, in [0, 1].
    """

    def __init__(self, shape: Sequence[int], most: int = 1, share: float = 0.5) -> None:
        if len(shape) != 2 or most < 0 or not 0 <= share <= 1:
            raise ValueError(
                f"RandomShift: shape {tuple(shape)}, most {most}, share {share}; wanted (H, W), >= 0, [0, 1]"
            )
        self.shape, self.most, self.share = tuple(shape), most, share

    def __call__(self, batch: Arrays, rng: np.random.Generator) -> Arrays:
        """Return the batch with its first array changed; rng decides how."""
        x, (height, width), most = batch[0], self.shape, self.most
        pictures = x.reshape(len(x), height, width)
        padded = np.pad(pictures, ((0, 0), (most, most), (most, most)))
        moves = rng.integers(0, 2 * most + 1, (len(x), 2))
        moves[rng.random(len(x)) >= self.share] = most  # these stay
        rows = moves[:, 0, None, None] + np.arange(height)[:, None]
        columns = moves[:, 1, None, None] + np.arange(width)
        moved = padded[np.arange(len(x))[:, None, None], rows, columns]
        return (moved.reshape(x.shape), *batch[1:])
