"""MNIST and Fashion-MNIST: 70,000 images of 28 x 28 in four idx files each."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .fetch import FourArrays, data_folder, download

# fmt: off
FASHION_MNIST_CLASSES = (
    "T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)
# fmt: on

# Name of each file and its shape, in the order they are returned.
FILES = {
    "train-images-idx3-ubyte": (60000, 28, 28),
    "train-labels-idx1-ubyte": (60000,),
    "t10k-images-idx3-ubyte": (10000, 28, 28),
    "t10k-labels-idx1-ubyte": (10000,),
}

# SHA-256 of the uncompressed files: copies differ in the time stamp of the .gz around the same contents.
SHA256 = {
    "mnist": (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    "fashion_mnist": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}

MIRRORS = {
    "mnist": (
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
    ),
    "fashion_mnist": (
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
}


def mnist(root: str | os.PathLike[str] | None = None) -> FourArrays:
    """Return MNIST, handwritten digits: ``x_train, y_train, x_test, y_test``.

    x_train (60000, 28, 28) and x_test (10000, 28, 28) uint8, ink 255 on 0; labels int64, 0 to 9. The four idx files,
    gzipped or not, are read from the folder `root`, else from ``$WXB_DATA/mnist``, else downloaded once (11 MB) into
    the user's cache. Every file is checked against its SHA-256.
    Raises FileNotFoundError for a file missing in `root`, ValueError for one that is truncated or another's.
    LeCun, Bottou, Bengio, Haffner, "Gradient-based learning applied to document recognition", 1998.
    """
    return _load("mnist", root)


def fashion_mnist(root: str | os.PathLike[str] | None = None) -> FourArrays:
    """Return Fashion-MNIST, articles of clothing, shaped and found like `mnist`: ``x_train, y_train, x_test, y_test``.

    Its folder under ``$WXB_DATA`` is ``fashion_mnist``; the download is 31 MB. `FASHION_MNIST_CLASSES` names the
    classes. Xiao, Rasul, Vollgraf, 2017, arXiv:1708.07747.
    """
    return _load("fashion_mnist", root)


def read_idx(path: Path, shape: tuple[int, ...], sha256: str) -> NDArray[np.uint8]:
    """Read a uint8 idx file, gzipped if its name ends in ``.gz``, that must have this shape and this SHA-256.

    Layout: two zero bytes, 8 (uint8), the number of axes, each axis as a big-endian uint32, the values.
    Raises ValueError, naming the file, where anything differs.
    """
    header = struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape)
    content = _read(path, len(header) + int(np.prod(shape)))
    if content[: len(header)] != header:
        raise ValueError(f"{path}: idx header is {content[: len(header)].hex()}, wanted {header.hex()}, uint8 {shape}")
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise ValueError(f"{path}: SHA-256 of the contents is {digest}, wanted {sha256}; another data set's?")
    values: NDArray[np.uint8] = np.frombuffer(content, np.uint8, offset=len(header)).reshape(shape).copy()
    return values


def _read(path: Path, size: int) -> bytes:
    """Read a file of `size` bytes, and at most one byte more, so that a wrong file cannot fill the memory."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(size + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: not a whole gzip file ({error}); fetch it again") from error
    if len(content) != size:
        given = f"{len(content)} bytes" if len(content) < size else "more"
        raise ValueError(f"{path}: holds {given}, wanted {size}; truncated, or another file")
    return content


def _load(name: str, root: str | os.PathLike[str] | None) -> FourArrays:
    folder = data_folder(name, root)
    arrays: list[NDArray[Any]] = []
    for (file, shape), sha256 in zip(FILES.items(), SHA256[name], strict=True):
        read = _download(name, file, shape, sha256) if folder is None else read_idx(_find(folder, file), shape, sha256)
        arrays.append(read if read.ndim == 3 else read.astype(np.int64))
    return (arrays[0], arrays[1], arrays[2], arrays[3])


def _find(folder: Path, file: str) -> Path:
    for path in (folder / f"{file}.gz", folder / file):
        if path.is_file():
            return path
    raise FileNotFoundError(f"{folder}: no {file}.gz and no {file}; the folder must hold {', '.join(FILES)}")


def _download(name: str, file: str, shape: tuple[int, ...], sha256: str) -> NDArray[np.uint8]:
    hint = f"put the four files into $WXB_DATA/{name}"
    return download(name, f"{file}.gz", MIRRORS[name], lambda path: read_idx(path, shape, sha256), hint)
