"""The trainings behind ``wxb train NAME``, one file each."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, Protocol

from .run import Options, SavedRun

__all__ = ["RECIPES", "Options", "Recipe", "SavedRun", "recipe"]


class Recipe(Protocol):
    """What a recipe's file defines."""

    def train(self, options: Options) -> dict[str, Any]:
        """Train, write the run's folder and return its result."""

    def predict(self, run: SavedRun, files: Sequence[str]) -> list[dict[str, Any]]:
        """Return a row per sample in ``files``."""


# name -> file, and what it does in a line
RECIPES: dict[str, tuple[str, str]] = {
    "digits": ("digits", "handwritten digits, 8 x 8 pixels, in the package"),
    "mnist-mlp": ("mnist_mlp", "handwritten digits, 28 x 28 pixels, MNIST"),
    "mnist-cnn": ("mnist_cnn", "handwritten digits, MNIST, by a convolutional network"),
    "fashion-cnn": ("fashion_cnn", "articles of clothing, Fashion-MNIST, by a convolutional network"),
    "cifar10": ("cifar10", "photographs of ten kinds of things, CIFAR-10"),
    "capsnet": ("capsnet", "handwritten digits, MNIST, by capsules routed by agreement"),
    "complete": ("complete", "handwritten digits, MNIST, of which half is covered, restored"),
    "gan": ("gan", "pictures that nobody took, MNIST's kind, or: wxb train gan fashion-mnist, wxb train gan cifar10"),
    "diabetes": ("diabetes", "disease progression from ten measurements (regression), in the package"),
    "breast-cancer": ("breast_cancer", "malignant or benign from thirty measurements (binary), in the package"),
    "sentiment": ("sentiment", "how much a film review praises, at every node of its tree, SST"),
    "voice": ("voice", "spoken digits, FSDD; wxb listen then hears words and runs what you say of each"),
    "char-lm": ("char_lm", "text, character by character: tiny Shakespeare, or your own: wxb train char-lm FILE"),
    "translate": ("translate", "captions from English to German, or --languages de-en and others, Multi30k"),
    "images": ("images", "your own pictures: wxb train images --data FOLDER, one sub-folder per class"),
    "detect": ("detect", "boxes around blood cells, BCCD, or around what your own VOC folder shows: --data FOLDER"),
    "csv": ("table", "your own table: wxb train csv FILE --target COLUMN"),
}


def recipe(name: str) -> Recipe:
    """Return the recipe called ``name``; ``ValueError`` lists those there are."""
    if name not in RECIPES:
        raise ValueError(f"recipe: {name!r} is not one of {', '.join(RECIPES)}")
    return importlib.import_module(f"{__name__}.{RECIPES[name][0]}")
