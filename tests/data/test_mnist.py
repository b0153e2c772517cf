"""MNIST and Fashion-MNIST: the real files, broken ones, and the download from a mirror."""

import functools
import gzip
import hashlib
import http.server
import importlib
import os
import re
import shutil
import struct
import threading
from pathlib import Path

import numpy as np
import pytest
from wxb.data import fashion_mnist, mnist

module = importlib.import_module("wxb.data.mnist")  # `wxb.data.mnist` itself is the function
DATA = Path(os.environ.get("WXB_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))

SMALL = {"train-images-idx3-ubyte": (6, 2, 2), "train-labels-idx1-ubyte": (6,)}
SMALL |= {"t10k-images-idx3-ubyte": (3, 2, 2), "t10k-labels-idx1-ubyte": (3,)}


def contents(shape):
    return struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape) + bytes(range(int(np.prod(shape))))


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Make `mnist` expect a set of nine tiny images, and write its files to a folder."""
    monkeypatch.setattr(module, "FILES", SMALL)
    digests = tuple(hashlib.sha256(contents(shape)).hexdigest() for shape in SMALL.values())
    monkeypatch.setattr(module, "SHA256", {"mnist": digests})
    monkeypatch.delenv("WXB_DATA", raising=False)
    folder = tmp_path / "mnist"
    folder.mkdir()
    for name, shape in SMALL.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(contents(shape)))
    return folder


@pytest.mark.parametrize(
    "load, folder, first_labels, first_test_labels",
    [
        (mnist, "mnist", [5, 0, 4, 1, 9, 2, 1, 3, 1, 4], [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]),
        (fashion_mnist, "fashion_mnist", [9, 0, 0, 3, 0, 2, 7, 2, 5, 5], [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]),
    ],
)
def test_the_real_sets(load, folder, first_labels, first_test_labels):
    if not (DATA / folder).is_dir():
        pytest.skip(f"no {DATA / folder}")
    x_train, y_train, x_test, y_test = load(DATA / folder)
    assert x_train.shape == (60000, 28, 28) and x_test.shape == (10000, 28, 28)
    assert x_train.dtype == x_test.dtype == np.uint8 and x_train.flags.writeable
    assert y_train.dtype == y_test.dtype == np.int64
    assert y_train[:10].tolist() == first_labels and y_test[:10].tolist() == first_test_labels
    assert len(y_train) == 60000 and len(y_test) == 10000


def test_files_are_found_by_environment(small, monkeypatch):
    monkeypatch.setenv("WXB_DATA", str(small.parent))
    x_train, y_train, x_test, y_test = mnist()
    assert x_train.tolist() == np.arange(24).reshape(6, 2, 2).tolist()
    assert y_train.tolist() == list(range(6)) and y_test.tolist() == [0, 1, 2] and x_test.shape == (3, 2, 2)


def test_files_may_be_unpacked(small):
    for path in small.iterdir():
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert mnist(small)[1].tolist() == list(range(6))


def test_a_missing_file_is_named(small):
    (small / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"no t10k-labels-idx1-ubyte.gz and no t10k-labels-idx1-ubyte; the folder"
    ):
        mnist(small)
    with pytest.raises(FileNotFoundError, match=r"nowhere: no train-images-idx3-ubyte.gz"):
        mnist(small / "nowhere")


IMAGES = contents((6, 2, 2))


@pytest.mark.parametrize(
    "broken, message",
    [
        (gzip.compress(IMAGES)[:-9], "not a whole gzip file"),
        (b"<html>not found</html>", "not a whole gzip file"),
        (gzip.compress(IMAGES)[:-8] + bytes(8), "not a whole gzip file"),
        (b"", "holds 0 bytes, wanted 40; truncated, or another file"),
        (gzip.compress(IMAGES[:-1]), "holds 39 bytes, wanted 40; truncated, or another file"),
        (gzip.compress(IMAGES + b"x"), "holds more, wanted 40; truncated, or another file"),
        (gzip.compress(b"\0\0\x0d" + IMAGES[3:]), "idx header is 00000d03"),
        (gzip.compress(contents((3, 2, 4))), "idx header is 0000080300000003"),
        (gzip.compress(IMAGES[:-1] + b"x"), "SHA-256 of the contents is "),
    ],
)
def test_a_broken_file_is_named(small, broken, message):
    path = small / "train-images-idx3-ubyte.gz"
    path.write_bytes(broken)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: {re.escape(message)}"):
        mnist(small)


@pytest.fixture
def server(small):
    """Serve the folder of the small set over HTTP; yields (address, paths asked for)."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format, *args):
            asked.append(self.path)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=small))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", asked
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def cache(monkeypatch, tmp_path):
    pooch = pytest.importorskip("pooch")
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)
    return tmp_path / "cache" / "wxb" / "mnist"


def test_download_takes_the_next_mirror_where_one_fails(server, cache, monkeypatch):
    address, asked = server
    monkeypatch.setattr(module, "MIRRORS", {"mnist": (f"{address}gone/", address)})
    assert mnist()[1].tolist() == list(range(6))
    assert sorted(path.name for path in cache.iterdir()) == sorted(f"{name}.gz" for name in SMALL)
    count = len(asked)
    assert mnist()[0].shape == (6, 2, 2)
    assert len(asked) == count, "a second call reads the cache"


def test_download_replaces_a_broken_copy_in_the_cache(server, cache, monkeypatch):
    address, _ = server
    monkeypatch.setattr(module, "MIRRORS", {"mnist": (address, address)})
    mnist()
    (cache / "train-labels-idx1-ubyte.gz").write_bytes(b"half")
    assert mnist()[1].tolist() == list(range(6))


def test_download_refuses_other_contents(server, cache, small, monkeypatch):
    address, _ = server
    monkeypatch.setattr(module, "MIRRORS", {"mnist": (address, address)})
    shutil.copy(small / "t10k-labels-idx1-ubyte.gz", small / "train-labels-idx1-ubyte.gz")
    with pytest.raises(
        OSError, match=r"mnist: cannot download train-labels-idx1-ubyte.gz; put the four files into"
    ) as e:
        mnist()
    assert str(e.value).count("holds 11 bytes, wanted 14") == 2
    assert not (cache / "train-labels-idx1-ubyte.gz").exists()


def test_mirrors_are_two_and_https():
    assert set(module.MIRRORS) == set(module.SHA256) == {"mnist", "fashion_mnist"}
    assert all(
        len(set(pair)) == 2 and all(url.startswith("https://") for url in pair) for pair in module.MIRRORS.values()
    )
