"""Byte-pair encoding: text as numbers and back, by the library tokenizers."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["BPE"]


def _library() -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise ImportError("bpe: encoding text needs tokenizers; pip install 'wxb[text]'") from error
    return tokenizers


class BPE:
    """A vocabulary of pieces of words that leaves no text out: its smallest pieces are bytes.

    Sennrich, Haddow, Birch 2016, arXiv:1508.07909. The tokens 0, 1, 2 are padding, start and end.
    """

    pad, start, end = 0, 1, 2

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    @classmethod
    def learnt(cls, texts: Iterable[str], size: int) -> BPE:
        """Learn at most ``size`` tokens from texts. Raises ``ValueError`` below 259, the bytes and the first three."""
        if size < 259:
            raise ValueError(f"bpe: size is {size}, it must be at least 259: 256 bytes, padding, start and end")
        lib = _library()
        tokenizer = lib.Tokenizer(lib.models.BPE())
        tokenizer.normalizer = lib.normalizers.NFC()
        tokenizer.pre_tokenizer = lib.pre_tokenizers.ByteLevel(add_prefix_space=True)
        tokenizer.decoder = lib.decoders.ByteLevel()
        trainer = lib.trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=["<pad>", "<s>", "</s>"],
            initial_alphabet=sorted(lib.pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        tokenizer.train_from_iterator(list(texts), trainer)
        return cls(tokenizer)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> BPE:
        """Read what ``save`` wrote. Raises ``ValueError`` for another file."""
        lib = _library()
        with open(path, encoding="utf-8") as file:
            text = file.read()
        try:
            return cls(lib.Tokenizer.from_str(text))
        except Exception as error:  # the library raises no other
            raise ValueError(f"bpe: {os.fspath(path)} is no vocabulary ({error})") from None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the vocabulary as JSON, in the library's format."""
        self._tokenizer.save(os.fspath(path))

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the tokens of each text, without start and end."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts), add_special_tokens=False)]

    def decode(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens; padding, start and end are left out."""
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=True)).strip()

    def pieces(self, tokens: Sequence[int]) -> list[str]:
        """Return the text of each token by itself, for pictures."""
        return [self._tokenizer.decode([token], skip_special_tokens=False).strip() for token in tokens]

    def __len__(self) -> int:
        return int(self._tokenizer.get_vocab_size())
