"""Where the files of a data set are found: in a folder of the user's, or downloaded into their cache."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

FourArrays = tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.uint8], NDArray[np.int64]]
T = TypeVar("T")


def data_folder(name: str, root: str | os.PathLike[str] | None) -> Path | None:
    """Return the folder that must hold the files: `root`, or ``$WXB_DATA/name``; None where they are to be fetched."""
    if root is not None:
        return Path(root)
    data = os.environ.get("WXB_DATA")
    folder = Path(data) / name if data else None
    return folder if folder and folder.is_dir() else None


def download(name: str, file: str, mirrors: Sequence[str], read: Callable[[Path], T], hint: str) -> T:
    """Return ``read(path)`` of a file from the cache of data set `name`, downloaded from the first mirror that works.

    `read` checks the contents, for a downloaded and for a local file alike, and raises ValueError for wrong ones: the
    copy is then thrown away and the next mirror tried. Raises OSError with `hint` where none works.
    """
    try:
        import pooch
    except ImportError as error:
        raise ImportError(f"{name}: downloading needs pooch; pip install 'wxb[data]'") from error
    pooch.get_logger().setLevel("WARNING")
    path = Path(pooch.os_cache("wxb")) / name / file
    fetch = pooch.HTTPDownloader(progressbar=sys.stderr.isatty())
    failures = []
    for mirror in mirrors:
        try:
            pooch.retrieve(f"{mirror}{file}", known_hash=None, fname=file, path=path.parent, downloader=fetch)
            return read(path)
        except (OSError, ValueError) as error:
            path.unlink(missing_ok=True)
            failures.append(f"{mirror}: {error}")
    raise OSError(f"{name}: cannot download {file}; {hint}\n  " + "\n  ".join(failures))
