"""Three small real data sets that come with the package: no download, 113 KB."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..dataset import Table

__all__ = ["load_breast_cancer", "load_diabetes", "load_digits"]

FOLDER = Path(__file__).parent


def load_digits() -> Table:
    """Return 1,797 handwritten digits: x (1797, 64) float32, 8 x 8 images with ink 0 to 16; y (1797,) int64, 0 to 9."""
    return _load("digits")


def load_diabetes() -> Table:
    """Return 442 patients: x (442, 10) float32 in raw units; y (442,) float32, disease progression after one year."""
    return _load("diabetes", np.float32)


def load_breast_cancer() -> Table:
    """Return 569 tumours: x (569, 30) float32 in raw units; y (569,) int64, 0 malignant, 1 benign."""
    return _load("breast_cancer")


def _load(name: str, target: type[np.generic] = np.int64) -> Table:
    with np.load(FOLDER / f"{name}.npz", allow_pickle=False) as stored:
        return Table(
            x=stored["x"].astype(np.float32),
            y=stored["y"].astype(target),
            feature_names=tuple(stored["feature_names"].tolist()),
            target_names=tuple(stored["target_names"].tolist()),
            description=(FOLDER / f"{name}.SOURCE.md").read_text(encoding="utf-8"),
        )
