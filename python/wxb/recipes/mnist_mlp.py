"""mnist-mlp: 70,000 handwritten digits of 28 x 28 pixels (LeCun et al. 1998)."""

from __future__ import annotations

from typing import Any

import numpy

from ..data import mnist
from .pictures import predict_pictures as predict
from .pictures import train_pictures
from .run import Options

__all__ = ["predict", "train"]


def train(options: Options) -> dict[str, Any]:
    """Train a 784-256-128-10 network on the 60,000 training digits and test it on the 10,000 others."""
    options = options.chosen(epochs=20, lr=2e-3, batch_size=128)
    model = {"kind": "mlp", "sizes": [784, 256, 128, 10], "activation": "relu", "dropout": 0.2}
    x_train, y_train, x_test, y_test = mnist(options.data)
    data = numpy.concatenate([x_train, x_test]), numpy.concatenate([y_train, y_test])
    rows = numpy.arange(len(data[0]))
    folds = [(rows[: len(x_train)], rows[len(x_train) :])]
    return train_pictures("mnist-mlp", options, data, folds, model, ink=255)
