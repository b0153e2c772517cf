"""Text as characters: a vocabulary, tiny Shakespeare, and batches that continue each other."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .dataset import Arrays
from .fetch import data_folder, download

__all__ = ["Characters", "ContinuedText", "tiny_shakespeare"]

Codes = NDArray[np.int64]

SHAKESPEARE = "input.txt"
SHAKESPEARE_SHA256 = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
MIRRORS = (
    "https://raw.githubusercontent.com/karpathy/char-rnn/6f9487a/data/tinyshakespeare/",
    "https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/",
)


def tiny_shakespeare(root: str | os.PathLike[str] | None = None) -> str:
    """Return tiny Shakespeare: 40,000 lines of his plays, 1,115,394 characters of which 65 differ.

    input.txt is read from the folder `root`, else from ``$WXB_DATA/tinyshakespeare``, else downloaded once (1 MB) into
    the user's cache, and checked by SHA-256. Raises FileNotFoundError, or ValueError for another file. The selection is
    Karpathy's, "The unreasonable effectiveness of recurrent neural networks", 2015.
    """
    folder = data_folder("tinyshakespeare", root)
    if folder is None:
        hint = f"put {SHAKESPEARE} into $WXB_DATA/tinyshakespeare"
        return download("tinyshakespeare", SHAKESPEARE, MIRRORS, _read, hint)
    if not (folder / SHAKESPEARE).is_file():
        raise FileNotFoundError(f"{folder}: no {SHAKESPEARE}; leave the folder out to download it")
    return _read(folder / SHAKESPEARE)


def _read(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(2 << 20)  # a wrong file cannot fill the memory
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHAKESPEARE_SHA256:
        raise ValueError(f"{path}: SHA-256 is {digest}, wanted {SHAKESPEARE_SHA256}; truncated, or another file")
    return content.decode("ascii")


class Characters:
    """A vocabulary of characters: ``codes = characters.encode(text)``, ``text = characters.decode(codes)``.

    Code i stands for ``characters.symbols[i]``; the symbols are those that occur in `text`, in the order of Unicode.
    """

    def __init__(self, text: Iterable[str]) -> None:
        self.symbols = "".join(sorted(set(text)))
        if not self.symbols:
            raise ValueError("Characters: the text is empty, wanted at least one character")
        self._codes = {symbol: code for code, symbol in enumerate(self.symbols)}

    def __len__(self) -> int:
        return len(self.symbols)

    def encode(self, text: str) -> Codes:
        """Return the codes of a text, (length,) int64. ValueError names the first character that is not known."""
        try:
            return np.array([self._codes[symbol] for symbol in text], np.int64)
        except KeyError as error:
            at, symbol = text.index(error.args[0]), error.args[0]
            raise ValueError(
                f"Characters: {symbol!r} at position {at} is not among the {len(self)} characters of the vocabulary, "
                f"{self.symbols!r}"
            ) from None

    def decode(self, codes: ArrayLike) -> str:
        """Return the text of codes (length,). IndexError for one that stands for nothing."""
        given = np.asarray(codes)
        for code in given.reshape(-1):
            if not 0 <= code < len(self):
                raise IndexError(f"Characters: code {code} stands for nothing, wanted 0 to {len(self) - 1}")
        return "".join(self.symbols[code] for code in given.reshape(-1))


class ContinuedText:
    """Codes cut into rows so that each row of a batch goes on where the same row of the batch before ended.

    For a ``Loader`` with this batch_size and without shuffling, and a network that carries its state. The codes are cut
    into `batch_size` stretches of equal length, each into windows of `steps`; a row is (window, the same one code
    later), both (steps,) int64. What is left over at the end is not used. Raises ValueError where no window fits.
    """

    def __init__(self, codes: ArrayLike, batch_size: int, steps: int) -> None:
        self.codes = np.asarray(codes, np.int64)
        if self.codes.ndim != 1:
            raise ValueError(f"ContinuedText: codes have shape {self.codes.shape}, wanted (length,)")
        if batch_size < 1 or steps < 1:
            raise ValueError(f"ContinuedText: batch_size is {batch_size} and steps {steps}, wanted at least 1")
        self.batch_size, self.steps = batch_size, steps
        self._stretch = (len(self.codes) - 1) // batch_size
        if self._stretch < steps:
            raise ValueError(
                f"ContinuedText: {len(self.codes)} codes make no {batch_size} stretches of {steps} steps and one more; "
                "take a smaller batch_size or fewer steps"
            )

    def __len__(self) -> int:
        return self._stretch // self.steps * self.batch_size

    def __getitem__(self, index: Any) -> Arrays:
        rows = np.asarray(index)
        if rows.size and (rows.min() < 0 or rows.max() >= len(self)):
            raise IndexError(f"ContinuedText: rows {rows.min()} to {rows.max()} asked, there are {len(self)}")
        window, stretch = np.divmod(rows, self.batch_size)
        at = (stretch * self._stretch + window * self.steps)[..., None] + np.arange(self.steps)
        return self.codes[at], self.codes[at + 1]
