"""Pictures with boxes around what they show, in Pascal VOC's form: BCCD's blood cells, folders of the user's own."""

from __future__ import annotations

import hashlib
import math
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..device import num_threads
from .annotation import Annotation, read_annotation
from .fetch import data_folder, download
from .images import decoded, few, picture_suffixes, pillow_library, plain, strict_pillow

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["VOCFolder", "bccd", "letterbox", "read_picture", "voc_folder", "voc_lists"]

# BCCD as its repository has it at this commit, "dataset and annotations", MIT licence; SHA-256 of what is in BCCD/.
BCCD = "d272fb14cdff6e473fafeeeba32aba5f560e9e43.zip"
BCCD_MIRRORS = ("https://github.com/Shenggan/BCCD_Dataset/archive/",)
BCCD_SHA256 = "9ff3b9cf14882369c483223e9cec86076a41cec31b07fe5bd1161ba2ad0f8216"

LONGEST, MULTIPLE = 320, 16  # of the sizes that are chosen: a network halves them four times

T = TypeVar("T")
Place = Any  # a pathlib.Path, or a zipfile.Path, which has the same methods


@dataclass(frozen=True, eq=False, repr=False)
class VOCFolder:
    """Pictures of one size and the boxes around what they show.

    x (N, H, W, 3) uint8: each picture scaled, its sides' ratio kept, into the upper left, black beside or below it;
    objects (N, M, 5) float32: x1, y1, x2, y2 in pixels of x from its upper left corner, and the number of the class in
    `classes`, -1 where a picture has fewer; difficult (N, M) bool: marked so, not to be asked for in a test;
    names: of the pictures; scale (N,): pixels of x for one of the file; messages: what was left out, cut or converted.
    """

    x: NDArray[np.uint8]
    objects: NDArray[np.float32]
    difficult: NDArray[np.bool_]
    classes: tuple[str, ...]
    names: tuple[str, ...]
    scale: NDArray[np.float64]
    messages: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.x)

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {name}" for name, count in self.counts().items())
        return f"VOCFolder(x {self.x.shape}, {counts})"

    def counts(self) -> dict[str, int]:
        """Return how many objects each class has."""
        labels = self.objects[..., 4]
        return {name: int((labels == k).sum()) for k, name in enumerate(self.classes)}

    def take(self, rows: ArrayLike) -> VOCFolder:
        """Return the pictures with these numbers, and all messages."""
        chosen = np.asarray(rows, np.int64)
        return replace(
            self,
            x=self.x[chosen],
            objects=self.objects[chosen],
            difficult=self.difficult[chosen],
            names=tuple(self.names[i] for i in chosen),
            scale=self.scale[chosen],
        )


def bccd(
    root: str | os.PathLike[str] | None = None, size: int | Sequence[int] = LONGEST
) -> tuple[VOCFolder, VOCFolder, VOCFolder]:
    """Return BCCD, blood cells under the microscope, as its lists part it: training, validation, test.

    205, 87 and 72 pictures of 640 x 480 pixels with 4,155 red cells (RBC), 372 white ones (WBC), 361 platelets, scaled
    to `size` as for `voc_folder`. Read from BCCD.zip or the folder BCCD in `root`, else in ``$WXB_DATA/bccd``, else
    downloaded once (10 MB) into the user's cache; all bytes are checked by SHA-256. Two boxes are empty and left out.
    Many cells that are partly seen have no box. Shenggan, https://github.com/Shenggan/BCCD_Dataset, MIT licence.
    """

    def read(path: Path) -> tuple[VOCFolder, VOCFolder, VOCFolder]:
        place = _located(_opened(path))[0]
        if (digest := _digest(place)) != BCCD_SHA256:
            raise ValueError(f"{path}: SHA-256 of its files is {digest}, wanted {BCCD_SHA256}; another data set's?")
        train = voc_folder(path, "train", size)
        more = train.x.shape[1:3], train.classes
        return train, voc_folder(path, "val", *more), voc_folder(path, "test", *more)

    folder = data_folder("bccd", root)
    if folder is None:
        return download("bccd", BCCD, BCCD_MIRRORS, read, "put BCCD.zip into $WXB_DATA/bccd")
    return read(folder / "BCCD.zip" if (folder / "BCCD.zip").is_file() else folder)


def voc_lists(path: str | os.PathLike[str]) -> tuple[str, ...]:
    """Return the names of the lists in ImageSets/Main of a VOC folder or zip file: train, val, test as a rule."""
    main = _located(_opened(path))[0] / "ImageSets" / "Main"
    return tuple(sorted(p.name[:-4] for p in main.iterdir() if p.name.endswith(".txt"))) if main.is_dir() else ()


def voc_folder(
    path: str | os.PathLike[str],
    names: str | Sequence[str] | None = None,
    size: int | Sequence[int] = LONGEST,
    classes: Sequence[str] | None = None,
    skip_broken: bool = False,
) -> VOCFolder:
    """Read pictures and boxes from a folder or zip file in Pascal VOC's form.

    It holds Annotations/NAME.xml and JPEGImages/NAME.jpg (or images/, any format of Pillow's), itself or up to two
    folders down; or annotations and pictures side by side, as labelImg writes them. names: one of the lists in
    ImageSets/Main, such as "train"; or names; None for all. size: (height, width), or the longer side, the other then
    follows the median picture; chosen sides are multiples of 16. Every picture is scaled into it with the ratio of its
    sides kept, and black below or beside. classes: what objects may be called, in the order of their numbers; None: the
    names that occur, in alphabetical order.

    Boxes are corners in pixels as the file has them. Empty ones are left out and ones that reach beyond the picture cut
    off, and `messages` says so. Raises FileNotFoundError for no such folder; ValueError, naming the file, for a picture
    without annotation or the reverse, one that cannot be read, of another size than its annotation says, another class,
    a box outside of the picture, with xmax < xmin or that is no number. skip_broken=True leaves these pictures out and
    says so. XML with a document type declaration is not read: it could expand without end.
    """
    place, notes, pictures = _located(_opened(path))
    chosen, missing = _chosen(path, place, names, _by_name(notes, {".xml"}), _by_name(pictures, picture_suffixes()))
    noted = {name: _note(files[0]) for name, files in chosen.items()}
    good = [note for note in noted.values() if isinstance(note, Annotation)]
    known = tuple(classes) if classes is not None else tuple(sorted({o.name for note in good for o in note.objects}))
    with strict_pillow(), ThreadPoolExecutor(num_threads()) as pool:
        wanted = _size(size, [files[1] for files in chosen.values()])
        read = partial(_read, size=wanted, classes=known)
        results = dict(zip(chosen, pool.map(read, [(noted[name], *files) for name, files in chosen.items()])))
    results |= missing
    broken = [str(result) for _, result in sorted(results.items()) if isinstance(result, ValueError)]
    if broken and not skip_broken:
        rest = f"; {len(broken) - 1} more are broken" if len(broken) > 1 else ""
        raise ValueError(f"{broken[0]}{rest}; mend or remove them, or pass skip_broken=True (--skip-broken)")
    kept = {name: result for name, result in results.items() if not isinstance(result, ValueError)}
    if not kept:
        raise ValueError(f"{path}: no picture of it can be read; the first: {broken[0]}")
    return _stacked(kept, known, [f"left out: {text}" for text in broken])


# ---- where files lie ----


def _opened(path: str | os.PathLike[str]) -> Place:
    """Return a folder, or what is in a zip file."""
    file = Path(path)
    if file.is_file():
        try:
            return zipfile.Path(zipfile.ZipFile(file))
        except zipfile.BadZipFile as error:
            raise ValueError(f"{path}: neither a folder nor a zip file ({error})") from None
    if not file.is_dir():
        raise FileNotFoundError(f"{path}: no such folder; wanted one with Annotations/ and JPEGImages/")
    return file


def _located(root: Place) -> tuple[Place, Place, Place]:
    """Return the folder of a data set, that of its annotations and that of its pictures."""
    for place in _within(root, 2):
        inside = {p.name.lower(): p for p in place.iterdir() if p.is_dir()}
        notes, pictures = inside.get("annotations"), inside.get("jpegimages", inside.get("images"))
        if notes is not None and pictures is not None:
            return place, notes, pictures
    if any(p.name.endswith(".xml") for p in root.iterdir()):
        return root, root, root
    raise ValueError(
        f"{root}: holds neither Annotations/ and JPEGImages/ nor .xml files beside pictures, wanted a VOC folder"
    )


def _within(place: Place, depth: int) -> Iterator[Place]:
    """Yield a folder and those in it, the upper ones first."""
    level = [place]
    for _ in range(depth + 1):
        yield from level
        level = [p for parent in level for p in sorted(parent.iterdir(), key=lambda p: p.name) if _is_open(p)]


def _is_open(place: Place) -> bool:
    return place.is_dir() and not place.name.startswith((".", "__"))


def _by_name(folder: Place, suffixes: set[str]) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    for file in sorted(folder.iterdir(), key=lambda p: p.name):
        stem, suffix = os.path.splitext(file.name)
        if suffix.lower() in suffixes and not stem.startswith(".") and file.is_file():
            found.setdefault(stem, []).append(file)
    return found


def _chosen(
    path: Any,
    place: Place,
    names: str | Sequence[str] | None,
    notes: dict[str, list[Place]],
    pictures: dict[str, list[Place]],
) -> tuple[dict[str, tuple[Place, Place]], dict[str, ValueError]]:
    """Return annotation and picture of each name, and for names that lack one what is wrong."""
    if names is None:
        wanted = sorted(notes.keys() | pictures.keys())
    elif isinstance(names, str):
        wanted = _listed(path, place, names)
    else:
        wanted = list(dict.fromkeys(names))
    if not wanted:
        raise ValueError(f"{path}: {names or 'the folder'} names no picture, wanted at least one")
    chosen, wrong = {}, {}
    for name in wanted:
        mine, its = notes.get(name, []), pictures.get(name, [])
        if len(mine) == 1 and len(its) == 1:
            chosen[name] = mine[0], its[0]
        elif not mine and not its:
            wrong[name] = ValueError(f"{path}: {names} names {name}, of which there is neither picture nor annotation")
        elif not mine:
            wrong[name] = ValueError(f"{its[0]}: it has no annotation {name}.xml")
        elif not its:
            wrong[name] = ValueError(f"{mine[0]}: it has no picture {name}.jpg, .png, ...")
        else:
            wrong[name] = ValueError(f"{its[0]}: {name} names {len(its)} pictures, {few([p.name for p in its])}")
    return chosen, wrong


def _listed(path: Any, place: Place, name: str) -> list[str]:
    file = place / "ImageSets" / "Main" / f"{name}.txt"
    if not file.is_file():
        raise FileNotFoundError(f"{path}: no list {name}, it has {few(voc_lists(path)) or 'none'} in ImageSets/Main")
    lines = file.read_text(encoding="utf-8").splitlines()
    return list(dict.fromkeys(line.split()[0] for line in lines if line.strip()))


def _digest(place: Place) -> str:
    """Return the SHA-256 of the names and contents of all files below a data set's folder."""
    files: list[tuple[Place, str]] = []
    folders: list[tuple[Place, str]] = [(place, "BCCD")]
    while folders:
        folder, name = folders.pop()
        for p in folder.iterdir():
            (folders if p.is_dir() else files).append((p, f"{name}/{p.name}"))
    digest = hashlib.sha256()
    for file, name in sorted(files, key=lambda pair: pair[1]):
        digest.update(name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


# ---- pictures ----


@dataclass(frozen=True)
class _Row:
    x: NDArray[np.uint8]
    objects: list[tuple[float, float, float, float, int, bool]]
    scale: float
    empty: int
    cut: int


def _note(file: Place) -> Annotation | ValueError:
    try:
        return read_annotation(file.read_bytes(), str(file))
    except ValueError as error:
        return error


def _size(size: int | Sequence[int], files: list[Place]) -> tuple[int, int]:
    """Return (height, width): as given, or from the longer side and the median picture."""
    sides = (size,) if isinstance(size, (int, np.integer)) else tuple(size)
    if len(sides) not in (1, 2) or not all(isinstance(s, (int, np.integer)) and 1 <= s <= 16384 for s in sides):
        raise ValueError(f"voc_folder: size is {size}, wanted pixels from 1 to 16384: the longer side, or two sides")
    if len(sides) == 2:
        return int(sides[0]), int(sides[1])
    ratios = []
    for file in files:
        found = decoded(file, lambda image: image.size)
        if not isinstance(found, ValueError):
            ratios.append(math.log(found[1] / found[0]))
    ratio = math.exp(float(np.median(ratios))) if ratios else 1.0
    height, width = sides[0] * min(1.0, ratio), sides[0] * min(1.0, 1 / ratio)
    return _rounded(height), _rounded(width)


def _rounded(side: float) -> int:
    return max(1, round(side / MULTIPLE)) * MULTIPLE


def _read(
    given: tuple[Annotation | ValueError, Place, Place], size: tuple[int, int], classes: tuple[str, ...]
) -> _Row | ValueError:
    """Return a picture scaled into `size` with its objects, or what is wrong with its files."""
    note, file, picture = given
    if isinstance(note, ValueError):
        return note
    found = decoded(picture, partial(_fitted, size=size))
    if isinstance(found, ValueError):
        return found
    x, scale, (width, height) = found
    if note.size not in (None, (width, height)):
        return ValueError(f"{file}: it says {note.size} pixels, {picture.name} has {(width, height)}")
    objects, empty, cut = [], 0, 0
    for o in note.objects:
        if o.name not in classes:
            return ValueError(f"{file}: an object is called {o.name!r}, wanted one of {few(classes, 20)}")
        if o.xmax == o.xmin or o.ymax == o.ymin:
            empty += 1
            continue
        x1, y1, x2, y2 = max(o.xmin, 0.0), max(o.ymin, 0.0), min(o.xmax, float(width)), min(o.ymax, float(height))
        if x2 <= x1 or y2 <= y1:
            return ValueError(
                f"{file}: the box {o.box} of a {o.name} lies outside of the picture of {width} x {height}"
            )
        cut += (x1, y1, x2, y2) != o.box
        objects.append((x1 * scale, y1 * scale, x2 * scale, y2 * scale, classes.index(o.name), o.difficult))
    return _Row(x, objects, scale, empty, cut)


def letterbox(file: str | os.PathLike[str], size: Sequence[int]) -> tuple[NDArray[np.uint8], float]:
    """Read a picture as `voc_folder` does: (H, W, 3) uint8 for size (H, W), and its pixels for one of the file.

    Raises FileNotFoundError for no such file, ValueError for one that is broken or no picture.
    """
    pixels, scale, _ = _whole(file, partial(_fitted, size=_size(tuple(size), [])))
    return pixels, scale


def read_picture(file: str | os.PathLike[str]) -> NDArray[np.uint8]:
    """Read a picture as the file has it, (H, W, 3) uint8; errors as for `letterbox`."""
    return _whole(file, lambda image: np.array(plain(image, "RGB"), np.uint8))


def _whole(file: str | os.PathLike[str], read: Callable[[Image.Image], T]) -> T:
    if not Path(file).is_file():
        raise FileNotFoundError(f"{file}: no such file")
    with strict_pillow():
        result = decoded(Path(file), read)
    if isinstance(result, ValueError):
        raise result
    return result


def _fitted(image: Image.Image, size: tuple[int, int]) -> tuple[NDArray[np.uint8], float, tuple[int, int]]:
    """Scale a picture into the upper left of `size` (height, width): pixels, the scale, and its width and height."""
    pillow, (height, width), full = pillow_library(), size, image.size
    image.draft("RGB", (2 * width, 2 * height))  # of a large JPEG no more is decoded than is needed
    scale = min(height / full[1], width / full[0])
    sides = max(1, min(width, round(full[0] * scale))), max(1, min(height, round(full[1] * scale)))
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: sides[1], : sides[0]] = np.asarray(plain(image, "RGB").resize(sides, pillow.Image.Resampling.BILINEAR))
    return pixels, scale, full


def _stacked(rows: dict[str, _Row], classes: tuple[str, ...], messages: list[str]) -> VOCFolder:
    most = max(1, *(len(row.objects) for row in rows.values()))
    objects, difficult = np.zeros((len(rows), most, 5), np.float32), np.zeros((len(rows), most), bool)
    objects[..., 4] = -1
    for i, row in enumerate(rows.values()):
        for m, found in enumerate(row.objects):
            objects[i, m], difficult[i, m] = found[:5], found[5]
    for what, counts in (
        ("empty and left out", {name: row.empty for name, row in rows.items() if row.empty}),
        ("cut off where they reach beyond the picture", {name: row.cut for name, row in rows.items() if row.cut}),
    ):
        if counts:
            messages.append(f"{sum(counts.values())} boxes are {what}: {few(list(counts))}")
    x = np.stack([row.x for row in rows.values()])
    return VOCFolder(
        x, objects, difficult, classes, tuple(rows), np.array([row.scale for row in rows.values()]), tuple(messages)
    )
