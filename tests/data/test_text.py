"""Characters, continued batches, tiny Shakespeare."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from wxb.data import Characters, ContinuedText, Loader, tiny_shakespeare


def test_characters_there_and_back() -> None:
    characters = Characters("hello wörld\n")
    assert characters.symbols == "\n dehlorwö" and len(characters) == 10
    assert characters.decode(characters.encode("wörld")) == "wörld"
    assert characters.encode("").shape == (0,)
    with pytest.raises(ValueError, match="'z' at position 2 is not among the 10 characters"):
        characters.encode("hezlo")
    with pytest.raises(IndexError, match="code 10 stands for nothing, wanted 0 to 9"):
        characters.decode([0, 10])
    with pytest.raises(ValueError, match="the text is empty"):
        Characters("")


def test_rows_go_on_where_the_batch_before_ended() -> None:
    codes = np.arange(103)
    loader = Loader(ContinuedText(codes, 4, 8), 4)
    batches = list(loader)
    assert len(batches) == 3  # stretches of 25
    for row in range(4):
        x, y = (np.concatenate([batch[i][row] for batch in batches]) for i in (0, 1))
        assert np.array_equal(x, 25 * row + np.arange(24)) and np.array_equal(y, x + 1)
    with pytest.raises(ValueError, match="103 codes make no 4 stretches of 26 steps"):
        ContinuedText(codes, 4, 26)
    with pytest.raises(ValueError, match="batch_size is 0"):
        ContinuedText(codes, 0, 3)
    with pytest.raises(IndexError, match="there are 12"):
        ContinuedText(codes, 4, 8)[[12]]


def test_tiny_shakespeare(data_folder: Path, tmp_path: Path) -> None:
    text = tiny_shakespeare(data_folder / "tinyshakespeare")
    assert len(text) == 1115394 and len(Characters(text)) == 65 and text.startswith("First Citizen:")
    with pytest.raises(FileNotFoundError, match=r"no input\.txt"):
        tiny_shakespeare(tmp_path)
    (tmp_path / "input.txt").write_text(text[:-1])
    with pytest.raises(ValueError, match="truncated, or another file"):
        tiny_shakespeare(tmp_path)
