"""fashion-cnn: 70,000 articles of clothing of 28 x 28 pixels (Xiao, Rasul, Vollgraf 2017, arXiv:1708.07747)."""

from __future__ import annotations

from typing import Any

from ..data import FASHION_MNIST_CLASSES, AlternatingFlip, Compose, RandomShift, fashion_mnist
from .pictures import predict_pictures as predict
from .run import Options
from .speedrun import train_speednet

__all__ = ["predict", "train"]


def train(options: Options) -> dict[str, Any]:
    """Train a speednet on the 60,000 training pictures, flipped and shifted, and test it on the 10,000 others."""
    options = options.chosen(epochs=5, lr=11.5, batch_size=256)
    x_train, y_train, x_test, y_test = fashion_mnist(options.data)
    data = (x_train[..., None], y_train, x_test[..., None], y_test)
    model = {"kind": "speednet", "channels": 1, "widths": [16, 64, 64]}
    change, classes = Compose(AlternatingFlip(), RandomShift(1)), list(FASHION_MNIST_CLASSES)
    return train_speednet("fashion-cnn", options, data, classes, model, change, mirrored=True, ink=255)
