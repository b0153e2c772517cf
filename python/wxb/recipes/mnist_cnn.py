"""mnist-cnn: 70,000 handwritten digits of 28 x 28 pixels (LeCun et al. 1998), by a convolutional network."""

from __future__ import annotations

from typing import Any

from ..data import RandomShift, mnist
from .pictures import predict_pictures as predict
from .run import Options
from .speedrun import train_speednet

__all__ = ["predict", "train"]


def train(options: Options) -> dict[str, Any]:
    """Train a small speednet on the 60,000 training digits, shifted, and test it on the 10,000 others."""
    options = options.chosen(epochs=3, lr=11.5, batch_size=256)
    x_train, y_train, x_test, y_test = mnist(options.data)
    data = (x_train[..., None], y_train, x_test[..., None], y_test)
    model = {"kind": "speednet", "channels": 1, "widths": [16, 32, 64]}
    classes = [str(i) for i in range(10)]
    return train_speednet("mnist-cnn", options, data, classes, model, RandomShift(2), mirrored=False, ink=255)
