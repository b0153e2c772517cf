"""Make the embedded data sets again from scikit-learn's copies: ``python -m wxb.data.embedded.make``.

The same zlib gives the same bytes; the SHA-256 printed for each file stands in its SOURCE.md.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parent


def smallest(values: NDArray[Any]) -> NDArray[Any]:
    """Return `values` in the smallest of uint8, int16 and float32 that holds them."""
    for dtype in (np.uint8, np.int16):
        with np.errstate(invalid="ignore"):
            if np.array_equal(values.astype(dtype), values):
                return values.astype(dtype)
    return values.astype(np.float32)


def make(name: str, source: Any, target_names: list[str]) -> None:
    """Write NAME.npz: x (N, F), y (N,), feature_names (F,), target_names (C,)."""
    path = FOLDER / f"{name}.npz"
    np.savez_compressed(
        path,
        x=smallest(source.data),
        y=smallest(source.target),
        feature_names=np.array(source.feature_names),
        target_names=np.array(target_names),
    )
    print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}  {path.stat().st_size} bytes")


def main() -> None:
    """Write the three files."""
    from sklearn import datasets

    digits, cancer = datasets.load_digits(), datasets.load_breast_cancer()
    make("digits", digits, [str(name) for name in digits.target_names])
    make("diabetes", datasets.load_diabetes(scaled=False), ["disease progression after one year"])
    make("breast_cancer", cancer, [str(name) for name in cancer.target_names])


if __name__ == "__main__":
    main()
