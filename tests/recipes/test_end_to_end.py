"""The recipes as shipped reach what the README says, on real data with fixed seeds."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from wxb.cli import main
from wxb.recipes import Options, SavedRun, recipe

pytest.importorskip("matplotlib")


def train(name: str, tmp_path: Path, **options) -> dict:
    return recipe(name).train(Options(out=str(tmp_path / name), **options))


def test_digits(tmp_path):
    assert train("digits", tmp_path)["test_accuracy"] >= 0.975


def test_diabetes(tmp_path):
    assert train("diabetes", tmp_path)["cv_r2"] >= 0.45


def test_breast_cancer(tmp_path):
    assert train("breast-cancer", tmp_path)["cv_accuracy"] >= 0.97


def test_csv_on_wine(tmp_path):
    datasets = pytest.importorskip("sklearn.datasets")
    pytest.importorskip("pandas")
    file = tmp_path / "wine.csv"
    datasets.load_wine(as_frame=True).frame.to_csv(file, index=False)
    assert train("csv", tmp_path, file=str(file), target="target")["test_accuracy"] >= 0.94


def folder(name: str) -> str:
    data = Path(os.environ.get("WXB_DATA", Path(__file__).parents[2] / ".." / "shared" / "data")) / name
    if not data.is_dir():
        pytest.skip(f"{name} is not here: set WXB_DATA")
    return str(data)


def test_mnist_mlp(tmp_path):
    assert train("mnist-mlp", tmp_path, data=folder("mnist"))["test_accuracy"] >= 0.982


def test_mnist_cnn_after_one_epoch(tmp_path):
    assert train("mnist-cnn", tmp_path, data=folder("mnist"), epochs=1)["test_accuracy"] >= 0.985


@pytest.mark.parametrize("name, data", [("fashion-cnn", "fashion_mnist"), ("cifar10", "cifar10")])
def test_untrained_network_is_saved_and_asked(name, data, tmp_path, capsys):
    image = pytest.importorskip("PIL.Image")
    train(name, tmp_path, data=folder(data), epochs=0)
    picture, run = tmp_path / "picture.png", str(tmp_path / name)
    image.new("RGB", (40, 30), (200, 30, 90)).save(picture)
    assert main(["predict", run, str(picture), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["class"] in SavedRun(run).config["classes"] and 0.1 <= row["probability"] <= 1
    assert main(["summary", run]) == 0
    assert "Conv2d" in capsys.readouterr().out
