"""Stanford Sentiment Treebank: 11,855 sentences of film reviews, a sentiment at every node of their parse trees."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from pathlib import Path

from .fetch import data_folder, download
from .trees import Tree, read_trees

__all__ = ["SENTIMENTS", "sst"]

SENTIMENTS = ("very negative", "negative", "neutral", "positive", "very positive")

# Lines and SHA-256 of the uncompressed files. The mirror's train.txt has the dev lines behind the training lines.
FILES = {
    "train": (8544, "e2f3f41b0b1e6d4dddc0effe3bfc2d27ed8928079aa9a03d652311614fc5feb7"),
    "dev": (1101, "0e9336aed6e4730e19f58d00a77b3f0297efdb755f7b5e598c98a05e3f97ea40"),
    "test": (2210, "6e54806dee95cf80cd918e7dfb3f6770f6df24bf826f289a4d1f709e1c8f6761"),
}
MIRRORS = ("https://raw.githubusercontent.com/munikarmanish/RNTN/b83e5173e04237a172007cf1540d45e599490e39/trees/",)
MOST = 1 << 24  # bytes; the largest file has 2.2e6


def sst(root: str | os.PathLike[str] | None = None) -> tuple[list[Tree], list[Tree], list[Tree]]:
    """Return the trees for training, development and test: 8,544, 1,101 and 2,210, labels 0 to 4 (`SENTIMENTS`).

    The files {train,dev,test}.txt, gzipped or not, are read from the folder `root`, else from ``$WXB_DATA/sst``, else
    downloaded once into the user's cache. Every file is checked against its SHA-256. Raises FileNotFoundError for a
    file missing in `root`, ValueError for one that is truncated or another's.
    Socher, Perelygin, Wu, Chuang, Manning, Ng, Potts, "Recursive deep models for semantic compositionality over a
    sentiment treebank", 2013; sentences by Pang, Lee, 2005. Stanford gives it away without stating a licence.
    """
    folder = data_folder("sst", root)
    train, dev, test = (_download(part) if folder is None else _read(_find(folder, part), part) for part in FILES)
    return train, dev, test


def _find(folder: Path, part: str) -> Path:
    for path in (folder / f"{part}.txt.gz", folder / f"{part}.txt"):
        if path.is_file():
            return path
    raise FileNotFoundError(f"{folder}: no {part}.txt.gz and no {part}.txt; the folder must hold train, dev and test")


def _download(part: str) -> list[Tree]:
    hint = "put train.txt, dev.txt and test.txt into $WXB_DATA/sst"
    return download("sst", f"{part}.txt", MIRRORS, lambda path: _read(path, part), hint)


def _read(path: Path, part: str) -> list[Tree]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(MOST)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: not a whole gzip file ({error}); fetch it again") from error
    count, sha256 = FILES[part]
    content = b"".join(content.splitlines(keepends=True)[:count])
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise ValueError(f"{path}: SHA-256 of its first {count} lines is {digest}, wanted {sha256}; another file?")
    return read_trees(content.decode(), str(path))
