"""Pictures: written, of the right kind, without a display or pyplot, and strict about shapes."""

import re
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from wxb import plots

RNG = np.random.default_rng(0)
HISTORY = {
    "loss": [2.0, 1.0, np.nan],
    "val_loss": [2.0, None, 1.5],
    "accuracy": [0.1, 0.5, 0.9],
    "lr": [0.1, 0.1, 0.01],
}
IMAGES = RNG.random((30, 8, 8))
POINTS = RNG.normal(size=(40, 2))


def drawings(folder):
    """Return (name, call) for a picture of every kind and size."""
    labels = RNG.integers(0, 3, 30)
    ten = RNG.integers(0, 50, (10, 10))
    return {
        "curves": lambda path: plots.curves(HISTORY, path),
        "curves_numbered": lambda path: plots.curves({"epoch": [7, 8], "val_f1": [0.1, 0.2]}, path),
        "curves_of_one_epoch": lambda path: plots.curves({"loss": [np.inf]}, path),
        "curves_of_many": lambda path: plots.curves({f"m{i}": [0.0] * 200 for i in range(7)}, path),
        "confusion": lambda path: plots.confusion(ten, [f"class {i}" for i in range(10)], path),
        "confusion_of_none": lambda path: plots.confusion(np.zeros((2, 2), int), ["a", "b"], path),
        "confusion_of_many": lambda path: plots.confusion(np.eye(120), list(map(str, range(120))), path),
        "mistakes": lambda path: plots.mistakes(IMAGES, labels, np.roll(labels, 1), path, ["a", "b", "c"]),
        "mistakes_in_colour": lambda path: plots.mistakes(
            RNG.random((9, 4, 4, 3)), np.ones(9, int), np.zeros(9, int), path
        ),
        "mistakes_of_none": lambda path: plots.mistakes(IMAGES[..., None], labels, labels, path),
        "worst_mistakes": lambda path: plots.mistakes(IMAGES, labels, 2 - labels, path, losses=RNG.random(30)),
        "filters": lambda path: plots.filters(RNG.normal(size=(20, 3, 3, 3)), path),
        "filters_of_grey": lambda path: plots.filters(RNG.normal(size=(6, 5, 5, 1)), path),
        "feature_maps": lambda path: plots.feature_maps(
            RNG.random((8, 8, 3)), {"first": RNG.random((8, 8, 16)), "second": RNG.random((4, 4, 5))}, path
        ),
        "feature_maps_of_one": lambda path: plots.feature_maps(IMAGES[0], {"a": np.ones((1, 1, 1))}, path),
        "saliency": lambda path: plots.saliency(RNG.random((3, 8, 8, 3)), RNG.random((3, 8, 8)), path, ["a", "b\n9 %"]),
        "saliency_of_zeros": lambda path: plots.saliency(IMAGES[:1, ..., None], np.zeros((1, 8, 8)), path),
        "features": lambda path: plots.features(RNG.normal(size=(100, 64)), (8, 8), path),
        "features_in_colour": lambda path: plots.features(RNG.normal(size=(3, 75)), (5, 5, 3), path),
        "features_of_zeros": lambda path: plots.features(np.zeros((1, 12)), (3, 4, 1), path),
        "detections": lambda path: plots.detections(
            RNG.random((4, 8, 9, 3)),
            [[[1, 1, 5, 6, 0.5, 1], [0, 0, 9, 8, 1, 0]]] + 3 * [np.empty((0, 6))],
            ["a", "b"],
            path,
            4 * [[[1, 1, 4, 4, 0]]],
        ),
        "tiles": lambda path: plots.tiles(RNG.random((23, 18, 16)), path),
        "tiles_in_colour": lambda path: plots.tiles(RNG.random((7, 40, 40, 3)), path, columns=4),
        "detections_in_one": lambda path: plots.detections([IMAGES[0]], [[[1, 1, 5, 6, 0.5, 0]]], ["a"], path),
        "precision_recall": lambda path: plots.precision_recall(
            {"a": ([1, 0.5], [0.5, 0.5], 0.4), "b": ([], [], np.nan)}, path
        ),
        "reliability": lambda path: plots.reliability(
            [0, 3, 9, 0, 20], [np.nan, 0.3, 0.5, np.nan, 0.9], [np.nan, 1, 0.4, np.nan, 0.8], path
        ),
        "reliability_of_one": lambda path: plots.reliability([1], [0.5], [1.0], path),
        "scatter": lambda path: plots.scatter(RNG.normal(size=50), RNG.normal(size=50), path, name="price"),
        "scatter_of_one": lambda path: plots.scatter([1.0], [1.0], path),
        "boundary": lambda path: plots.decision_boundary(
            POINTS, POINTS[:, 0] > 0, lambda p: p[:, 1] > 0, path, "a rule"
        ),
        "boundary_of_one_class": lambda path: plots.decision_boundary(
            [[1, 1]], [0], lambda p: np.zeros(len(p), int), path
        ),
    }


@pytest.mark.parametrize("name", drawings(None))
def test_every_picture_is_written(tmp_path, name):
    path = tmp_path / f"{name}.png"
    drawings(tmp_path)[name](path)
    image = pytest.importorskip("PIL.Image").open(path)
    pixels = np.asarray(image.convert("RGB"))
    assert min(pixels.shape[:2]) >= 100 and max(pixels.shape[:2]) <= 2200
    assert len(np.unique(pixels)) > 5 and (pixels[0] == 255).all()


def test_other_formats(tmp_path):
    plots.curves(HISTORY, str(tmp_path / "c.svg"))
    assert "<svg" in (tmp_path / "c.svg").read_text()
    with pytest.raises(ValueError, match="Format 'xyz' is not supported"):
        plots.curves(HISTORY, tmp_path / "c.xyz")


def test_no_display_and_no_global_state(tmp_path):
    code = (
        "import sys; from wxb import plots; assert 'matplotlib' not in sys.modules;"
        f"plots.curves({{'loss': [1, 2]}}, {str(tmp_path / 'c.png')!r});"
        "assert 'matplotlib.pyplot' not in sys.modules;"
        "import matplotlib; assert matplotlib.rcParams['axes.spines.top']"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda p: plots.curves({}, p), ValueError, "curves: history has lengths {}, wanted one value per epoch"),
        (lambda p: plots.curves({"loss": []}, p), ValueError, "curves: history has lengths {'loss': 0}"),
        (
            lambda p: plots.curves({"loss": [1], "f1": [1, 2]}, p),
            ValueError,
            "curves: history has lengths {'loss': 1, 'f1'",
        ),
        (lambda p: plots.curves({"epoch": [1], "f1": [1, 2]}, p), ValueError, "curves: 1 epoch numbers for {'f1': 2}"),
        (
            lambda p: plots.confusion(np.eye(3), ["a"], p),
            ValueError,
            "confusion: matrix (3, 3) and 1 class names, wanted",
        ),
        (
            lambda p: plots.mistakes(IMAGES, [1], [1], p),
            ValueError,
            "mistakes: images (30, 8, 8), labels (1,), (1,), wanted",
        ),
        (
            lambda p: plots.mistakes(IMAGES[:1], [0.5], [1], p),
            TypeError,
            "mistakes: labels are float64 and int64, wanted",
        ),
        (
            lambda p: plots.mistakes(IMAGES[:1], [-1], [1], p),
            TypeError,
            "mistakes: labels are int64 and int64, wanted class",
        ),
        (
            lambda p: plots.mistakes(np.ones((2, 3, 3, 2)), [0, 1], [1, 0], p),
            ValueError,
            "mistakes: images have 2 channels, wanted 1, 3 or 4",
        ),
        (
            lambda p: plots.features(np.ones((2, 9)), (2, 4), p),
            ValueError,
            "features: weights (2, 9) for inputs (2, 4)",
        ),
        (
            lambda p: plots.mistakes(IMAGES[:2], [0, 1], [1, 0], p, losses=[1.0]),
            ValueError,
            "mistakes: losses have shape (1,), wanted (2,)",
        ),
        (
            lambda p: plots.filters(np.ones((2, 9)), p),
            ValueError,
            "filters: weights have shape (2, 9), wanted (out, kh",
        ),
        (lambda p: plots.filters(np.ones((2, 3, 3, 8)), p), ValueError, "images have 8 channels, wanted 1, 3 or 4"),
        (lambda p: plots.feature_maps(IMAGES[0], {}, p), ValueError, "feature_maps: maps are {}, wanted at least one"),
        (
            lambda p: plots.feature_maps(IMAGES[0], {"a": np.ones((2, 2))}, p),
            ValueError,
            "feature_maps: maps are {'a': (2, 2)}, wanted at least one layer's (H, W, C)",
        ),
        (
            lambda p: plots.feature_maps(np.ones((4, 4, 2)), {"a": np.ones((2, 2, 1))}, p),
            ValueError,
            "feature_maps: image has shape (4, 4, 2), wanted (H, W) or (H, W, C) with 1, 3 or 4 channels",
        ),
        (
            lambda p: plots.saliency(IMAGES, np.ones((30, 8, 7)), p),
            ValueError,
            "saliency: images (30, 8, 8) and maps (30, 8, 7), wanted",
        ),
        (
            lambda p: plots.detections(IMAGES[:2], [np.empty((0, 6))], ["a"], p),
            ValueError,
            "detections: 2 images, 1 and 1 boxes, wanted as many of each",
        ),
        (
            lambda p: plots.detections(IMAGES[:1], [np.empty((0, 5))], ["a"], p),
            ValueError,
            "detections: boxes must be (K, 6): x1, y1, x2, y2, score, class",
        ),
        (
            lambda p: plots.tiles(np.ones((2, 3, 3, 2)), p),
            ValueError,
            "tiles: images have shape (2, 3, 3, 2), wanted (N,",
        ),
        (lambda p: plots.animation([], p), ValueError, "animation: there are no frames, wanted one or more"),
        (lambda p: plots.precision_recall({}, p), ValueError, "precision_recall: there are no curves, wanted at least"),
        (
            lambda p: plots.reliability([1, 2], [0.5], [0.5], p),
            ValueError,
            "reliability: (2,), (1,), (1,), wanted counts, not all 0, and means (bins,)",
        ),
        (lambda p: plots.reliability([0], [np.nan], [np.nan], p), ValueError, "wanted counts, not all 0"),
        (
            lambda p: plots.scatter([[1.0]], [1.0], p),
            ValueError,
            "scatter: predicted (1, 1) and actual (1,), wanted one",
        ),
        (
            lambda p: plots.decision_boundary(POINTS, [1], lambda q: q[:, 0], p),
            ValueError,
            "decision_boundary: points (40, 2) and labels (1,), wanted (N, 2) and (N,)",
        ),
        (
            lambda p: plots.decision_boundary(POINTS, POINTS[:, 0] > 0, lambda q: q, p),
            ValueError,
            "decision_boundary: decide gave shape (90000, 2) for (90000, 2), wanted (90000,)",
        ),
    ],
)
def test_shapes_are_strict(tmp_path, call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call(tmp_path / "p.png")
    assert list(tmp_path.iterdir()) == []


def test_tiles_are_the_pictures_pixel_by_pixel(tmp_path):
    image = pytest.importorskip("PIL.Image")
    pictures = RNG.random((5, 4, 3, 3))
    plots.tiles(pictures, tmp_path / "colour.png", columns=2, zoom=1)
    pixels = np.asarray(image.open(tmp_path / "colour.png"))
    assert pixels.shape == (3 * 5 + 1, 2 * 4 + 1, 3)
    assert (pixels[6:10, 5:8] == np.rint(255 * pictures[3])).all() and (pixels[11:15, 5:8] == 255).all()
    plots.animation([np.zeros((2, 4, 4)), np.ones((2, 4, 4))], tmp_path / "a.gif", zoom=1)
    with image.open(tmp_path / "a.gif") as animation:
        assert animation.n_frames == 2 and animation.info["loop"] == 0
        assert (np.asarray(animation.convert("L")) == 255).all()
        animation.seek(1)
        assert (np.asarray(animation.convert("L"))[1:5, 1:5] == 0).all()
