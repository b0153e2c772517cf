"""digits: 1,797 handwritten digits of 8 x 8 pixels, which come with the package."""

from __future__ import annotations

from typing import Any

from ..data import Draws, RandomShift, load_digits
from ..data.dataset import Arrays
from .pictures import predict_pictures as predict
from .pictures import train_pictures
from .run import Options
from .unseen import parts

__all__ = ["predict", "train"]


def train(options: Options) -> dict[str, Any]:
    """Train a 64-256-10 network on shifted digits; a fifth, the same share of each, is held out for the test.

    With ``--folds K`` every digit is held out once, and the network that is kept is trained on all.
    """
    options = options.chosen(epochs=50, lr=4e-3, batch_size=32, folds=None)
    digits = load_digits()
    data, folds = (digits.x.reshape(-1, 8, 8), digits.y), parts(options, len(digits), digits.y)
    model = {"kind": "mlp", "sizes": [64, 256, 10], "activation": "relu", "dropout": 0.1}
    return train_pictures("digits", options, data, folds, model, ink=16, transform=shifted)


def shifted(batch: Arrays, draws: Draws) -> Arrays:
    """Move half of the digits, which come as rows of 64, by up to one pixel."""
    pictures, *rest = RandomShift(1, share=0.5)((batch[0].reshape(-1, 8, 8), *batch[1:]), draws)
    return (pictures.reshape(-1, 64), *rest)
