"""Multi30k: 31,014 captions of pictures in English, German and French."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

from .fetch import data_folder, download

__all__ = ["Multi30k", "multi30k"]

# SHA-256 of the uncompressed files.
SHA256 = {
    "train.en": "460a15fbd157e34a7a9957ee388c1ca247fe47af3ef25fb50442af6c274e0fc6",
    "val.en": "1f2a23d992769b5b3d209b0a10dd0b77c08cceb1f20dfb97ed0aafa49d107227",
    "test_2016_flickr.en": "399a4382932c1aadd3ceb9bef1008d388a64c76d4ae4e9d4728c6f4301cac182",
    "train.de": "2c2b73fd2b548fbcde3a875e0a78d6ee94d498bfdee6bd3eae3945779e9ddf72",
    "val.de": "660e09eb7e1da2f856ea13ee5ad3cf6d36b3d5b0b733c857e94c5747a3dfc660",
    "test_2016_flickr.de": "4be6b5b3236b79c25475c6bb829800a7ce559e9ba7a1f6c2394fe4d40be46d16",
    "train.fr": "5925a3c18f1587b6b54b87743106e6e8ab93618edb6f65d19eac0621f853a10d",
    "val.fr": "5304e444d842e962b2dda4d816b70b22a1765b15401642b7ca37a67477e708dc",
    "test_2016_flickr.fr": "cb3160d69b002bb638e66cc7612fcd56cb0af82eadc9c142dedc438afb885ef6",
}
MIRRORS = ("https://raw.githubusercontent.com/multi30k/dataset/master/data/task1/raw/",)
LONGEST = 1 << 24  # bytes: no file is a sixth of it

Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Multi30k:
    """Pairs of a sentence and its translation: ``train`` (29,000), ``val`` (1,014), ``test`` (1,000, Flickr 2016)."""

    train: Pairs
    val: Pairs
    test: Pairs


def multi30k(source: str = "en", target: str = "de", root: str | os.PathLike[str] | None = None) -> Multi30k:
    """Return Multi30k's sentences in two of the languages en, de, fr, as they were written.

    The files train.en.gz ... are read from the folder `root`, else from ``$WXB_DATA/multi30k``, else downloaded once
    (0.6 MB a language) into the user's cache. Every file is checked against its SHA-256. The pictures' licence asks
    for non-commercial research and education. Raises FileNotFoundError for a file missing in `root`, ValueError for
    one that is truncated or another's.
    Elliott, Frank, Sima'an, Specia, "Multi30K: Multilingual English-German Image Descriptions", 2016, arXiv:1605.00459.
    """
    languages = sorted({name.rpartition(".")[2] for name in SHA256})
    if source == target or {source, target} - set(languages):
        raise ValueError(
            f"multi30k: languages are {source!r} and {target!r}, they must be two of {', '.join(languages)}"
        )
    folder = data_folder("multi30k", root)
    parts = ("train", "val", "test_2016_flickr")
    sides = [[_lines(f"{part}.{language}", folder) for part in parts] for language in (source, target)]
    return Multi30k(*(list(zip(s, t, strict=True)) for s, t in zip(*sides)))


def _lines(name: str, folder: Path | None) -> list[str]:
    if folder is None:
        hint = "put its gz files into $WXB_DATA/multi30k"
        return download("multi30k", f"{name}.gz", MIRRORS, lambda path: _read(path, name), hint)
    for path in (folder / f"{name}.gz", folder / name):
        if path.is_file():
            return _read(path, name)
    raise FileNotFoundError(f"{folder}: no {name}.gz and no {name}; the folder must hold train, val and test files")


def _read(path: Path, name: str) -> list[str]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(LONGEST)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: not a whole gzip file ({error}); fetch it again") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256[name]:
        raise ValueError(f"{path}: SHA-256 of the contents is {digest}, wanted {SHA256[name]}; another file?")
    return content.decode("utf-8").splitlines()
