"""The recipe images, as a user with a folder of pictures meets it."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from wxb.cli import main

pytest.importorskip("matplotlib")
Image = pytest.importorskip("PIL.Image")


def run(capsys, *arguments) -> tuple[int, str, str]:
    status = main([str(a) for a in arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Twenty noisy pictures each of red discs and of blue stripes, of different sizes and formats."""
    folder, rng = tmp_path_factory.mktemp("things"), np.random.default_rng(0)
    for name in ("discs", "stripes"):
        (folder / name).mkdir()
        for i in range(20):
            height, width = rng.integers(20, 29, 2)
            rows, columns = np.mgrid[:height, :width]
            disc = np.hypot(rows - height / 2, columns - width / 2) < rng.uniform(5, 9)
            shape = disc if name == "discs" else (columns + i) % 6 < 3
            pixels = rng.integers(0, 80, (height, width, 3))
            pixels[shape, 0 if name == "discs" else 2] += 150
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{i}.{('png', 'jpg', 'webp')[i % 3]}")
    return folder


def test_train_predict_summary(capsys, tmp_path, folder):
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    shutil.copy(data / "discs" / "0.png", data / "discs" / "copy.png")
    out = tmp_path / "run"
    status, text, err = run(capsys, "train", "images", "--data", data, "--epochs", 3, "--out", out, "--json")
    assert status == 0, err
    result = json.loads(text.splitlines()[-1])
    assert result["recipe"] == "images" and result["pictures"] == 41 and result["epochs"] == 3
    assert result["test_accuracy"] >= 0.75 and result["test_commonest_class"] == 0.5
    assert "1 pictures are copies of others, same pixels, and stay on one side" in text and "copy.png" in text
    drawn = {"curves", "confusion", "mistakes", "filters", "feature_maps", "saliency"}
    assert {f"{name}.png" for name in drawn} <= {p.name for p in out.iterdir()}

    files = [data / "discs" / "3.png", data / "stripes" / "4.jpg"]
    status, text, _ = run(capsys, "predict", out, *files, "--json")
    rows = json.loads(text)
    assert status == 0 and [row["file"] for row in rows] == [str(f) for f in files]
    assert all(row["class"] in ("discs", "stripes") and 0.5 <= row["probability"] <= 1 for row in rows)
    (tmp_path / "no.png").write_bytes(b"no")
    status, _, err = run(capsys, "predict", out, tmp_path / "no.png")
    assert status == 1 and "no.png: no picture that Pillow can read" in err
    status, _, err = run(capsys, "predict", out, tmp_path / "nowhere.png")
    assert status == 1 and "nowhere.png: no such file" in err

    status, text, _ = run(capsys, "summary", out)
    assert status == 0 and "trainable parameters" in text


def test_the_same_seed_gives_the_same_weights(capsys, tmp_path, folder):
    hashes = []
    for threads, seed in ((1, 0), (2, 0), (2, 1)):
        arguments = ("--epochs", 1, "--out", tmp_path, "--json", "--threads", threads, "--seed", seed)
        _, text, _ = run(capsys, "train", "images", "--data", folder, "--size", 8, *arguments)
        hashes.append(json.loads(text.splitlines()[-1])["weights_sha256"])
    assert hashes[0] == hashes[1] != hashes[2]


def test_grey_pictures_make_a_network_of_one_channel(capsys, tmp_path, folder):
    for name in ("discs", "stripes"):
        (tmp_path / "grey" / name).mkdir(parents=True)
        for file in sorted((folder / name).iterdir())[:6]:
            Image.open(file).convert("L").save(tmp_path / "grey" / name / f"{file.stem}.png")
    out = tmp_path / "run"
    status, text, err = run(
        capsys, "train", "images", "--data", tmp_path / "grey", "--epochs", 1, "--size", 12, "--no-flip", "--out", out
    )
    assert status == 0 and "12x12x1" in text, err
    status, text, _ = run(capsys, "predict", out, folder / "discs" / "0.png")
    assert status == 0


def test_untrained(capsys, tmp_path, folder):
    status, _, err = run(capsys, "train", "images", "--data", folder, "--epochs", 0, "--out", tmp_path)
    assert status == 0, err


def test_broken_files_are_skipped_if_asked(capsys, tmp_path, folder):
    data = tmp_path / "data"
    shutil.copytree(folder, data)
    (data / "discs" / "half.jpg").write_bytes((data / "discs" / "1.jpg").read_bytes()[:-200])
    status, _, err = run(capsys, "train", "images", "--data", data, "--out", tmp_path / "run")
    assert status == 1 and "half.jpg: cannot be read" in err and "--skip-broken" in err
    arguments = ("--skip-broken", "--epochs", 0, "--out", tmp_path / "run")
    status, text, _ = run(capsys, "train", "images", "--data", data, *arguments)
    assert status == 0 and "left out: " in text and "half.jpg" in text


def one_class(folder, tmp_path):
    shutil.copytree(folder / "discs", tmp_path / "one" / "discs")
    return ("--data", tmp_path / "one")


def one_each(folder, tmp_path):
    for name in ("discs", "stripes"):
        (tmp_path / "two" / name).mkdir(parents=True)
        shutil.copy(folder / name / "0.png", tmp_path / "two" / name)
    return ("--data", tmp_path / "two")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (lambda folder, _: (), "images: no folder is given; wxb train images --data FOLDER"),
        (lambda folder, _: ("--data", "nowhere"), "nowhere: no such folder; wanted one with a sub-folder"),
        (lambda folder, _: ("--data", folder / "discs"), "discs: holds 20 pictures and no sub-folders"),
        (lambda folder, _: ("--data", folder, "--size", 4), "images: size is 4, wanted at least 8 pixels"),
        (one_class, "has one class, discs; wanted two or more sub-folders"),
        (one_each, "discs, stripes hold one picture each, wanted two to hold one out"),
    ],
)
def test_bad_input_is_one_line(capsys, tmp_path, folder, arguments, message):
    status, _, err = run(capsys, "train", "images", *arguments(folder, tmp_path), "--out", tmp_path / "run")
    assert status == 1 and message in err and err.count("\n") == 1 and err.startswith("wxb: ")
    assert not (tmp_path / "run").exists()
