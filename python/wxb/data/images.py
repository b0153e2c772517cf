"""Pictures of the user's own: files of any format Pillow reads, and folders with one sub-folder per class."""

from __future__ import annotations

import hashlib
import operator
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..device import num_threads
from .dataset import Indices, kfold, split

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["ImageFolder", "image_folder", "read_image"]

Name = str | os.PathLike[str]
Pictures = NDArray[np.uint8]
T = TypeVar("T")

# Pillow would start Ghostscript for EPS; for the others it has names but no decoder.
NOT_READ = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
SPLITS = {"train", "training", "test", "testing", "val", "valid", "validation"}
SMALLEST, LARGEST = 16, 64  # the side that image_folder chooses


@dataclass(frozen=True, eq=False, repr=False)
class ImageFolder:
    """Labelled pictures from a folder, and what is to be said about them.

    x (N, H, W, C) uint8; y (N,) int64, numbers into `classes`, the names of the sub-folders in alphabetical order;
    files: the path of each picture below the folder; same (N,) int64: pictures with equal pixels have equal numbers;
    messages: what was left out, converted or found twice.
    """

    x: Pictures
    y: Indices
    classes: tuple[str, ...]
    files: tuple[str, ...]
    same: Indices
    messages: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        return f"ImageFolder(x {self.x.shape}, {len(self.classes)} classes: {few(self.classes)})"

    def split(self, test_size: float = 0.2, seed: int = 0) -> tuple[Indices, Indices]:
        """Return row numbers for training and for the test: every class its share, equal pictures on one side.

        test_size is a share, or a number, of different pictures. Raises ValueError where no class has two.
        """
        one_each = self._one_each()
        if np.bincount(self.y[one_each]).max() < 2:
            raise ValueError(f"ImageFolder: {few(self.classes)} hold one picture each, wanted two to hold one out")
        _, _, _, held_out = split(one_each, one_each, test_size, seed, self.y[one_each])
        return self._sides(held_out)

    def kfold(self, folds: int = 10, seed: int = 0) -> list[tuple[Indices, Indices]]:
        """Return such row numbers for every fold, so that each picture is in one test.

        Raises ValueError unless every class has as many different pictures as there are folds.
        """
        one_each = self._one_each()
        names = np.array(self.classes)[self.y[one_each]]
        return [self._sides(one_each[test]) for _, test in kfold(len(one_each), folds, seed, names)]

    def _one_each(self) -> Indices:
        """Return the row of the first of equal pictures."""
        _, first = np.unique(self.same, return_index=True)
        return np.sort(first)

    def _sides(self, held_out: Indices) -> tuple[Indices, Indices]:
        test = np.isin(self.same, self.same[held_out])
        return np.flatnonzero(~test), np.flatnonzero(test)


def image_folder(
    path: Name,
    size: int | Sequence[int] | None = None,
    fit: str = "crop",
    grey: bool = False,
    skip_broken: bool = False,
) -> ImageFolder:
    """Read a folder that has one sub-folder of pictures per class, as torchvision's and Keras's users lay it out.

    size: (height, width), or the side of a square; None: the median of the shorter sides, from 16 to 64. fit: "crop"
    scales the shorter side and cuts out the centre (torchvision's Resize and CenterCrop), "stretch" ignores the ratio
    of the sides (Keras's default). grey: one channel instead of red, green, blue. See `read_image` for the rest.
    Sub-folders of classes are read too; hidden files and files that are not named like a picture are left out.

    Raises FileNotFoundError for no such folder; ValueError where it has no sub-folders, an empty one, or splits in
    place of classes, and for a file that cannot be read: skip_broken=True leaves that out and says so in `messages`.
    """
    folder = Path(path)
    classes, files, others = _files(folder)
    messages = [f"{len(others)} files are not named like pictures and are left out: {few(others)}"] if others else []
    names = [str(file.relative_to(folder)) for _, file in files]
    _known(fit)
    read = partial(_read, size=_sizes(size, [file for _, file in files]), fit=fit, grey=grey)
    with strict_pillow(), ThreadPoolExecutor(num_threads()) as pool:
        results = list(pool.map(read, [file for _, file in files]))
    broken = [str(result) for result in results if isinstance(result, ValueError)]
    if broken and not skip_broken:
        rest = f"; {len(broken) - 1} more files are broken" if len(broken) > 1 else ""
        raise ValueError(f"{broken[0]}{rest}; mend or remove them, or pass skip_broken=True (--skip-broken)")
    messages += [f"left out: {text}" for text in broken]
    kept = {i: result for i, result in enumerate(results) if not isinstance(result, ValueError)}
    y = np.array([files[i][0] for i in kept], np.int64)
    _no_empty_class(folder, classes, y, "with a picture that can be read")
    x: Pictures = np.stack(list(kept.values()))
    kept_names = tuple(names[i] for i in kept)
    same = _same(x)
    return ImageFolder(x, y, classes, kept_names, same, (*messages, *_said_of_copies(same, y, kept_names)))


def read_image(file: Name, size: int | Sequence[int], fit: str = "crop", grey: bool = False) -> Pictures:
    """Read a picture as (H, W, 3) uint8, red, green, blue, or (H, W, 1) grey; `size` and `fit` as in `image_folder`.

    It is turned as its EXIF orientation says; palettes and CMYK become RGB, what is transparent becomes white, 16-bit
    grey is scaled to 8 bits, of an animation the first picture is taken.
    Raises FileNotFoundError for no such file, ValueError for one that is broken, no picture, or larger than Pillow's
    limit against decompression bombs (89 megapixels); ImportError without Pillow.
    """
    if not Path(file).is_file():
        raise FileNotFoundError(f"{file}: no such file")
    _known(fit)
    with strict_pillow():
        result = _read(Path(file), _pair(size), fit, grey)
    if isinstance(result, ValueError):
        raise result
    return result


def _files(folder: Path) -> tuple[tuple[str, ...], list[tuple[int, Path]], list[str]]:
    """Return the names of the classes, (class, path) of each picture, and the names of other files."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; wanted one with a sub-folder of pictures per class")
    suffixes = picture_suffixes()
    inside = sorted(p for p in folder.iterdir() if not p.name.startswith((".", "__")))
    classes = tuple(p.name for p in inside if p.is_dir())
    if not classes:
        pictures = sum(p.suffix.lower() in suffixes for p in inside)
        raise ValueError(
            f"{folder}: holds {pictures} pictures and no sub-folders; wanted one per class, {folder}/cat/1.jpg"
        )
    if {name.lower() for name in classes} <= SPLITS:
        training = next((name for name in classes if name.lower().startswith("train")), classes[0])
        raise ValueError(f"{folder}: {few(classes)} look like splits, wanted classes; pass {folder / training}")
    found = [(k, path) for k, name in enumerate(classes) for path in _walk(folder / name)]
    files = [(k, path) for k, path in found if path.suffix.lower() in suffixes]
    others = [str(path.relative_to(folder)) for _, path in found if path.suffix.lower() not in suffixes]
    others += [path.name for path in inside if path.is_file()]
    _no_empty_class(folder, classes, np.array([k for k, _ in files], np.int64), "of pictures")
    return classes, files, others


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__")))
        for name in sorted(files):
            if not name.startswith(".") and (path := Path(place, name)).is_file():
                yield path


def _no_empty_class(folder: Path, classes: Sequence[str], y: Indices, what: str) -> None:
    empty = [str(folder / name) for k, name in enumerate(classes) if k not in y]
    if empty:
        raise ValueError(f"image_folder: {few(empty)} hold nothing; wanted a folder {what} per class, or none")


def pillow_library() -> Any:
    try:
        import PIL.Image
        import PIL.ImageOps
    except ImportError as error:
        raise ImportError("pictures need Pillow; pip install 'wxb[data]'") from error
    return PIL


def _formats() -> list[str]:
    image = pillow_library().Image
    image.init()
    return [name for name in image.OPEN if name not in NOT_READ]


def picture_suffixes() -> set[str]:
    formats = set(_formats())
    return {suffix for suffix, name in pillow_library().Image.registered_extensions().items() if name in formats}


@contextmanager
def strict_pillow() -> Iterator[None]:
    """Make Pillow's warning of a decompression bomb an error, and silence what else it says of odd files."""
    bomb = pillow_library().Image.DecompressionBombWarning
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", bomb)
        yield


def _read(file: Path, size: tuple[int, int], fit: str, grey: bool) -> Pictures | ValueError:
    """Read a picture, or return what is wrong with the file."""
    pillow, (height, width) = pillow_library(), size
    smooth = pillow.Image.Resampling.BILINEAR

    def fitted(image: Image.Image) -> Pictures:
        image.draft("RGB", (2 * width, 2 * height))  # of a large JPEG no more is decoded than is needed
        image = plain(pillow.ImageOps.exif_transpose(image), "L" if grey else "RGB")
        if fit == "crop":
            image = pillow.ImageOps.fit(image, (width, height), smooth)
        else:
            image = image.resize((width, height), smooth)
        return np.array(image, np.uint8).reshape(height, width, 1 if grey else 3)

    return decoded(file, fitted)


def decoded(file: Any, read: Callable[[Image.Image], T]) -> T | ValueError:
    """Return ``read(image)`` of a file, a Path or a zipfile.Path, or what is wrong with it; within `strict_pillow`."""
    pillow = pillow_library()
    try:
        with file.open("rb") as source, pillow.Image.open(source, formats=_formats()) as image:
            return read(image)
    except (pillow.Image.DecompressionBombError, pillow.Image.DecompressionBombWarning) as error:
        return ValueError(f"{file}: {error}")
    except pillow.UnidentifiedImageError:
        return ValueError(f"{file}: no picture that Pillow can read")
    except MemoryError:
        raise
    except Exception as error:  # decoders raise whatever a broken file leads them to
        return ValueError(f"{file}: cannot be read ({error or type(error).__name__})")


def plain(image: Image.Image, mode: str) -> Image.Image:
    """Return the picture in "RGB" or "L"."""
    pillow = pillow_library()
    if image.mode.startswith("I"):  # 16 bits, which convert() would cut off at 255
        values = np.clip(np.asarray(image, np.int64), 0, 65535) // 257
        return pillow.Image.fromarray(values.astype(np.uint8)).convert(mode)  # type: ignore[no-any-return]
    if image.mode == "F":
        raise ValueError("its values are floating-point, wanted 8 or 16 bits")
    if "transparency" in image.info or image.mode.lower() in ("la", "pa", "rgba"):
        image = image.convert("RGBA")
        ground = pillow.Image.new("RGBA", image.size, "white")
        image = pillow.Image.alpha_composite(ground, image)
    return image.convert(mode)


def _known(fit: str) -> None:
    if fit not in ("crop", "stretch"):
        raise ValueError(f"fit is {fit!r}, wanted 'crop' or 'stretch'")


def _sizes(size: int | Sequence[int] | None, files: list[Path]) -> tuple[int, int]:
    """Return (height, width); None means the median of the files' shorter sides within bounds."""
    if size is not None:
        return _pair(size)
    pillow, sides = pillow_library(), []
    with strict_pillow():
        for file in files:
            with suppress(Exception), pillow.Image.open(file, formats=_formats()) as image:  # reading it will say why
                sides.append(min(image.size))
    side = int(np.clip(np.median(sides or [LARGEST]), SMALLEST, LARGEST))
    return side, side


def _pair(size: int | Sequence[int]) -> tuple[int, int]:
    sizes = (size, size) if isinstance(size, (int, np.integer)) else tuple(size)
    if len(sizes) != 2 or not all(1 <= operator.index(side) <= 65500 for side in sizes):
        raise ValueError(f"size is {size}, wanted pixels from 1 to 65500: a number, or (height, width)")
    return int(sizes[0]), int(sizes[1])


def _same(x: Pictures) -> Indices:
    """Number pictures (N, ...) so that equal ones have equal numbers."""
    digests = np.array([hashlib.sha256(picture.data).digest() for picture in x], dtype="S32")
    _, numbers = np.unique(digests, return_inverse=True)
    return numbers.reshape(len(x)).astype(np.int64)


def _said_of_copies(same: Indices, y: Indices, files: Sequence[str]) -> list[str]:
    numbers, first, counts = np.unique(same, return_index=True, return_counts=True)
    copies = len(same) - len(numbers)
    if not copies:
        return []
    groups = [np.flatnonzero(same == k) for k in numbers[counts > 1][np.argsort(first[counts > 1])]]
    shown = few([" = ".join(files[i] for i in group[:3]) for group in groups])
    said = [f"{copies} pictures are copies of others, same pixels, and stay on one side of a split: {shown}"]
    two = [group for group in groups if len(set(y[group].tolist())) > 1]
    if two:
        shown = few([" = ".join(files[i] for i in group[:3]) for group in two])
        said.append(f"{len(two)} pictures stand in more than one class, which no network can tell apart: {shown}")
    return said


def few(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f", ... {len(names) - most} more" if len(names) > most else "")
