"""The recipe gan on a few drawn pictures: what it writes, what wxb sample makes of it, its bits, and bad input."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wxb
from wxb.cli import main
from wxb.recipes import Options, gan
from wxb.train import AdversarialTrainer

pytest.importorskip("matplotlib")
image = pytest.importorskip("PIL.Image")


def bars(folder: Any = None) -> tuple[np.ndarray, ...]:
    """Return bars at ten heights with noise, as mnist() returns digits."""
    rng = np.random.default_rng(0)
    y = np.arange(160) % 10
    x = rng.integers(0, 60, (160, 28, 28)).astype(np.uint8)
    for picture, label in zip(x, y):
        picture[4 + 2 * label : 7 + 2 * label, 4:24] += 180
    return x[:120], y[:120], x[120:], y[120:]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wxb.data.mnist", bars)
    monkeypatch.setattr("wxb.data.fashion_mnist", bars)


@pytest.mark.parametrize("more", [[], ["--no-conditional", "--no-hinge"]])
def test_train_sample_summary(more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    classes = not more
    out = str(tmp_path / "run")
    train = ["train", "gan", "fashion-mnist", "--epochs", "2", "--batch-size", "40", "--out", out, "--json", *more]
    assert main(train) == 0
    printed = capsys.readouterr().out
    result = json.loads(printed.splitlines()[-1])
    assert "epoch 2: discriminator" in printed and "Fréchet distance" in printed
    assert result["steps"] == 6 and result["frechet"] > result["frechet_of_real"] >= 0 and result["nearness"] > 0
    assert 0 <= result["smallest_class"] <= 1 and 0 <= result["class_evenness"] <= 1
    assert ("asked_class" in result) == classes
    stored = json.loads((tmp_path / "run" / "config.json").read_text())["options"]
    assert stored["conditional"] == stored["hinge"] == classes
    drawn = {"curves.png", "samples.png", "epochs.gif", "walk.png", "nearest.png", "judge.safetensors"}
    assert drawn <= {p.name for p in Path(out).iterdir()}
    with image.open(tmp_path / "run" / "epochs.gif") as animation:
        assert animation.n_frames == 2 and animation.size == (2 * (29 * 10 + 1), 2 * (29 * 8 + 1))
    pictures = []
    for arguments in ([], ["--seed", "1"], ["--count", "36", "--out", str(tmp_path / "few.png")]):
        assert main(["sample", out, *arguments]) == 0
        pictures.append(Path(capsys.readouterr().out.strip()).read_bytes())
    assert pictures[0] != pictures[1]
    with image.open(tmp_path / "few.png") as drawn_few:  # a column for each class
        columns, rows = (10, 4) if classes else (6, 6)
        assert drawn_few.size == (2 * (29 * columns + 1), 2 * (29 * rows + 1))
    assert main(["sample", out, "--class", "bag"]) == (0 if classes else 1)
    error = capsys.readouterr().err
    assert classes or "class is 'bag', it must be left out: this generator was trained with --no-conditional" in error
    assert main(["summary", out]) == 0
    assert "ConvTranspose2d" in capsys.readouterr().out


def test_captured_and_eager_agree_and_a_kept_judge_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results, before = [], wxb.num_threads()
    for threads, capture, folder in ((1, True, "a"), (2, True, "b"), (1, False, "b")):
        monkeypatch.setattr(gan, "AdversarialTrainer", functools.partial(AdversarialTrainer, capture=capture))
        out = str(tmp_path / folder)
        result = gan.train(Options(epochs=2, batch_size=24, seed=3, threads=threads, out=out))
        results.append({k: v for k, v in result.items() if k not in ("train_seconds", "threads")})
    wxb.set_num_threads(before)
    assert results[0] == results[1] == results[2]


def test_pictures_in_colour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (60, 32, 32, 3)).astype(np.uint8), np.arange(60) % 10
    monkeypatch.setattr("wxb.data.cifar10", lambda folder: (x[:40], y[:40], x[40:], y[40:]))
    gan.train(Options(file="cifar10", epochs=1, batch_size=20, out=str(tmp_path)))
    with image.open(tmp_path / "samples.png") as samples:
        assert samples.mode == "RGB" and samples.size == (2 * (33 * 10 + 1), 2 * (33 * 8 + 1))


def test_nothing_trained_is_nothing_drawn_of_epochs(tmp_path: Path) -> None:
    result = gan.train(Options(epochs=0, out=str(tmp_path)))
    assert result["steps"] == 0 and not (tmp_path / "epochs.gif").exists() and (tmp_path / "walk.png").exists()


def test_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "run")
    assert main(["train", "gan", "svhn", "--out", out]) == 1
    assert "gan: the data set is 'svhn', it must be one of mnist, fashion-mnist, cifar10" in capsys.readouterr().err
    assert main(["train", "gan", "--batch-size", "1000", "--epochs", "1", "--out", out]) == 1
    assert "120 rows make no full batch of 1000" in capsys.readouterr().err
    assert main(["train", "gan", "--epochs", "1", "--batch-size", "60", "--out", out]) == 0
    capsys.readouterr()
    for arguments, words in (
        (["sample", out, "--class", "ten"], "class is 'ten', it must be one of 0, 1, 2"),
        (["sample", out, "--count", "0"], "sample: count is 0, it must be at least 1"),
        (["predict", out, "x.png"], "gan: a generator says nothing of files"),
    ):
        assert main(arguments) == 1
        assert words in capsys.readouterr().err


def test_a_walk_keeps_the_length_of_codes() -> None:
    codes = gan.Codes(3)
    walk = codes.walk(4, 6, 0)
    assert walk.shape == (24, gan.CODE + 3)
    lengths = np.linalg.norm(walk[:, : gan.CODE], axis=1).reshape(4, 6)
    assert (abs(lengths / lengths[:, :1] - 1) < 0.35).all()
    assert (walk[:, gan.CODE :].argmax(1).reshape(4, 6) == np.array([0, 1, 2, 0])[:, None]).all()
