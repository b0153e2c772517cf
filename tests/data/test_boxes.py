"""Changes of pictures that move the boxes in them."""

from __future__ import annotations

import numpy as np
import pytest
from wxb.data import ArrayDataset, BoxAffine, BoxFlip, Compose, Draws, Loader, RandomColor
from wxb.data.boxes import moved


def scene(count: int = 8, height: int = 40, width: int = 56) -> tuple[np.ndarray, np.ndarray]:
    """Boxes bright in a channel of their own on a ground of 20; the last object of each picture is none."""
    rng = np.random.default_rng(0)
    x, objects = np.full((count, height, width, 3), 20, np.uint8), np.zeros((count, 3, 5), np.float32)
    for n in range(count):
        for m, (top, left) in enumerate(((4, 4), (22, 30))):
            y1, x1 = top + rng.integers(0, 5), left + rng.integers(0, 5)
            y2, x2 = y1 + rng.integers(5, 9), x1 + rng.integers(5, 12)
            x[n, y1:y2, x1:x2, m] = 220
            objects[n, m] = x1, y1, x2, y2, m
        objects[n, 2, 4] = -1
    return x, objects


def seen(picture: np.ndarray, channel: int) -> list[int]:
    rows, columns = np.nonzero(picture[..., channel] > 120)
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


def test_flips_are_exact() -> None:
    x, objects = scene()
    for horizontal, vertical, turned in (
        (0, 0, x),
        (1, 0, x[:, :, ::-1]),
        (0, 1, x[:, ::-1]),
        (1, 1, x[:, ::-1, ::-1]),
    ):
        y, boxes = BoxFlip(horizontal, vertical)((x, objects), Draws(np.arange(len(x))))
        assert (y == turned).all() and boxes.dtype == np.float32
        for n in range(len(x)):
            for m in (0, 1):
                assert boxes[n, m].tolist() == [*seen(y[n], m), m]
        assert (boxes[:, 2, 4] == -1).all()


def test_boxes_stay_on_what_they_are_around() -> None:
    x, objects = scene(64)
    change = BoxAffine(0.5, 0.5, zoom=0.3, stretch=0.1, shift=0.1, visible=0.99)
    y, boxes = change((x, objects), Draws(np.arange(len(x)), epoch=3))
    kept = [(n, m) for n in range(len(x)) for m in (0, 1) if boxes[n, m, 4] == m]
    assert 90 < len(kept) < 128
    for n, m in kept:
        assert np.abs(boxes[n, m, :4] - seen(y[n], m)).max() <= 1.1
    sizes = [boxes[n, m, 2] - boxes[n, m, 0] for n, m in kept] / np.array(
        [np.ptp(objects[n, m, [0, 2]]) for n, m in kept]
    )
    assert sizes.min() < 0.85 and sizes.max() > 1.2


def test_what_leaves_the_picture_is_cut_off_or_dropped() -> None:
    objects = np.array([[[0, 0, 10, 10, 1], [10, 0, 20, 10, 0], [3, 3, 3.5, 9, 0]]], np.float32)
    one, sides = np.ones((1, 2)), np.array([20.0, 20.0])
    left = moved(objects, one, np.array([[0.0, -6.0]]), sides, 0.3)
    assert left[0].tolist() == [[0, 0, 4, 10, 1], [4, 0, 14, 10, 0], [0, 0, 0, 0, -1]]
    assert moved(objects, one, np.array([[0.0, -6.0]]), sides, 0.5)[0, 0].tolist() == [0, 0, 0, 0, -1]
    assert (moved(objects, one, np.array([[0.0, -40.0]]), sides, 0.0)[..., 4] == -1).all()


def test_depends_on_seed_epoch_and_row_alone() -> None:
    x, objects = scene(7)
    change = Compose(BoxAffine(0.5, 0.5, 0.2, 0.1, 0.1), RandomColor(0.2, 0.2, 0.2))
    results = []
    for batch_size in (7, 3):
        loader = Loader(ArrayDataset(x, objects), batch_size, transform=change, seed=1)
        results.append([np.concatenate(parts) for parts in zip(*loader)])
    assert all((a == b).all() for a, b in zip(*results))
    other = next(iter(Loader(ArrayDataset(x, objects), 7, transform=change, seed=2)))
    assert (other[1] != results[0][1]).any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BoxAffine(zoom=-1), "all must be finite and not negative"),
        (lambda: BoxAffine(1.5), "BoxAffine: a share is 1.5, wanted 0 to 1"),
        (lambda: BoxAffine(padding="black"), "padding is 'black'"),
        (lambda: BoxFlip()((scene()[0],), Draws(np.arange(8))), "BoxFlip: objects are float64 (0,), wanted floats (8"),
        (lambda: BoxFlip()((scene()[0], scene(7)[1]), Draws(np.arange(8))), "(7, 3, 5), wanted floats (8, M, 5)"),
        (lambda: BoxFlip()((scene()[0], np.zeros((8, 3, 4))), Draws(np.arange(8))), "(8, 3, 4), wanted floats"),
    ],
)
def test_bad_input(make, message) -> None:
    with pytest.raises(ValueError) as caught:
        make()
    assert message in str(caught.value)
