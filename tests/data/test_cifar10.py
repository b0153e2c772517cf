"""CIFAR-10: the real files, both layouts in small, broken files, and the download."""

import functools
import hashlib
import http.server
import importlib
import io
import re
import tarfile
import threading

import numpy as np
import pytest
from wxb.data import CIFAR10_CLASSES, FASHION_MNIST_CLASSES, cifar10

Image = pytest.importorskip("PIL.Image")
module = importlib.import_module("wxb.data.cifar10")  # `wxb.data.cifar10` itself is the function

RNG = np.random.default_rng(0)
SIDE, GRID, GRIDS = 4, (2, 3), {"train": 5, "test": 1}
X = {part: RNG.integers(0, 256, (6 * count, SIDE, SIDE, 3), dtype=np.uint8) for part, count in GRIDS.items()}
Y = {part: RNG.integers(0, 10, 6 * count, dtype=np.uint8) for part, count in GRIDS.items()}


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def grid(x):
    """Return six pictures as one of 2 x 3."""
    return Image.fromarray(x.reshape(2, 3, SIDE, SIDE, 3).swapaxes(1, 2).reshape(2 * SIDE, 3 * SIDE, 3))


def archive():
    """Return the archive's bytes: five files of six training records, one of test records, and another file."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        records = {
            part: np.concatenate([Y[part][:, None], X[part].transpose(0, 3, 1, 2).reshape(len(Y[part]), -1)], 1)
            for part in GRIDS
        }
        files = {name: records["train"][6 * i : 6 * i + 6].tobytes() for i, name in enumerate(module.FILES[:-1])}
        files |= {"readme.html": b"<html>", "test_batch.bin": records["test"].tobytes()}
        for name, content in reversed(files.items()):
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


ARCHIVE = archive()


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Make `cifar10` expect a small set; return the folder for its files."""
    for name, value in {"SIDE": SIDE, "GRID": GRID, "GRIDS": GRIDS, "ARCHIVE_SHA256": sha256(ARCHIVE)}.items():
        monkeypatch.setattr(module, name, value)
    digests = {f"{axis}_{part}": sha256(of[part]) for axis, of in (("x", X), ("y", Y)) for part in GRIDS}
    monkeypatch.setattr(module, "SHA256", digests)
    monkeypatch.delenv("WXB_DATA", raising=False)
    folder = tmp_path / "cifar10"
    folder.mkdir()
    return folder


@pytest.fixture
def grids(small):
    np.savez(small / "labels.npz", y_train=Y["train"], y_test=Y["test"], classes=np.array(CIFAR10_CLASSES))
    for part, count in GRIDS.items():
        for i in range(count):
            grid(X[part][6 * i : 6 * i + 6]).save(small / f"{part}_{i:02d}.webp", lossless=True)
    return small


def is_the_small_set(arrays):
    for got, want in zip(arrays, (X["train"], Y["train"], X["test"], Y["test"]), strict=True):
        np.testing.assert_array_equal(got, want)
        assert got.dtype == (np.uint8 if got.ndim == 4 else np.int64) and got.flags.c_contiguous
        assert got.flags.writeable


def test_the_real_set(data_folder):
    if not (data_folder / "cifar10").is_dir():
        pytest.skip(f"no {data_folder / 'cifar10'}")
    x_train, y_train, x_test, y_test = cifar10(data_folder / "cifar10")
    assert x_train.shape == (50000, 32, 32, 3) and x_test.shape == (10000, 32, 32, 3)
    assert y_train[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
    assert y_test[:10].tolist() == [3, 8, 8, 0, 6, 6, 1, 6, 3, 1]
    assert np.bincount(y_train).tolist() == [5000] * 10 and np.bincount(y_test).tolist() == [1000] * 10


def test_names_of_classes():
    assert len(set(CIFAR10_CLASSES)) == len(set(FASHION_MNIST_CLASSES)) == 10


def test_grids(grids):
    is_the_small_set(cifar10(grids))


def test_archive(small):
    (small / module.ARCHIVE).write_bytes(ARCHIVE)
    is_the_small_set(cifar10(str(small)))


def test_folder_by_environment(grids, monkeypatch):
    monkeypatch.setenv("WXB_DATA", str(grids.parent))
    is_the_small_set(cifar10())


def test_a_folder_without_files(small):
    with pytest.raises(FileNotFoundError, match=r"cifar10: no cifar-10-binary.tar.gz and no labels.npz .* pickles"):
        cifar10(small)


@pytest.mark.parametrize("content", [ARCHIVE[:-9], b"", b"<html>not found</html>"])
def test_a_broken_archive(small, content):
    (small / module.ARCHIVE).write_bytes(content)
    with pytest.raises(ValueError, match=r"cifar-10-binary.tar.gz: SHA-256 is .*; truncated, or another file"):
        cifar10(small)


def test_a_missing_grid(grids):
    (grids / "train_03.webp").unlink()
    with pytest.raises(FileNotFoundError, match=r"cifar10: no train_03.webp; the folder must hold 6 grids"):
        cifar10(grids)


@pytest.mark.parametrize(
    "break_it, message",
    [
        (lambda f: (f / "train_00.webp").write_bytes(b"RIFF"), "train_00.webp: not a whole picture"),
        (
            lambda f: (f / "test_00.webp").write_bytes((f / "test_00.webp").read_bytes()[:-40]),
            "test_00.webp: not a whole picture",
        ),
        (
            lambda f: Image.new("RGB", (12, 9)).save(f / "train_01.webp"),
            "train_01.webp: is (12, 9) pixels, wanted (12, 8)",
        ),
        (lambda f: grid(X["test"]).save(f / "train_01.webp", lossless=True), "SHA-256 of x_train is "),
        (lambda f: np.savez(f / "labels.npz", y_train=Y["train"]), "labels.npz: no labels y_train and y_test in it"),
        (lambda f: (f / "labels.npz").write_bytes(b"PK\3\4half"), "labels.npz: no labels y_train and y_test in it"),
        (lambda f: (f / "labels.npz").write_bytes(b""), "labels.npz: no labels y_train and y_test in it"),
        (
            lambda f: np.savez(f / "labels.npz", y_train=np.array([None]), y_test=Y["test"]),
            "labels.npz: no labels y_train and y_test in it",
        ),
        (lambda f: np.savez(f / "labels.npz", y_train=Y["test"], y_test=Y["test"]), "SHA-256 of y_train is "),
    ],
)
def test_a_broken_file_is_named(grids, break_it, message):
    break_it(grids)
    with pytest.raises(ValueError, match=re.escape(message)):
        cifar10(grids)


def test_download(small, tmp_path, monkeypatch):
    pooch = pytest.importorskip("pooch")
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=small)
    monkeypatch.setattr(http.server.SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(module, "MIRRORS", (f"http://127.0.0.1:{server.server_port}/",))
    try:
        (small / module.ARCHIVE).write_bytes(ARCHIVE[:50])
        with pytest.raises(OSError, match=r"cifar10: cannot download cifar-10-binary.tar.gz; put .* into \$WXB_DATA"):
            cifar10()
        (small / module.ARCHIVE).write_bytes(ARCHIVE)
        is_the_small_set(cifar10())
    finally:
        server.shutdown()
        server.server_close()
    is_the_small_set(cifar10())  # from the cache


def test_mirrors_are_https():
    assert all(url.startswith("https://") for url in module.MIRRORS)
