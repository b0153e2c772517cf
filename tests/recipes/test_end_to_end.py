"""The recipes as shipped reach what the README says, on real data with fixed seeds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from wxb.recipes import Options, recipe

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


def test_mnist_mlp(tmp_path):
    data = Path(os.environ.get("WXB_DATA", Path(__file__).parents[2] / ".." / "shared" / "data")) / "mnist"
    if not data.is_dir():
        pytest.skip("MNIST is not here: set WXB_DATA")
    assert train("mnist-mlp", tmp_path, data=str(data))["test_accuracy"] >= 0.982
