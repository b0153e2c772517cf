"""wxb train RECIPE --folds K, and what every result says of how sure its figures are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from wxb.cli import main
from wxb.recipes import RECIPES, Options, SavedRun, recipe
from wxb.recipes.unseen import ask, parts
from wxb.train import proportion

pytest.importorskip("matplotlib")


def run(capsys, *arguments) -> tuple[int, str, str]:
    status = main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture
def table(tmp_path):
    """A table of a number with a gap, a text and two things to learn: a kind and a price."""
    pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    lines = ["size,colour,kind,price"]
    for i in range(120):
        big = i % 2
        size = "" if i % 17 == 0 else f"{1 + 2 * big + rng.normal(0, 0.2):.3f}"
        lines.append(f"{size},{rng.choice(['red', 'blue'])},{'pear' if big else 'plum'},{3 * big + rng.normal():.3f}")
    file = tmp_path / "fruit.csv"
    file.write_text("\n".join(lines))
    return file


@pytest.fixture
def pictures(tmp_path):
    image, rng = pytest.importorskip("PIL.Image"), np.random.default_rng(0)
    for name in ("light", "dark"):
        (tmp_path / "pictures" / name).mkdir(parents=True)
        for i in range(9):
            pixels = rng.integers(0, 120, (16, 16, 3)) + (120 if name == "light" else 0)
            image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "pictures" / name / f"{i}.png")
    return tmp_path / "pictures"


def arguments(name: str, request: pytest.FixtureRequest) -> list[object]:
    if name.startswith("csv"):
        return ["csv", request.getfixturevalue("table"), "--target", name.removeprefix("csv-")]
    return [name, *(["--data", request.getfixturevalue("pictures")] if name == "images" else [])]


@pytest.mark.parametrize("name", ["digits", "diabetes", "breast-cancer", "csv-kind", "csv-price", "images"])
def test_folds(capsys, tmp_path, request, name):
    given, out = arguments(name, request), tmp_path / "run"
    status, text, err = run(capsys, "train", *given, "--folds", 3, "--epochs", 2, "--out", out, "--json")
    assert status == 0, err
    result = json.loads(text.splitlines()[-1])
    measured = "cv_accuracy" if name not in ("diabetes", "csv-price") else "cv_rmse"
    low, high = result["intervals"][measured]
    assert low <= result[measured] <= high and low < high and result[f"{measured}_sd"] >= 0
    assert not any(key.startswith("test_") for key in result)
    assert f"{result[measured]}  95 %: {low:.6g} to {high:.6g}\n" in text
    drawn = {p.name for p in out.iterdir()}
    assert {"weights.safetensors", "history.csv", "curves.png"} <= drawn
    assert ("reliability.png" in drawn) is ("cv_ece" in result) is (measured == "cv_accuracy")
    header = (out / "history.csv").read_text().splitlines()[0]
    assert "val_loss" in header and "gap" in header
    assert result["fit"].split(":")[0] in ("overfitting", "underfitting", "unstable", "balanced")
    SavedRun(out)
    first = result["weights_sha256"]
    _, text, _ = run(capsys, "train", *given, "--folds", 3, "--epochs", 2, "--out", out, "--json")
    assert json.loads(text.splitlines()[-1])["weights_sha256"] == first


def test_the_network_of_folds_is_trained_on_all(tmp_path):
    result = recipe("digits").train(Options(epochs=1, folds=2, out=str(tmp_path)))
    assert result["steps"] == -(-1797 // 32)
    low, high = result["intervals"]["cv_accuracy"]
    exact = proportion(round(result["cv_accuracy"] * 1797), 1797)
    assert (low, high) == pytest.approx((exact.low, exact.high), abs=1e-6)


def test_a_single_part_is_a_test(capsys, tmp_path, table):
    status, text, err = run(capsys, "train", "csv", table, "--target", "kind", "--epochs", 5, "--out", tmp_path / "r")
    assert status == 0 and "test_accuracy" in text and " 95 %: " in text and "cv_" not in text, err
    assert "intervals" not in text and "\nfit " in text


@pytest.mark.parametrize("name", [name for name in RECIPES if name not in ("csv", "images")])
def test_who_takes_no_folds_says_so(capsys, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    if name in ("digits", "diabetes", "breast-cancer"):
        status, _, err = run(capsys, "train", name, "--folds", 1)
        assert "train: folds is 1, it must be at least 2" in err
        status, _, err = run(capsys, "train", name, "--folds", 2000, "--epochs", 0)
        assert "wanted 2 to" in err or "take fewer folds" in err
    else:
        status, _, err = run(capsys, "train", name, "--folds", 5)
        assert "train: this recipe takes no --folds" in err
    assert status == 1 and err.count("\n") == 1 and not Path("runs").exists()


@pytest.mark.parametrize(
    "folds, message",
    [
        (1, "train: folds is 1, it must be at least 2"),
        (0, "train: folds is 0, it must be at least 2"),
        (61, "kfold: class pear has 60 rows, wanted at least 61; take fewer folds"),
        (121, "kfold: 121 folds of 120 rows, wanted 2 to 120 folds"),
    ],
)
def test_folds_of_a_table_that_cannot_be(capsys, tmp_path, table, folds, message):
    out = tmp_path / "run"
    status, _, err = run(capsys, "train", "csv", table, "--target", "kind", "--folds", folds, "--out", out)
    assert status == 1 and message in err and err.count("\n") == 1 and not out.exists()


@pytest.mark.parametrize(
    "folds, message", [(10, "kfold: class dark has 9 rows"), (0, "kfold: 0 folds of 18 rows"), (1, "kfold: 1 folds")]
)
def test_folds_of_pictures_that_cannot_be(capsys, tmp_path, pictures, folds, message):
    out = tmp_path / "run"
    status, _, err = run(capsys, "train", "images", "--data", pictures, "--folds", folds, "--out", out)
    assert status == 1 and message in err and err.count("\n") == 1 and not out.exists()


def test_a_fold_knows_nothing_of_what_it_holds_out(tmp_path, table, monkeypatch):
    """The encoder too is fitted to each fold's training rows alone."""
    from wxb.data import TableEncoder

    fitted, fit = [], TableEncoder.fit.__func__
    monkeypatch.setattr(TableEncoder, "fit", classmethod(lambda *a: fitted.append(len(a[1])) or fit(*a)))
    recipe("csv").train(Options(epochs=1, folds=4, file=str(table), target="price", out=str(tmp_path / "r")))
    assert fitted == [90, 90, 90, 90, 120]


def test_parts_and_ask():
    assert [len(test) for _, test in parts(Options(folds=3), 10)] == [4, 3, 3]
    ((training, test),) = parts(Options(), 10)
    assert len(training) == 8 and len(test) == 2
    with pytest.raises(ValueError, match="cross_validate: there are no folds"):
        ask(lambda *_: None, [], 5)
