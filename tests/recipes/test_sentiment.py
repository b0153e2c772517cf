"""The recipe sentiment on a small treebank, as its user meets it."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator

import numpy as np
import pytest
import wxb
from wxb import data
from wxb.cli import main
from wxb.data import Tree, parse_tree
from wxb.recipes import sentiment
from wxb.train import Trainer

pytest.importorskip("matplotlib")
WORDS = {"good": 4, "fine": 3, "bad": 0, "dull": 1, "film": 2, "the": 2}


def run(capsys, *arguments) -> tuple[int, str, str]:
    status = main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def sentences(seed: int, count: int) -> Iterator[Tree]:
    """Trees of three words whose root says what their one telling word says."""
    rng, names = np.random.default_rng(seed), list(WORDS)
    for _ in range(count):
        word = names[rng.integers(4)]
        yield parse_tree(f"({WORDS[word]} ({WORDS[word]} (2 the) ({WORDS[word]} {word})) (2 film))")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    parts = tuple(list(sentences(seed, count)) for seed, count in ((0, 300), (1, 60), (2, 60)))
    monkeypatch.setattr(data, "sst", lambda root=None: parts)


@pytest.mark.parametrize(("task", "classes"), [((), 5), (("--binary",), 2)])
def test_train_and_predict(capsys, tmp_path, task, classes):
    out = tmp_path / "run"
    arguments = ("--epochs", 6, "--lr", 0.01, "--batch-size", 10, "--out", out, "--json")
    status, text, err = run(capsys, "train", "sentiment", *arguments, *task)
    assert status == 0, err
    result = json.loads(text.splitlines()[-1])
    assert result["test_root_accuracy"] == result["dev_root_accuracy"] == 1
    low, high = result["intervals"]["test_root_accuracy"]
    assert 0.5 < low < high == 1 and result["test_root_ece"] < 0.5
    assert {"weights.safetensors", "config.json", "history.csv", "curves.png", "confusion.png"} <= {
        p.name for p in out.iterdir()
    }
    sentence = tmp_path / "sentences.txt"
    sentence.write_text("the bad film\n\n(2 (2 the) (2 good))\n")
    status, text, _ = run(capsys, "predict", out, sentence, "the good film", "--json")
    rows = json.loads(text)
    assert status == 0 and [row["sentence"] for row in rows] == ["the bad film", "the good", "the good film"]
    wanted = ["very negative", "very positive", "very positive"] if classes == 5 else ["negative", *["positive"] * 2]
    assert [row["class"] for row in rows] == wanted
    lines = rows[1]["tree"].strip("\n").split("\n")
    assert [line.split()[-1] for line in lines] == ["good", "the", "good"] and lines[0].startswith(wanted[1])
    status, text, _ = run(capsys, "summary", out)
    assert status == 0 and "TreeLSTM(128, 128)" in text


def test_captured_and_eager_agree_on_any_number_of_threads(capsys, tmp_path, monkeypatch):
    hashes, before = set(), wxb.num_threads()
    for threads, capture in ((1, True), (2, True), (1, False)):
        monkeypatch.setattr(sentiment, "Trainer", functools.partial(Trainer, capture=capture))
        arguments = ("--epochs", 1, "--batch-size", 20, "--threads", threads, "--out", tmp_path, "--json")
        _, text, _ = run(capsys, "train", "sentiment", *arguments)
        hashes.add(json.loads(text.splitlines()[-1])["weights_sha256"])
    wxb.set_num_threads(before)
    assert len(hashes) == 1


def test_no_sentence_no_tree(capsys, tmp_path):
    out = tmp_path / "run"
    run(capsys, "train", "sentiment", "--epochs", 0, "--out", out)
    (tmp_path / "broken.txt").write_text("the film\n(2 (2 the) (2 film)\n")
    for given, message in (
        (tmp_path / "broken.txt", "broken.txt, line 2, column 20: the '(' of column 1 is never closed"),
        ("", "sentiment: the sentence is empty"),
        ("(7 the)", "column 2: the label is '7'"),
    ):
        status, _, err = run(capsys, "predict", out, given)
        assert status == 1 and message in err and err.count("\n") == 1


def test_a_word_never_seen_and_a_long_sentence(capsys, tmp_path):
    out = tmp_path / "run"
    run(capsys, "train", "sentiment", "--epochs", 1, "--out", out)
    status, text, _ = run(capsys, "predict", out, "zyx " * 300, "--json")
    assert status == 0 and 0.2 <= json.loads(text)[0]["probability"] <= 1
