"""Every recipe gives the same weights whether the Trainer captures its step or not."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import wxb
from wxb.data import AlternatingFlip, Compose, RandomShift
from wxb.recipes import Options, recipe
from wxb.recipes.speedrun import train_speednet
from wxb.train import Trainer

pytest.importorskip("matplotlib")
RNG = np.random.default_rng(0)


def table(folder: Path) -> Path:
    pandas = pytest.importorskip("pandas")
    x = RNG.standard_normal((150, 4))
    frame = pandas.DataFrame(x, columns=list("abcd")).assign(target=np.where(x[:, 0] > x[:, 1], "left", "right"))
    frame.to_csv(folder / "table.csv", index=False)
    return folder / "table.csv"


def pictures(folder: Path) -> Path:
    image = pytest.importorskip("PIL.Image")
    for name in ("light", "dark"):
        (folder / "pictures" / name).mkdir(parents=True)
        for i in range(30):
            pixels = RNG.integers(0, 120, (16, 16, 3)) + (120 if name == "light" else 0)
            image.fromarray(pixels.astype(np.uint8)).save(folder / "pictures" / name / f"{i}.png")
    return folder / "pictures"


def blobs(folder: Path) -> Path:
    image = pytest.importorskip("PIL.Image")
    for i in range(24):
        pixels = RNG.integers(0, 120, (16, 16, 3))
        pixels[4:12, 2:10] += 120
        image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i}.png")
        box = "<xmin>2</xmin><ymin>4</ymin><xmax>10</xmax><ymax>12</ymax>"
        text = f"<annotation><object><name>blob</name><bndbox>{box}</bndbox></object></annotation>"
        (folder / f"{i}.xml").write_text(text)
    return folder


def speednet(options: Options) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 256, (130, 32, 32, 3), np.uint8), rng.integers(0, 3, 130)
    model = {"kind": "speednet", "channels": 3, "classes": 3, "widths": [8, 16, 16]}
    change = Compose(AlternatingFlip(), RandomShift(2, padding="reflect"))
    names = ["a", "b", "c"]
    return train_speednet("small", options, (x[:100], y[:100], x[100:], y[100:]), names, model, change, mirrored=True)


TRAININGS: dict[str, Callable[..., Any]] = {
    "digits": lambda **o: recipe("digits").train(Options(epochs=3, **o)),
    "diabetes": lambda **o: recipe("diabetes").train(Options(epochs=3, **o)),
    "breast-cancer": lambda **o: recipe("breast-cancer").train(Options(epochs=3, **o)),
    "csv": lambda **o: recipe("csv").train(Options(epochs=4, target="target", file=str(table(Path(o["out"]))), **o)),
    "images": lambda **o: recipe("images").train(Options(epochs=3, data=str(pictures(Path(o["out"]))), **o)),
    "detect": lambda **o: recipe("detect").train(
        Options(epochs=3, size=32, batch_size=4, data=str(blobs(Path(o["out"]))), **o)
    ),
    "speednet": lambda **o: speednet(Options(epochs=5, lr=2.0, batch_size=32, **o)),
}


@pytest.mark.parametrize("name", TRAININGS)
def test_captured_and_eager_agree(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    global RNG
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda *_, **__: None)  # pictures are not asked for here
    results, before = [], wxb.num_threads()
    for threads, capture in ((1, True), (2, True), (1, False)):
        RNG = np.random.default_rng(0)
        folder = tmp_path / f"{threads}{capture}"
        folder.mkdir()
        for module in ("pictures", "tabular", "speedrun", "images", "detect"):
            maker = functools.partial(Trainer, capture=capture)
            monkeypatch.setattr(importlib.import_module(f"wxb.recipes.{module}"), "Trainer", maker)
        wxb.set_num_threads(threads)
        result = TRAININGS[name](out=str(folder), seed=3)
        wxb.set_num_threads(before)
        results.append((result["weights_sha256"], (folder / "history.csv").read_text().splitlines()[0]))
    assert results[0] == results[1] == results[2]
