"""Kernels that change pictures, against plain loops in numpy float64; and the numbers they are told."""

import re

import numpy as np
import pytest
from wxb.device import cpu

K = cpu.kernels
PADDINGS = ["constant", "reflect", "edge"]
SHAPES = [(3, 32, 32, 3), (2, 7, 5, 1), (5, 1, 9, 3), (4, 6, 1, 2), (3, 1, 1, 3), (2, 33, 17, 4), (2, 4, 37, 3)]
SHAPES += [(70, 29, 31, 3), (2, 3, 16, 5), (1, 2, 64, 7)]
DTYPES = [np.uint8, np.float32]


def pictures(rng, shape, dtype):
    return rng.integers(0, 256, shape, dtype=np.uint8) if dtype == np.uint8 else rng.normal(size=shape).astype(dtype)


def around(k, n, padding):
    """Return the place within n that place k stands for, or None."""
    if 0 <= k < n:
        return k
    if padding == "constant":
        return None
    if padding == "edge":
        return min(max(k, 0), n - 1)
    there_and_back = (*range(n), *range(n - 2, 0, -1))
    return there_and_back[k % len(there_and_back)]


def moved(x, offset, flip, size, padding):
    y = np.zeros((len(x), *size, x.shape[3]), x.dtype)
    for n in range(len(x)):
        window = x[n]
        for axis, count in enumerate(size):
            places = [around(int(offset[n, axis]) + k, x.shape[1 + axis], padding) for k in range(count)]
            taken = [np.take(window, p or 0, axis) * (p is not None) for p in places]
            window = np.stack(taken[::-1] if flip[n, axis] else taken, axis)
        y[n] = window
    return y


def run_move(x, offset, flip, size, padding):
    y = np.full((len(x), *size, x.shape[3]), 77, x.dtype)
    K.augment_move(x, offset, flip, y, getattr(K.Padding, padding))
    return y


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("padding", PADDINGS)
def test_move(rng, dtype, padding, threads):
    for shape in SHAPES:
        x = pictures(rng, shape, dtype)
        for size in (shape[1:3], (shape[1] + 3, max(1, shape[2] - 2))):
            offset = rng.integers(-2 * max(shape), 2 * max(shape) + 1, (len(x), 2))
            offset[: len(x) // 2] = rng.integers(-3, 4, (len(x) // 2, 2))
            flip = rng.random((len(x), 2)) < 0.5
            np.testing.assert_array_equal(
                run_move(x, offset, flip, size, padding), moved(x, offset, flip, size, padding)
            )


@pytest.mark.parametrize("padding", PADDINGS)
def test_offsets_of_any_size(rng, padding):
    x = pictures(rng, (4, 5, 6, 3), np.uint8)
    offset = np.array([[2**63 - 1, -(2**63)], [-(2**63), 2**62], [2**31, -(2**33)], [2**63 - 4, 0]])
    got = run_move(x, offset, np.zeros((4, 2), bool), (5, 6), padding)
    np.testing.assert_array_equal(got, moved(x, offset, np.zeros((4, 2)), (5, 6), padding))


def mixed(x, map, size, padding):
    """Return samples and, for each, whether it lies within."""
    n, height, width, _ = x.shape
    y = np.zeros((n, *size, x.shape[3]))
    for k in range(n):
        for i, j in np.ndindex(*size):
            row, column = map[k] @ (i, j, 1)
            if padding == "edge":
                row, column = np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)
            a, b = int(np.floor(row)), int(np.floor(column))
            for di, dj in np.ndindex(2, 2):
                weight = (row - a if di else 1 - row + a) * (column - b if dj else 1 - column + b)
                r, c = around(a + di, height, padding), around(b + dj, width, padding)
                if r is not None and c is not None:
                    y[k, i, j] += weight * x[k, r, c]
    return y


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("padding", PADDINGS)
def test_affine(rng, dtype, padding, threads):
    for shape in SHAPES[:7]:
        x = pictures(rng, shape, dtype)
        for size in (shape[1:3], (shape[1] + 2, max(1, shape[2] - 1))):
            map = rng.normal(size=(len(x), 2, 3))
            map[0] = [[1, 0, 0], [0, 1, 0]]
            y = np.full((len(x), *size, shape[3]), 77, dtype)
            K.augment_affine(x, map, y, getattr(K.Padding, padding))
            want = mixed(x.astype(np.float64), map, size, padding)
            bound = 0.51 if dtype == np.uint8 else 1e-6 * max(1, np.abs(x).max()) * 4
            assert np.abs(y - want).max() <= bound
            if size == shape[1:3]:
                np.testing.assert_array_equal(y[0], x[0])  # the identity


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("padding", PADDINGS)
def test_affine_maps_from_anywhere(rng, dtype, padding):
    x = pictures(rng, (6, 9, 8, 3), dtype)
    map = rng.normal(size=(6, 2, 3))
    map[0, 0, 2], map[1, 1, 2], map[2, 0, 1] = 1e300, np.nan, np.inf
    map[3, 0, 2], map[4, :, 2], map[5, 1, 0] = 2.0**31, -(2.0**62), -1e9
    y = np.empty_like(x)
    K.augment_affine(x, map, y, getattr(K.Padding, padding))
    assert np.isfinite(y.astype(float)).all()
    if padding == "constant":
        assert not y[0].any() and not y[1].any() and not y[3].any() and not y[4].any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_color(rng, dtype, threads):
    for shape in [s for s in SHAPES if s[3] in (1, 3)]:
        x = pictures(rng, shape, dtype)
        factor = rng.uniform(0, 2, (len(x), 3))
        factor[0] = 1
        y = np.empty_like(x)
        K.augment_color(x, factor, y)
        np.testing.assert_array_equal(y[0], x[0])
        luma = np.array([0.299, 0.587, 0.114]) if shape[3] == 3 else np.ones(1)
        b, c, s = (factor[:, k, None, None, None] for k in range(3))
        u = b * x.astype(np.float64)
        v = c * u + (1 - c) * (u @ luma).mean((1, 2))[:, None, None, None]
        want = s * v + (1 - s) * (v @ luma)[..., None]
        if dtype == np.uint8:
            assert np.abs(y - np.clip(want, 0, 255)).max() <= 0.501
        else:
            assert np.abs(y - want).max() <= 1e-5


def test_color_of_no_number_is_dark(rng):
    y = np.full((2, 2, 2, 3), 7, np.uint8)
    K.augment_color(pictures(rng, y.shape, np.uint8), np.array([[np.nan] * 3, [-np.inf, 1, 1]]), y)
    assert not y.any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cut", [(3, 4), (0, 5), (100, 1), (2**62, 2**62)])
def test_cutout(rng, dtype, cut, threads):
    for shape in SHAPES:
        x, fill = pictures(rng, shape, dtype), np.arange(shape[3]).astype(dtype)
        corner = rng.integers(-4, max(shape) + 2, (len(x), 2))
        corner[-1] = 2**63 - 1, -(2**63)
        y, want = np.empty_like(x), x.copy()
        for k in range(len(x)):
            top, left = (int(c) for c in corner[k])
            rows, columns = (
                slice(max(a, 0), max(min(a + size, n), 0))
                for a, size, n in zip((top, left), cut, shape[1:3], strict=True)
            )
            want[k, rows, columns] = fill
        K.augment_cutout(x, corner, fill, y, *cut)
        np.testing.assert_array_equal(y, want)
        K.augment_cutout(x, corner, fill, x, *cut)  # in place
        np.testing.assert_array_equal(x, want)


def philox(counter, key):
    """Philox 4x32-10 (Salmon et al. 2011), in Python's integers."""
    c, mask = list(counter), 0xFFFFFFFF
    for i in range(10):
        k0, k1 = (key[0] + i * 0x9E3779B9) & mask, (key[1] + i * 0xBB67AE85) & mask
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k0, p1 & mask, (p0 >> 32) ^ c[3] ^ k1, p0 & mask]
    return c


@pytest.mark.parametrize("count", [0, 1, 4, 7, 1024])
def test_uniform(count):
    sample, seed = np.array([0, 5, 2**40 + 3, -1]), 2**63 + 12345
    y = np.empty((4, count))
    K.augment_uniform(sample, y, seed, 2**32 - 1, 9)
    for n in range(4):
        row = int(sample[n]) % 2**64
        for k in range(count):
            words = philox([row & 0xFFFFFFFF, row >> 32, 2**32 - 1, 10 << 8 | k // 4], [seed & 0xFFFFFFFF, seed >> 32])
            assert y[n, k] == words[k % 4] / 2**32


X = np.zeros((2, 4, 4, 3), np.uint8)
PAIRS, FLIPS = np.zeros((2, 2), np.int64), np.zeros((2, 2), bool)
ZERO = K.Padding.constant


@pytest.mark.parametrize(
    "call, error, message",
    [
        (
            lambda: K.augment_move(X.astype(np.float64), PAIRS, FLIPS, X, ZERO),
            TypeError,
            "x has dtype float64, it must",
        ),
        (
            lambda: K.augment_move(X, PAIRS, FLIPS, X.astype(np.float32), ZERO),
            TypeError,
            "y has dtype float32, it must",
        ),
        (lambda: K.augment_move(X[0], PAIRS, FLIPS, X, ZERO), ValueError, "x has shape (4, 4, 3), it must have 4 axes"),
        (lambda: K.augment_move(X, PAIRS, FLIPS, X[:1], ZERO), ValueError, "batch and channels must agree"),
        (lambda: K.augment_move(X[:, :0], PAIRS, FLIPS, X, ZERO), ValueError, "it must hold a pixel"),
        (
            lambda: K.augment_move(X, PAIRS[:1], FLIPS, X, ZERO),
            ValueError,
            "offset has shape (1, 2), it must be (2, 2)",
        ),
        (lambda: K.augment_move(X, PAIRS, PAIRS, X, ZERO), TypeError, "flip has dtype int64, it must be bool"),
        (lambda: K.augment_cutout(X, PAIRS, X[0, 0, 0], X[:, :2], 1, 1), ValueError, "they must agree"),
        (lambda: K.augment_cutout(X, PAIRS, X[0, 0, 0], X, -1, 1), ValueError, "neither may be negative"),
        (
            lambda: K.augment_cutout(X, PAIRS, X[0, 0, 0, :2], X, 1, 1),
            ValueError,
            "fill has shape (2,), it must be (3,)",
        ),
        (
            lambda: K.augment_affine(X, np.zeros((2, 6)), X, ZERO),
            ValueError,
            "map has shape (2, 6), it must be (2, 2, 3)",
        ),
        (lambda: K.augment_color(X[..., :2].copy(), np.ones((2, 3)), X[..., :2].copy()), ValueError, "1 channel or 3"),
        (lambda: K.augment_uniform(PAIRS[0], np.ones((2, 1025)), 0, 0, 0), ValueError, "must be from 0 to 1024"),
        (lambda: K.augment_uniform(PAIRS[0], np.ones((2, 1)), 0, -1, 0), ValueError, "epoch is -1"),
        (lambda: K.augment_uniform(PAIRS[0], np.ones((2, 1)), 0, 0, 65536), ValueError, "stream is 65536"),
        (lambda: K.augment_uniform(PAIRS[0], np.ones((3, 1)), 0, 0, 0), ValueError, "y has shape (3, 1), it must be"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call()


def test_empty_batches():
    for shape in ((0, 4, 4, 3), (2, 0, 4, 3), (2, 4, 4, 0)):
        x = np.zeros(shape, np.uint8)
        K.augment_move(x, PAIRS[: len(x)], FLIPS[: len(x)], x, ZERO)
        K.augment_affine(x, np.zeros((len(x), 2, 3)), x, ZERO)
        K.augment_cutout(
            x, PAIRS[: len(x)], x[..., :1].reshape(-1)[:0] if not shape[3] else np.zeros(3, np.uint8), x, 1, 1
        )
