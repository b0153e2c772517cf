"""Weights on disk: whole files only, nothing but arrays, nothing lost."""

import errno
import json
import os
import resource
import stat
import struct

import numpy as np
import pytest
import safetensors.numpy
from wxb.io import load, save, sha256

DTYPES = [
    "bool",
    "uint8",
    "int8",
    "uint16",
    "int16",
    "uint32",
    "int32",
    "uint64",
    "int64",
    "float16",
    "float32",
    "float64",
]


def arrays():
    rng = np.random.default_rng(0)
    return {"fc1.weight": rng.normal(size=(5, 3)).astype(np.float32), "fc1.bias": np.arange(5, dtype=np.float64)}


def header(*pairs, data=b""):
    text = json.dumps(dict(pairs)) if not isinstance(pairs[0], str) else pairs[0]
    return struct.pack("<Q", len(text)) + text.encode() + data


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (4,), (2, 3, 1)])
def test_what_is_saved_is_loaded(tmp_path, dtype, shape):
    array = np.random.default_rng(0).integers(0, 2, size=shape).astype(dtype)
    save({"a": array}, tmp_path / "w.safetensors", {"epoch": "3", "ü": "→"})
    loaded, metadata = load(tmp_path / "w.safetensors")
    assert loaded["a"].dtype == dtype and loaded["a"].shape == shape and loaded["a"].flags.writeable
    np.testing.assert_array_equal(loaded["a"], array)
    assert metadata == {"epoch": "3", "ü": "→"}


def test_layout_and_byte_order_do_not_matter(tmp_path):
    a = arrays()["fc1.weight"]
    for view in (np.asfortranarray(a), a.astype(">f4"), np.repeat(a, 2, axis=1)[:, ::2], a[::-1][::-1]):
        save({"a": view}, tmp_path / "w")
        loaded, metadata = load(tmp_path / "w")
        np.testing.assert_array_equal(loaded["a"], a)
        assert sha256({"a": view}) == sha256({"a": a}) and metadata == {}


def test_other_tools_read_the_file(tmp_path):
    save(arrays(), tmp_path / "w")
    for name, array in safetensors.numpy.load_file(tmp_path / "w").items():
        np.testing.assert_array_equal(array, arrays()[name])


def test_no_arrays_is_a_file_too(tmp_path):
    save({}, tmp_path / "w")
    assert load(tmp_path / "w") == ({}, {})


def test_saving_replaces_and_leaves_one_file(tmp_path):
    for value in (1.0, 2.0):
        save({"a": np.full(3, value)}, tmp_path / "w")
    assert load(tmp_path / "w")[0]["a"].tolist() == [2, 2, 2]
    assert [path.name for path in tmp_path.iterdir()] == ["w"]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "w").stat().st_mode) == 0o666 & ~umask


def test_a_link_keeps_pointing_to_the_file(tmp_path):
    save(arrays(), tmp_path / "epoch1")
    (tmp_path / "best").symlink_to("epoch1")
    save({}, tmp_path / "best")
    assert (tmp_path / "best").is_symlink() and load(tmp_path / "epoch1")[0] == {}


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, step):
    path = tmp_path / "w"
    save(arrays(), path)

    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, step, full)
        with pytest.raises(
            OSError, match=r"cannot write .*w: No space left on device; the old file is untouched"
        ) as error:
            save({"a": np.zeros(9)}, path)
    assert error.value.errno == errno.ENOSPC
    assert [p.name for p in tmp_path.iterdir()] == ["w"]
    assert load(path)[0].keys() == arrays().keys()


def test_a_write_the_system_cuts_short_leaves_the_old_file(tmp_path):
    path = tmp_path / "w"
    save(arrays(), path)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, old[1]))
    try:
        with pytest.raises(OSError, match=r"cannot write .*: File too large; the old file is untouched"):
            save({"a": np.zeros(1_000_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert [p.name for p in tmp_path.iterdir()] == ["w"]
    assert load(path)[0].keys() == arrays().keys()


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"cannot write .*nowhere/w: No such file or directory"):
        save(arrays(), tmp_path / "nowhere" / "w")
    with pytest.raises(IsADirectoryError):
        save(arrays(), tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "w")


@pytest.mark.parametrize(
    "values, metadata, error, message",
    [
        ({"a": np.array([None])}, None, TypeError, "array 'a': dtype is object, wanted one of bool, uint8"),
        ({"a": np.ones(2, complex)}, None, TypeError, "array 'a': dtype is complex128"),
        ({"a": "text"}, None, TypeError, "array 'a': dtype is <U4"),
        ({3: np.ones(2)}, None, ValueError, "save: an array is named 3, wanted a text"),
        ({"__metadata__": np.ones(2)}, None, ValueError, "save: an array is named '__metadata__'"),
        ({}, {"epoch": 3}, TypeError, "save: metadata 'epoch' is 3, wanted text"),
    ],
)
def test_what_cannot_be_saved(tmp_path, values, metadata, error, message):
    with pytest.raises(error, match=message):
        save(values, tmp_path / "w", metadata)
    assert list(tmp_path.iterdir()) == []


ENTRY = '"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}'


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "is truncated or no safetensors file"),
        (b"\x05\0\0", "is truncated or no safetensors file"),
        (b"\xff" * 64, "is truncated or no safetensors file"),
        (b"\x80\x04\x95" + bytes(100), "is truncated or no safetensors file"),
        (header("[1, 2]"), "its header is a list"),
        (header("{broken"), "is no safetensors file, or a broken one"),
        (header("[" * 100_000), "is no safetensors file, or a broken one"),
        (header(f"{{{ENTRY}, {ENTRY}}}", data=bytes(4)), "'a' occurs twice"),
        (header(f'{{"__metadata__": {{"k": "1", "k": "2"}}, {ENTRY}}}', data=bytes(4)), "'k' occurs twice"),
        (header(f"{{{ENTRY}}}", data=bytes(3)), "is broken or no safetensors file"),
        (header(f"{{{ENTRY}}}", data=bytes(5)), "is broken or no safetensors file"),
        (
            header(f"{{{ENTRY.replace('[1]', '[1152921504606846977]')}}}", data=bytes(4)),
            "is broken or no safetensors file",
        ),
        (header(f"{{{ENTRY.replace('F32', 'F99')}}}", data=bytes(4)), "is broken or no safetensors file"),
        (
            header(f"{{{ENTRY.replace('F32', 'BF16').replace('[1]', '[2]')}}}", data=bytes(4)),
            "holds dtype 'BF16', wanted",
        ),
    ],
)
def test_files_that_are_not_weights(tmp_path, content, message):
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"load: .*w.safetensors.*{message}"):
        load(path)


def test_every_truncation_is_noticed(tmp_path):
    path = tmp_path / "w"
    save(arrays(), path)
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match="load: "):
            load(path)


def test_the_hash_sees_names_dtypes_shapes_and_values():
    a = arrays()
    assert sha256(a) == sha256(dict(reversed(a.items()))) and len(sha256(a)) == 64
    w, b = a["fc1.weight"], a["fc1.bias"]
    others = [
        {"fc1.weight": w},
        {"fc1.weight": w, "fc2.bias": b},
        {"fc1.weight": w.reshape(3, 5), "fc1.bias": b},
        {"fc1.weight": w.view(np.int32), "fc1.bias": b},
        {"fc1.weight": -w, "fc1.bias": b},
        {},
    ]
    assert len({sha256(a), *map(sha256, others)}) == 7
