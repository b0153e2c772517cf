"""Weights as safetensors files: written whole or not at all, read without running anything."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

INTEGERS = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
DTYPES = ["bool", *INTEGERS, "float16", "float32", "float64"]
METADATA = "__metadata__"  # the one key of a safetensors header that names no array


def save(
    arrays: Mapping[str, NDArray[Any]], path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None
) -> None:
    """Write named arrays, and texts about them, to a safetensors file.

    The bytes go to a new file in the same folder, which takes the old one's place once they are on disk. Whatever
    fails, the old file stays as it was and no other is left. Raises OSError where writing fails, TypeError for a value
    that is no array of numbers, or metadata that is no text.
    """
    stored = {_name(name): _little_endian(name, array) for name, array in arrays.items()}
    for key, value in (metadata or {}).items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"save: metadata {key!r} is {value!r}, wanted text; json.dumps turns values into text")
    _replace(Path(path), safetensors.numpy.save(stored, metadata=dict(metadata) if metadata else None))


def load(path: str | os.PathLike[str]) -> tuple[Arrays, dict[str, str]]:
    """Read a safetensors file: named arrays, and the texts stored with them.

    Raises OSError where the file cannot be read; ValueError, naming it, where it is truncated, names an array twice, or
    is no safetensors file.
    """
    content = Path(path).read_bytes()
    header = _header(content, path)
    try:
        arrays = safetensors.numpy.load(content)
    except KeyError as error:
        raise ValueError(f"load: {path} holds dtype {error}, wanted {', '.join(DTYPES)}") from error
    except (safetensors.SafetensorError, ValueError, OverflowError) as error:
        raise ValueError(f"load: {path} is broken or no safetensors file ({error})") from error
    return {name: array.copy() for name, array in arrays.items()}, header.get(METADATA, {})


def sha256(arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return the SHA-256, in hexadecimal, over name, dtype, shape and little-endian bytes of arrays sorted by name."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = _little_endian(name, arrays[name])
        digest.update(json.dumps([name, array.dtype.name, array.shape]).encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _name(name: str) -> str:
    if not isinstance(name, str) or name == METADATA:
        raise ValueError(f"save: an array is named {name!r}, wanted a text other than {METADATA!r}")
    return name


def _little_endian(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Return a contiguous little-endian array of its own shape, which `np.ascontiguousarray` changes for ()."""
    values = np.asarray(array)
    if values.dtype.name not in DTYPES:
        raise TypeError(f"array {name!r}: dtype is {values.dtype}, wanted one of {', '.join(DTYPES)}")
    return np.array(values, dtype=values.dtype.newbyteorder("<"), order="C", copy=True)


def _replace(path: Path, content: bytes) -> None:
    """Put a file with this content in the place of `path`, durably, in one step."""
    path = Path(os.path.realpath(path))  # a link keeps pointing to the file
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        with new.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(error.errno, f"save: cannot write {path}: {reason}; the old file is untouched") from error
    finally:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Bring the new name itself to disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _header(content: bytes, path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the JSON header: 8 bytes of length, little-endian, then the text."""
    length = int.from_bytes(content[:8], "little")
    if len(content) < 8 or length > len(content) - 8:
        raise ValueError(f"load: {path} is truncated or no safetensors file")
    try:
        header = json.loads(content[8 : 8 + length], object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"load: {path} is no safetensors file, or a broken one ({error})") from error
    if not isinstance(header, dict):
        raise ValueError(f"load: {path} is no safetensors file, its header is a {type(header).__name__}")
    return header


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the pairs as a dict; two arrays of one name would hide one of them."""
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} occurs twice")
    return dict(pairs)
