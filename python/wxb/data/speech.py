"""Spoken words: the Free Spoken Digit Dataset, recordings as pictures of one size, and changes of such pictures."""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .audio import Samples, log_mel, loudest, read_wav
from .dataset import Arrays, Indices
from .draws import Draws
from .fetch import data_folder, download

__all__ = ["DIGITS", "SPEAKERS", "Recordings", "SpecAugment", "fsdd", "spectrogram"]

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")

RATE = 8000  # Hz
FILES = 3000
ARCHIVE = "recordings.zip"
# Of names and contents of the wav files, in the order of their names: archives of the same files differ.
SHA256 = "45a9b976ba3397a2fd5c70a9f2e43c34f442a3a6be47392ecfc41174b678f37e"
REPOSITORY = "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs"
# What follows the "#" is the name in the cache; the server does not see it.
MIRRORS = (f"{REPOSITORY}/tags/v1.0.10.zip#", f"{REPOSITORY}/heads/master.zip#")
_NAME = re.compile(r"(?:.*/)?(\d)_([a-z]+)_(\d+)\.wav")


@dataclass(frozen=True, eq=False, repr=False)
class Recordings:
    """Spoken digits: samples at 8000 Hz of each, digits (N,), speakers (N,) numbers of `SPEAKERS`, takes (N,)."""

    samples: tuple[Samples, ...]
    digits: Indices
    speakers: Indices
    takes: Indices

    def __len__(self) -> int:
        return len(self.samples)

    def __repr__(self) -> str:
        return f"Recordings({len(self)} of {len(np.unique(self.speakers))} speakers)"

    @property
    def is_test(self) -> NDArray[np.bool_]:
        """Which are for the test by the official split: takes 0 to 4."""
        return self.takes < 5


def fsdd(root: str | os.PathLike[str] | None = None) -> Recordings:
    """Return the Free Spoken Digit Dataset: 3,000 recordings, ten digits by six speakers, fifty takes of each.

    recordings.zip, of the 3,000 wav files, is read from the folder `root`, else from ``$WXB_DATA/fsdd``, else
    downloaded once into the user's cache. Names and contents are checked against their SHA-256. Raises
    FileNotFoundError where `root` has no such file, ValueError for one that is broken or another's.
    Jackson et al., CC BY-SA 4.0, https://github.com/Jakobovski/free-spoken-digit-dataset.
    """
    folder = data_folder("fsdd", root)
    if folder is None:
        return download("fsdd", ARCHIVE, MIRRORS, read_recordings, f"put {ARCHIVE} into $WXB_DATA/fsdd")
    if not (folder / ARCHIVE).is_file():
        raise FileNotFoundError(f"{folder}: no {ARCHIVE}")
    return read_recordings(folder / ARCHIVE)


def read_recordings(path: Path) -> Recordings:
    """Read a zip of the wav files, at its top or in a folder; ValueError names it unless it holds just the 3,000."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if _NAME.fullmatch(info.filename)]
            if len(members) != FILES or sum(info.file_size for info in members) > 1 << 28:
                raise ValueError(f"{path}: holds {len(members)} recordings, wanted {FILES}; another archive?")
            found = {Path(info.filename).name: archive.read(info) for info in members}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise ValueError(f"{path}: not a whole zip file ({error}); fetch it again") from error
    digest, rows = hashlib.sha256(), []
    for name in sorted(found):
        digest.update(name.encode() + found[name])
        match = _NAME.fullmatch(name)
        assert match is not None
        rows.append((int(match[1]), match[2], int(match[3])))
    if digest.hexdigest() != SHA256:
        raise ValueError(f"{path}: SHA-256 of the recordings is {digest.hexdigest()}, wanted {SHA256}; another set's?")
    digits, names, takes = zip(*rows)
    samples = tuple(read_wav(found[name])[0] for name in sorted(found))
    speakers = np.array([SPEAKERS.index(name) for name in names], np.int64)
    return Recordings(samples, np.array(digits, np.int64), speakers, np.array(takes, np.int64))


def spectrogram(samples: ArrayLike, seconds: float = 1.0, rate: int = RATE) -> Samples:
    """Return the loudest ``seconds`` of samples (N,) as log-mel bands, (frames, 40) float32, of mean 0 and deviation 1.

    What is quieter than the loudest band by more than 80 dB counts as 80 dB quieter. So neither the level of a
    recording nor silence around it matters. One second has 98 frames.
    """
    part = loudest(samples, round(seconds * rate))
    mel = log_mel(part / max(float(np.abs(part).max()), 1e-30), rate)
    mel = np.maximum(mel, mel.max() - np.float32(80 * np.log(10) / 10))
    normal: Samples = (mel - mel.mean()) / np.float32(max(float(mel.std()), 1e-3))
    return normal


class SpecAugment:
    """Hide bands and stretches of time of spectrograms (N, frames, bands): they become 0, the mean.

    Park et al. 2019, arXiv:1904.08779, without warping: ``bands`` and ``frames`` are the most that one stripe hides,
    its width and place are uniform; ``stripes`` of each kind. What is drawn depends on (seed, epoch, row) only.
    """

    def __init__(self, bands: int = 8, frames: int = 15, stripes: int = 1) -> None:
        for name, value in {"bands": bands, "frames": frames, "stripes": stripes}.items():
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise ValueError(f"SpecAugment: {name} is {value!r}, wanted a whole number, not negative")
        self.widths, self.stripes = (frames, bands), stripes

    def __call__(self, batch: Arrays, draws: Draws) -> Arrays:
        """Return the batch with stripes hidden in its first array; ValueError unless that is (N, frames, bands)."""
        x = batch[0]
        if x.ndim != 3 or len(x) != len(draws.rows):
            raise ValueError(f"SpecAugment: x has shape {x.shape}, wanted ({len(draws.rows)}, frames, bands)")
        x = x.copy()
        for axis, most in enumerate(self.widths, 1):
            size = x.shape[axis]
            for _ in range(self.stripes):
                widths = draws.integers(0, min(most, size))
                starts = np.floor(draws.uniform() * (size - widths + 1)).astype(np.int64)
                place = np.arange(size)
                hidden = (place >= starts) & (place < starts + widths)
                x[np.broadcast_to(np.expand_dims(hidden, 3 - axis), x.shape)] = 0
        return (x, *batch[1:])
