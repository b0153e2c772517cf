"""char-lm on a text that can be learnt in seconds: it trains, is saved, writes on and says how well it reads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import wxb
from wxb import models
from wxb.cli import main

pytest.importorskip("matplotlib")

TEXT = "the cat sat on the mat. " * 1000


def test_it_learns_writes_and_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text, run = tmp_path / "text.txt", str(tmp_path / "run")
    text.write_text(TEXT)
    assert main(["train", "char-lm", str(text), "--epochs", "3", "--batch-size", "32", "--out", run, "--json"]) == 0
    printed = capsys.readouterr().out
    result = json.loads(printed.splitlines()[-1])
    assert result["val_loss"] < 0.3 and result["val_perplexity"] == pytest.approx(np.exp(result["val_loss"]), rel=1e-4)
    assert "epoch 3: training" in printed and "perplexity" in printed
    low, high = result["intervals"]["val_loss"]
    last = float((Path(run) / "history.csv").read_text().splitlines()[-1].split(",")[-1])
    assert low <= result["val_loss"] == pytest.approx(last, rel=1e-4) and result["val_loss"] <= high
    assert result["intervals"]["val_perplexity"] == pytest.approx(np.exp([low, high]), rel=1e-4)
    arguments = ["sample", run, "--prompt", "the cat ", "--length", "24", "--temperature", "0.1"]
    texts = []
    for more in ([], ["--seed", "0"], ["--top-k", "1"]):
        assert main(arguments + more) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1] == "the cat sat on the mat. the cat \n"
    assert len(texts[2]) == 33
    assert main(["predict", run, str(text), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["nats"] < 0.3
    assert main(["summary", run]) == 0
    assert "LSTM" in capsys.readouterr().out
    assert main(["sample", run, "--prompt", "Ü"]) == 1
    assert "'Ü' at position 0 is not among" in capsys.readouterr().err


def test_bad_texts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short, binary = tmp_path / "short.txt", tmp_path / "binary.txt"
    short.write_text("too short")
    binary.write_bytes(b"\xff\xfe\x00")
    for file, words in ((short, "the text has 9 characters, wanted more than"), (binary, "is no text in UTF-8")):
        assert main(["train", "char-lm", str(file), "--out", str(tmp_path / "run")]) == 1
        assert words in capsys.readouterr().err


def test_the_network_wants_codes() -> None:
    network = models.build({"kind": "char_rnn", "vocabulary": 5, "hidden": 8, "cell": "gru", "layers": 2})
    with pytest.raises(ValueError, match="it must be codes"):
        network(wxb.tensor(np.zeros((2, 3))))
    with pytest.raises(IndexError, match="out of range"):
        network(wxb.tensor(np.full((2, 3), 5)))
    with pytest.raises(ValueError, match="cell is 'mlp'"):
        models.char_rnn(5, cell="mlp")
