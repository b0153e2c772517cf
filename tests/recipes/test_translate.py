"""The recipe translate on a language of twelve words, as a user meets it."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wxb
from wxb import models
from wxb.cli import main
from wxb.data.multi30k import Multi30k

for needed in ("tokenizers", "sacrebleu", "matplotlib"):
    pytest.importorskip(needed)
recipe = importlib.import_module("wxb.recipes.translate")

WORDS = {"a": "ein", "dog": "Hund", "cat": "Ast", "runs": "läuft", "sits": "sitzt", "red": "rot", "and": "und"}


def pairs(count: int, seed: int) -> list[tuple[str, str]]:
    rng, words = np.random.default_rng(seed), list(WORDS)
    drawn = [[words[i] for i in rng.integers(0, len(words), rng.integers(1, 5))] for _ in range(count)]
    return [(" ".join(s), " ".join(WORDS[w] for w in s)) for s in drawn]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "translate"
    patch = pytest.MonkeyPatch()
    patch.setattr(recipe, "multi30k", lambda *_: Multi30k(pairs(600, 0), pairs(24, 1), pairs(24, 2)))
    patch.setattr(recipe, "VOCABULARY", 300)
    small = {"width": 32, "heads": 2, "layers": 1, "hidden": 64}
    build = models.build
    patch.setattr(models, "build", lambda description: build(description | small | {"dropout": 0.0}))
    arguments = ["--epochs", "16", "--lr", "1e-2", "--batch-size", "256", "--out", str(folder), "--json"]
    status = main(["train", "translate", *arguments])
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["model"] |= small
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    patch.undo()
    assert status == 0
    return folder


def test_it_learns_to_translate(run: Path) -> None:
    result = json.loads((run / "config.json").read_text(encoding="utf-8"))["result"]
    assert result["test_bleu"] > 80 and result["val_perplexity"] < 2
    low, high = result["intervals"]["test_bleu"]
    assert low <= result["test_bleu"] <= high
    drawn = {path.name for path in run.iterdir()}
    assert drawn >= {"attention.png", "curves.png", "history.csv", "test.tsv", "vocabulary.json", "weights.safetensors"}
    lines = (run / "test.tsv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "source\ttarget\ttranslation" and len(lines) == 25


def test_sentences_are_translated(run: Path, capsys: Any, tmp_path: Path) -> None:
    assert main(["translate", str(run), "a dog runs", "red cat"]) == 0
    assert capsys.readouterr().out == "ein Hund läuft\nrot Ast\n"
    assert main(["translate", str(run), "a dog", "--n-best", "7", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 7 and rows[0]["translation"] == "ein Hund"
    scores = [row["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    text = tmp_path / "lines.txt"
    text.write_text("a cat\nred dog and red cat\n", encoding="utf-8")
    assert main(["predict", str(run), str(text)]) == 0
    assert "ein Ast" in capsys.readouterr().out


def test_bad_sentences_are_named(run: Path, capsys: Any) -> None:
    for sentence, words in [("", "'' has 0 tokens, wanted 1 to 255"), ("dog " * 400, "tokens, wanted 1 to 255")]:
        assert main(["translate", str(run), sentence]) == 1
        assert words in capsys.readouterr().err
    assert main(["train", "translate", "--languages", "en-xx"]) == 1
    assert "they must be two of de, en, fr" in capsys.readouterr().err


def test_one_step_at_a_time_gives_what_training_sees() -> None:
    model = models.translator(vocabulary=20, width=16, heads=2, layers=2, hidden=32).eval()
    rng = np.random.default_rng(0)
    x = rng.integers(3, 20, (3, 2, 7))
    x[1, 0, 4:] = x[2, 0, 1:] = 0
    whole = model(wxb.tensor(x)).numpy()
    step, state = model.stepper(wxb.tensor(x[:, 0])), None
    for t in range(7):
        logits, state = step(wxb.tensor(x[:, 1, t]), state)
        np.testing.assert_allclose(logits.numpy(), whole[:, t], rtol=1e-3, atol=1e-5)
    weights = model.attention(wxb.tensor(x)).numpy()
    np.testing.assert_allclose(weights.sum(-1), 1, rtol=1e-5)
    assert (weights[1, :, 4:] == 0).all() and (weights[2, :, 1:] == 0).all()


def test_tokens_outside_the_vocabulary_are_refused() -> None:
    model = models.translator(vocabulary=20, width=16, heads=2, layers=1, hidden=32)
    for bad in (20, -1):
        x = np.full((1, 2, 3), 5)
        x[0, 1, 1] = bad
        with pytest.raises(IndexError):
            model(wxb.tensor(x))
    with pytest.raises(ValueError, match="the sequence ends at 300, max_len is 256"):
        model(wxb.tensor(np.full((1, 2, 300), 5)))


def test_bleu_has_the_interval_of_sacrebleus_own_bootstrap() -> None:
    from sacrebleu.metrics.bleu import BLEU

    references, rng = pairs(200, 3), np.random.default_rng(0)
    said = [" ".join(w for w in target.split() if rng.random() < 0.9) for _, target in references]
    estimate, _ = recipe._bleu()(said, references)
    theirs = BLEU().corpus_score(said, [[target for _, target in references]], n_bootstrap=1000)
    assert estimate.value == pytest.approx(theirs.score)
    assert (estimate.high - estimate.low) / 2 == pytest.approx(theirs._ci, rel=0.15)
