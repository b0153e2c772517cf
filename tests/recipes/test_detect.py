"""The recipe detect, as a user with a VOC folder meets it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from wxb.cli import main

pytest.importorskip("matplotlib")
Image = pytest.importorskip("PIL.Image")


def run(capsys, *arguments) -> tuple[int, str, str]:
    status = main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def add(folder: Path, name: str, rng: np.random.Generator) -> None:
    """Write a picture of a bright and a dark square, and its annotation."""
    for part in ("Annotations", "JPEGImages"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    height, width = (96, 128) if int(name) % 3 else (64, 96)
    pixels, found = rng.integers(90, 130, (height, width, 3)), ""
    for label, value, left in (("bright", 240, 0), ("dark", 10, width // 2)):
        side = rng.integers(18, 30)
        y, x = rng.integers(0, height - side), left + rng.integers(0, width // 2 - side)
        pixels[y : y + side, x : x + side] = value
        corners = f"<xmin>{x}</xmin><ymin>{y}</ymin><xmax>{x + side}</xmax><ymax>{y + side}</ymax>"
        found += f"<object><name>{label}</name><bndbox>{corners}</bndbox></object>"
    Image.fromarray(pixels.astype(np.uint8)).save(folder / "JPEGImages" / f"{name}.png")
    (folder / "Annotations" / f"{name}.xml").write_text(f"<annotation>{found}</annotation>")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    root, rng = tmp_path_factory.mktemp("VOC"), np.random.default_rng(0)
    for i in range(24):
        add(root, f"{i:02d}", rng)
    return root


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the pictures, which take longer than the rest."""
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda *_, **__: None)


def lists(folder: Path, **names: range) -> None:
    (folder / "ImageSets" / "Main").mkdir(parents=True)
    for name, numbers in names.items():
        text = "\n".join(f"{i:02d}" for i in numbers)
        (folder / "ImageSets" / "Main" / f"{name}.txt").write_text(text)


def test_train_detect_predict_summary(capsys, tmp_path, folder):
    data, out = tmp_path / "data", tmp_path / "run"
    shutil.copytree(folder, data)
    lists(data, train=range(16), val=range(16, 20), test=range(20, 24))
    arguments = ("--data", data, "--size", 64, "--epochs", 12, "--batch-size", 4, "--out", out, "--json")
    status, text, err = run(capsys, "train", "detect", *arguments)
    assert status == 0, err
    result = json.loads(text.splitlines()[-1])
    assert result["pictures"] == "16/4/4" and result["steps"] == 48 and 1 <= result["best_epoch"] <= 12
    assert result["test_map50"] > 0.3 and result["test_ap50_bright"] > 0.2 and result["test_map50_95"] > 0.05
    low, high = result["intervals"]["test_map50"]
    assert low <= result["test_map50"] <= high and low < high
    config = json.loads((out / "config.json").read_text())
    assert config["test_names"] == ["20", "21", "22", "23"] and config["thresholds"].keys() == {"bright", "dark"}
    drawn = {"curves.png", "precision_recall.png", "detections.png"}
    assert drawn <= {p.name for p in out.iterdir()}

    picture = data / "JPEGImages" / "21.png"  # it has to be scaled by 2/3
    status, text, _ = run(capsys, "detect", out, picture, "--out", tmp_path / "drawn", "--json", "--score", 0.2)
    rows = json.loads(text)
    assert status == 0 and {row["class"] for row in rows} == {"bright", "dark"}
    assert all(row["score"] >= 0.2 and 0 <= row["x1"] < row["x2"] <= 96 for row in rows)
    assert (tmp_path / "drawn" / "21.detected.png").stat().st_size > 5000
    status, text, _ = run(capsys, "predict", out, picture, "--json")
    assert status == 0 and all(row["file"] == str(picture) for row in json.loads(text))
    status, text, _ = run(capsys, "summary", out)
    assert status == 0 and "trainable parameters" in text
    status, _, err = run(capsys, "detect", out, tmp_path / "nowhere.png")
    assert status == 1 and "nowhere.png: no such file" in err


@pytest.mark.parametrize(
    "names, pictures",
    [({}, "16/4/4"), ({"train": range(20), "test": range(20, 24)}, "17/3/4"), ({"all": range(4)}, "16/4/4")],
)
def test_lists_that_a_folder_lacks_are_made(capsys, tmp_path, folder, undrawn, names, pictures):
    shutil.copytree(folder, tmp_path / "data")
    lists(tmp_path / "data", **names)
    arguments = ("--data", tmp_path / "data", "--size", 32, "--epochs", 0, "--out", tmp_path / "run", "--json")
    status, text, err = run(capsys, "train", "detect", *arguments)
    assert status == 0, err
    assert json.loads(text.splitlines()[-1])["pictures"] == pictures


def test_the_same_seed_gives_the_same_weights(capsys, tmp_path, folder, undrawn):
    hashes = []
    for threads, seed in ((1, 0), (2, 0), (2, 1)):
        arguments = ("--epochs", 1, "--size", 32, "--out", tmp_path, "--json", "--threads", threads, "--seed", seed)
        _, text, _ = run(capsys, "train", "detect", "--data", folder, *arguments)
        hashes.append(json.loads(text.splitlines()[-1])["weights_sha256"])
    assert hashes[0] == hashes[1] != hashes[2]


def empty(folder: Path) -> tuple[str, str]:
    for file in (folder / "Annotations").iterdir():
        file.write_text("<annotation></annotation>")
    return "has no object in any picture, wanted boxes to learn from", ""


def one_picture(folder: Path) -> tuple[str, str]:
    for file in (*(folder / "Annotations").iterdir(), *(folder / "JPEGImages").iterdir()):
        if file.stem != "00":
            file.unlink()
    return "detect: 1 pictures, wanted at least three", ""


def broken(folder: Path) -> tuple[str, str]:
    (folder / "Annotations" / "05.xml").write_text("<annotation>")
    return "05.xml: no XML", "--skip-broken"


@pytest.mark.parametrize("spoil", [empty, one_picture, broken])
def test_bad_input_is_one_line(capsys, tmp_path, folder, undrawn, spoil):
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    message, hint = spoil(data)
    arguments = ("--data", data, "--size", 32, "--epochs", 0, "--out", tmp_path / "run")
    status, _, err = run(capsys, "train", "detect", *arguments)
    assert status == 1 and message in err and hint in err and err.count("\n") == 1
    assert not (tmp_path / "run").exists()
    if spoil is broken:
        status, text, err = run(capsys, "train", "detect", *arguments, "--skip-broken")
        assert status == 0 and "left out: " in text, err


def test_a_run_of_something_else(capsys, tmp_path, undrawn):
    run(capsys, "train", "digits", "--epochs", 0, "--out", tmp_path)
    status, _, err = run(capsys, "detect", tmp_path, "x.png")
    assert status == 1 and "is a run of digits, wanted one of wxb train detect" in err
