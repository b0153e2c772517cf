"""CIFAR-10: 60,000 colour pictures of 32 x 32, from lossless grids or from the archive as published."""

from __future__ import annotations

import hashlib
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .fetch import FourArrays, data_folder, download

Bytes = NDArray[np.uint8]

# fmt: off
CIFAR10_CLASSES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)
# fmt: on

SIDE = 32

# The archive: six files of records, each a label and the red, green and blue plane.
ARCHIVE = "cifar-10-binary.tar.gz"
ARCHIVE_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
MIRRORS = ("https://www.cs.toronto.edu/~kriz/",)
FILES = (*(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin")

# The grids: lossless pictures of 25 rows by 40 columns each, and labels.npz. SHA-256 of the decoded NHWC bytes, in
# which 109 pictures differ from the archive's, and of the labels as bytes.
GRIDS = {"train": 50, "test": 10}
GRID = (25, 40)
SHA256 = {
    "x_train": "c461bd4536fb85ed1eb486daab6efe1841bd78a4c1eb300d5c7b5ac7f9c941b4",
    "y_train": "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
    "x_test": "4674ac8c77f372061aaf9216c8857c99599d5df0bb9f6b16a3de613ef8eb348a",
    "y_test": "cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5",
}


def cifar10(root: str | os.PathLike[str] | None = None) -> FourArrays:
    """Return CIFAR-10: ``x_train, y_train, x_test, y_test``.

    x_train (50000, 32, 32, 3) and x_test (10000, 32, 32, 3) uint8, red green blue last; labels int64, numbers into
    `CIFAR10_CLASSES`. Read from the folder `root`, else from ``$WXB_DATA/cifar10``, else downloaded once (170 MB) into
    the user's cache. The folder holds cifar-10-binary.tar.gz as published, or lossless grids train_00.webp ...
    test_09.webp of 1,000 pictures with labels.npz (reading them takes Pillow). All bytes are checked by SHA-256.
    Raises FileNotFoundError where the folder holds neither, ValueError for a file that is broken or another's.
    Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """
    folder = data_folder("cifar10", root)
    if folder is None:
        return download("cifar10", ARCHIVE, MIRRORS, read_archive, f"put {ARCHIVE} into $WXB_DATA/cifar10")
    if (folder / "labels.npz").is_file():
        return read_grids(folder)
    if (folder / ARCHIVE).is_file():
        return read_archive(folder / ARCHIVE)
    raise FileNotFoundError(
        f"{folder}: no {ARCHIVE} and no labels.npz with train_00.webp ...; "
        "the archive for Python holds pickles, which could run anything, and is not read"
    )


def read_archive(path: Path) -> FourArrays:
    """Read the published archive of records; ValueError, naming it, unless its SHA-256 is the published one."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    if digest.hexdigest() != ARCHIVE_SHA256:
        raise ValueError(
            f"{path}: SHA-256 is {digest.hexdigest()}, wanted {ARCHIVE_SHA256}; truncated, or another file"
        )
    found = dict(_records(path))
    train = np.concatenate([found[name] for name in FILES[:-1]])
    return (*_pictures(train), *_pictures(found[FILES[-1]]))


def read_grids(folder: Path) -> FourArrays:
    """Read the lossless grids and labels.npz of a folder; ValueError names a file that is broken or another's."""
    labels = _labels(folder / "labels.npz")
    arrays: list[Any] = []
    for part, count in GRIDS.items():
        paths = [folder / f"{part}_{i:02d}.webp" for i in range(count)]
        with ThreadPoolExecutor(4) as pool:  # Pillow decodes without the GIL
            x = np.concatenate(list(pool.map(_grid, paths)))
        for name, values in ((f"x_{part}", x), (f"y_{part}", labels[f"y_{part}"])):
            if (digest := hashlib.sha256(values.data).hexdigest()) != SHA256[name]:
                raise ValueError(f"{folder}: SHA-256 of {name} is {digest}, wanted {SHA256[name]}; another data set's?")
        arrays += [x, labels[f"y_{part}"].astype(np.int64)]
    return (arrays[0], arrays[1], arrays[2], arrays[3])


def _records(path: Path) -> Iterator[tuple[str, Bytes]]:
    """Yield the name and the records, (N, 1 + 3 SIDE SIDE), of each file of the archive."""
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is not None and Path(member.name).name in FILES:
                yield Path(member.name).name, np.frombuffer(content.read(), np.uint8).reshape(-1, 1 + 3 * SIDE * SIDE)


def _pictures(records: Bytes) -> tuple[Bytes, NDArray[np.int64]]:
    planes = records[:, 1:].reshape(-1, 3, SIDE, SIDE)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), records[:, 0].astype(np.int64)


def _labels(path: Path) -> dict[str, Bytes]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            return {name: np.ascontiguousarray(stored[name], np.uint8) for name in ("y_train", "y_test")}
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, TypeError) as error:
        raise ValueError(f"{path}: no labels y_train and y_test in it ({error}); fetch it again") from error


def _grid(path: Path) -> Bytes:
    """Read a grid of pictures, left to right and then down: (rows columns, SIDE, SIDE, 3)."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError as error:
        raise ImportError("cifar10: reading .webp needs Pillow; pip install 'wxb[data]'") from error
    rows, columns = GRID
    if not path.is_file():
        raise FileNotFoundError(f"{path.parent}: no {path.name}; the folder must hold {sum(GRIDS.values())} grids")
    try:
        with Image.open(path) as image:
            if image.size != (columns * SIDE, rows * SIDE):
                raise ValueError(f"{path}: is {image.size} pixels, wanted {(columns * SIDE, rows * SIDE)}")
            pixels = np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError) as error:
        raise ValueError(f"{path}: not a whole picture ({error}); fetch it again") from error
    pictures: Bytes = pixels.reshape(rows, SIDE, columns, SIDE, 3).swapaxes(1, 2).reshape(-1, SIDE, SIDE, 3)
    return pictures
