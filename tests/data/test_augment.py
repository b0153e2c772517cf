"""Transforms of pictures: what they draw, that it can be repeated, and what they refuse."""

import re

import numpy as np
import pytest
from wxb.data import (
    AlternatingFlip,
    ArrayDataset,
    Compose,
    Cutout,
    Draws,
    Loader,
    RandomAffine,
    RandomColor,
    RandomCrop,
    RandomFlip,
    RandomRotation,
    RandomShift,
    RandomZoom,
)

RNG = np.random.default_rng(0)
X = RNG.integers(1, 256, (64, 9, 8, 3), dtype=np.uint8)
ALL = [
    RandomFlip(0.5, 0.5),
    AlternatingFlip(),
    RandomShift(2, 0.7, "reflect"),
    RandomCrop(6, pad=1, padding="edge"),
    RandomAffine(20, 0.2, 0.1, "edge"),
    RandomRotation(45),
    RandomZoom(0.3, "reflect"),
    RandomColor(0.3, 0.3, 0.3),
    Cutout((3, 4), fill=(1, 2, 3), share=0.5),
    Compose(RandomFlip(), RandomShift(1), Cutout(4)),
]


def apply(transform, x, rows=None, epoch=0, seed=0):
    return transform((x, "labels"), Draws(np.arange(len(x)) if rows is None else rows, epoch, seed))[0]


@pytest.mark.parametrize("transform", ALL, ids=lambda t: type(t).__name__)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_picture_is_changed_alike_in_every_batch_and_order(transform, dtype, threads):
    x = X.astype(dtype)
    before = x.copy()
    whole = apply(transform, x)
    assert whole.dtype == dtype and len(whole) == len(x) and not np.array_equal(whole, x)
    np.testing.assert_array_equal(x, before)
    order = RNG.permutation(len(x))
    np.testing.assert_array_equal(apply(transform, x[order], order), whole[order])
    np.testing.assert_array_equal(np.concatenate([apply(transform, x[i : i + 1], [i]) for i in range(64)]), whole)
    assert not np.array_equal(apply(transform, x, epoch=1), whole)
    assert not np.array_equal(apply(transform, x, seed=1), whole)


def test_a_loader_repeats_an_epoch_with_other_batches(threads):
    def seen(batch_size, prefetch):
        loader = Loader(
            ArrayDataset(X, np.arange(64)), batch_size, True, seed=3, prefetch=prefetch, transform=Compose(*ALL[:5])
        )
        loader.set_epoch(2)
        return {int(k): x.tobytes() for xs, ks in loader for x, k in zip(xs, ks, strict=True)}

    assert seen(7, 2) == seen(64, 0)


def test_grey_pictures_may_have_three_axes():
    grey = X[..., 0]
    np.testing.assert_array_equal(apply(RandomFlip(1), grey), grey[:, :, ::-1])
    assert apply(RandomCrop(5), grey).shape == (64, 5, 5)
    np.testing.assert_array_equal(apply(RandomShift(2), grey), apply(RandomShift(2), X)[..., 0])


def test_flip():
    flipped = [
        np.array_equal(a, b[:, ::-1])
        for a, b in zip(apply(RandomFlip(0.25), np.tile(X, (20, 1, 1, 1))), np.tile(X, (20, 1, 1, 1)), strict=True)
    ]
    assert 0.2 < np.mean(flipped) < 0.3
    np.testing.assert_array_equal(apply(RandomFlip(1, 1), X), X[:, ::-1, ::-1])
    np.testing.assert_array_equal(apply(RandomFlip(0), X), X)


def test_alternating_flip_shows_both_ways_in_any_two_epochs():
    epochs = [apply(AlternatingFlip(), X, epoch=e) for e in range(5)]
    flipped = np.array([np.array_equal(a, b[:, ::-1]) for a, b in zip(epochs[0], X, strict=True)])
    assert 10 < flipped.sum() < 54
    np.testing.assert_array_equal(epochs[0][~flipped], X[~flipped])
    for e in range(4):
        np.testing.assert_array_equal(epochs[e], epochs[e + 1][:, :, ::-1])


def test_shift_draws_every_place_alike():
    x = np.zeros((5000, 5, 5), np.float32)
    x[:, 2, 2] = 1
    counts = apply(RandomShift(2), x).sum(0)
    assert counts.sum() == 5000 and counts.min() > 140 and counts.max() < 260
    stay = apply(RandomShift(2, share=0.2), x).sum(0)[2, 2]
    assert 0.78 < stay / 5000 < 0.86


def test_crop_of_padded_pictures_is_a_shift():
    assert {apply(RandomCrop((9, 8), pad=2), X, seed=s).shape for s in range(3)} == {X.shape}
    np.testing.assert_array_equal(apply(RandomCrop((9, 8), 2, "reflect"), X), apply(RandomShift(2, 1, "reflect"), X))


def test_rotation_turns_counter_clockwise():
    x = np.zeros((1, 9, 9), np.float32)
    x[0, 4, 7] = 1  # to the right of the centre
    from wxb.data.augment import affine_map
    from wxb.device import cpu

    y = np.empty((1, 9, 9, 1), np.float32)
    one, none = np.ones(1), np.zeros((1, 2))
    map = affine_map(np.radians(90) * one, one, none, np.array([4.0, 4.0]))
    cpu.kernels.augment_affine(x[..., None], map, y, cpu.kernels.Padding.constant)
    assert np.unravel_index(y.argmax(), y.shape)[1:3] == (1, 4) and y.max() > 0.999
    map = affine_map(0 * one, one, np.array([[2.0, -1.0]]), np.array([4.0, 4.0]))
    cpu.kernels.augment_affine(x[..., None], map, y, cpu.kernels.Padding.constant)
    assert np.unravel_index(y.argmax(), y.shape)[1:3] == (6, 6)


def test_zoom_keeps_the_centre_and_a_flat_picture():
    flat = np.full((32, 11, 11, 3), 200, np.uint8)
    assert (apply(RandomAffine(30, 0.5, 0.3, "edge"), flat) == 200).all()
    x = np.zeros((32, 11, 11), np.float32)
    x[:, 5, 5] = 1
    np.testing.assert_allclose(apply(RandomZoom(0.5), x)[:, 5, 5], 1, atol=1e-6)


def test_cutout_hides_about_a_random_pixel():
    x = np.full((2000, 9, 9), 5, np.uint8)
    cut = (apply(Cutout(3), x) == 0).sum((1, 2))
    assert set(cut) == {4, 6, 9} and 0.5 < (cut == 9).mean() < 0.7
    assert (apply(Cutout(3, share=0.5), x) == 0).any((1, 2)).mean() == pytest.approx(0.5, abs=0.05)
    assert (apply(Cutout(100, fill=7), x) == 7).all((1, 2)).sum() == 2000


def test_transforms_of_one_pipeline_draw_apart():
    draws = Draws([3], 0, 0)
    assert draws.uniform(4).tolist() != draws.uniform(4).tolist()
    assert np.ptp([Draws([k]).uniform()[0, 0] for k in range(8)]) > 0


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda: RandomFlip(1.5), ValueError, "RandomFlip: a share is 1.5, wanted 0 to 1"),
        (lambda: RandomShift(-1), ValueError, "RandomShift: most is -1, wanted 0 or more"),
        (lambda: RandomShift(1.5), TypeError, "'float' object cannot be interpreted as an integer"),
        (
            lambda: RandomShift(1, padding="mirror"),
            ValueError,
            "padding is 'mirror', wanted one of zero, edge, reflect",
        ),
        (lambda: RandomCrop(0), ValueError, "RandomCrop: size is 0, wanted 1 or more"),
        (
            lambda: RandomCrop((1, 2, 3)),
            ValueError,
            "RandomCrop: size is (1, 2, 3), wanted a number or (height, width)",
        ),
        (lambda: RandomRotation(float("nan")), ValueError, "RandomRotation: {'degrees': nan"),
        (lambda: RandomColor(-0.1), ValueError, "RandomColor: brightness, contrast, saturation are [-0.1, 0.0, 0.0]"),
        (lambda: apply(RandomCrop(12, pad=1), X), ValueError, "pictures are (9, 8) with 1 around, wanted (12, 12)"),
        (lambda: apply(Cutout(2, fill=(1, 2)), X), ValueError, "Cutout: fill has shape (2,), wanted one number or 3"),
        (lambda: apply(Cutout(2, fill=300), X), ValueError, "Cutout: fill is 300, wanted 0 to 255 for uint8 pictures"),
        (lambda: apply(RandomFlip(), X.astype(float)), TypeError, "RandomFlip: pictures are float64, wanted uint8 or"),
        (
            lambda: apply(RandomFlip(), X[0, 0]),
            ValueError,
            "RandomFlip: pictures have shape (8, 3), wanted (8, H, W, C)",
        ),
        (
            lambda: apply(RandomFlip(), np.zeros((2, 3, 32, 32), np.uint8)),
            ValueError,
            "RandomFlip: pictures have shape (2, 3, 32, 32), looks like (N, C, H, W); wanted (N, H, W, C)",
        ),
        (lambda: apply(RandomColor(0.1), X[..., :2]), ValueError, "it must have 1 channel or 3: red, green, blue"),
        (lambda: apply(RandomFlip(), X, rows=[1, 2]), ValueError, "wanted (2, H, W, C)"),
        (lambda: Draws([[1]]), ValueError, "Draws: rows have shape (1, 1), wanted (N,)"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()
