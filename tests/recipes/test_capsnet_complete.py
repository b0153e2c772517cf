"""The recipes capsnet and complete on a few drawn pictures: what they write, their bits, and bad input."""

from __future__ import annotations

import functools
import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wxb
from wxb.cli import main
from wxb.data import Draws
from wxb.recipes import Options, complete, recipe
from wxb.train import Trainer

pytest.importorskip("matplotlib")


def digits(folder: Any = None) -> tuple[np.ndarray, ...]:
    """Return bars at ten heights with noise, as mnist() returns digits."""
    rng = np.random.default_rng(0)
    y = np.arange(60) % 10
    x = rng.integers(0, 60, (60, 28, 28)).astype(np.uint8)
    for picture, label in zip(x, y):
        picture[4 + 2 * label : 7 + 2 * label, 4:24] += 180
    return x[:40], y[:40], x[40:], y[40:]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("capsnet", "complete"):
        monkeypatch.setattr(importlib.import_module(f"wxb.recipes.{name}"), "mnist", digits)
    small = {"kind": "capsnet", "width": 8, "capsules": 2, "size": 4}
    monkeypatch.setattr("wxb.recipes.capsnet.SMALL", small)


@pytest.mark.parametrize("name", ["capsnet", "complete"])
def test_train_predict_summary(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = pytest.importorskip("PIL.Image")
    out, picture = str(tmp_path / name), str(tmp_path / "digit.png")
    assert main(["train", name, "--epochs", "1", "--batch-size", "20", "--out", out, "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    for headline in ("test_accuracy",) if name == "capsnet" else ("autoencoder_psnr", "autoencoder_accuracy"):
        low, high = result["intervals"][headline]
        assert low <= result[headline] <= high and low < high
    drawn = {p.name for p in Path(out).iterdir()}
    image.fromarray(digits()[2][3]).save(picture)
    assert main(["predict", out, picture, "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    if name == "capsnet":
        assert 0 <= result["shifted_accuracy"] <= 1 and 0 <= result["cnn_affine_accuracy"] <= 1
        assert {"curves.png", "confusion.png", "reconstructions.png", "dimensions_0.png"} <= drawn
        assert row["class"] in "0123456789" and 0 < row["length"] < 1
    else:
        assert {f"{way}_psnr" for way in ("covered", "autoencoder", "vae", "hopfield", "mean")} <= result.keys()
        assert result["mean_psnr"] > result["covered_psnr"] and "completed.png" in drawn
        assert Path(row["restored"]).is_file() and np.isfinite(row["psnr"])
    assert main(["summary", out]) == 0
    assert "Conv2d" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["capsnet", "complete"])
def test_captured_and_eager_agree(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda *_, **__: None)
    hashes, before = [], wxb.num_threads()
    for threads, capture in ((1, True), (2, True), (1, False)):
        module = importlib.import_module(f"wxb.recipes.{name}")
        monkeypatch.setattr(module, "Trainer", functools.partial(Trainer, capture=capture))
        result = recipe(name).train(Options(epochs=3, batch_size=16, seed=3, threads=threads, out=str(tmp_path)))
        hashes.append((result["weights_sha256"], {k: v for k, v in result.items() if k.endswith(("accuracy", "psnr"))}))
    wxb.set_num_threads(before)
    assert hashes[0] == hashes[1] == hashes[2]


@pytest.mark.parametrize(
    "cover, message", [(40, "larger than the picture"), (28, "some must show"), (0, "1 to 27 of 28")]
)
def test_a_cover_that_cannot_be(cover: int, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert main(["train", "complete", "--cover", str(cover), "--out", str(out)]) == 1
    error = capsys.readouterr().err
    assert f"complete: cover is {cover}, wanted 1 to 27 of 28 rows" in error and message in error
    assert not out.exists()


def test_covers_come_from_every_side() -> None:
    known = complete.uncovered(Draws(np.arange(200)), 9)[..., 0]
    assert (known.sum((1, 2)) == 28 * 19).all()
    rows, columns = known[:, :, 14], known[:, 14, :]
    sides = {(r[0], r[-1], c[0], c[-1]) for r, c in zip(rows, columns)}
    assert sides == {(0, 1, 1, 1), (1, 0, 1, 1), (1, 1, 0, 1), (1, 1, 1, 0)}


def test_psnr() -> None:
    whole, known = np.ones((1, 28, 28, 1), np.float32), np.ones((1, 28, 28, 1), np.float32)
    known[:, 14:] = 0
    assert complete.psnr(np.where(known > 0, 5, 0.9), whole, known) == pytest.approx(20, abs=1e-4)
