"""An annotation in Pascal VOC's XML: the picture's size and the boxes in it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

__all__ = ["Annotation", "VOCObject", "read_annotation"]

LARGEST = 10_000_000  # bytes: some 30,000 objects


@dataclass(frozen=True)
class VOCObject:
    """A box in pixels of the file, and what it is around."""

    name: str
    xmin: float
    ymin: float
    xmax: float
    ymax: float
    difficult: bool

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Return xmin, ymin, xmax, ymax."""
        return self.xmin, self.ymin, self.xmax, self.ymax


@dataclass(frozen=True)
class Annotation:
    """What a file says; size: (width, height), None where it does not say."""

    size: tuple[int, int] | None
    objects: tuple[VOCObject, ...]


def read_annotation(text: bytes, file: str) -> Annotation:
    """Read an annotation; ValueError, naming the file, for what is none, and for boxes that are no numbers or inverted.

    A document type declaration is refused: entities could expand without end, or name other files.
    """
    if len(text) > LARGEST:
        raise ValueError(f"{file}: has {len(text)} bytes, wanted at most {LARGEST}")
    root = _parsed(text, file)
    if root.tag != "annotation":
        raise ValueError(f"{file}: its root is <{root.tag}>, wanted <annotation> as Pascal VOC has it")
    objects = tuple(_object(element, number, file) for number, element in enumerate(root.findall("object"), 1))
    size = root.find("size")
    width, height = (_number(size, side, file) if size is not None else 0.0 for side in ("width", "height"))
    return Annotation((int(width), int(height)) if width >= 1 and height >= 1 else None, objects)


def _parsed(text: bytes, file: str) -> Element:
    builder, parser = TreeBuilder(), expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data

    def refuse(*_: object) -> None:
        raise ValueError(f"{file}: it declares a document type, which is not read; remove the <!DOCTYPE ...>")

    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(text, True)
        return builder.close()
    except (expat.ExpatError, LookupError) as error:  # LookupError: an encoding nobody knows
        raise ValueError(f"{file}: no XML ({error})") from None


def _object(element: Element, number: int, file: str) -> VOCObject:
    name, box = (element.findtext("name") or "").strip(), element.find("bndbox")
    where = f"{file}: object {number}" + (f" ({name})" if name else "")
    if not name or box is None:
        raise ValueError(f"{where} has no {'bndbox' if name else 'name'}, wanted both")
    x1, y1, x2, y2 = (_number(box, side, where) for side in ("xmin", "ymin", "xmax", "ymax"))
    if x2 < x1 or y2 < y1:
        raise ValueError(f"{where}: its box is {(x1, y1, x2, y2)}, wanted xmin <= xmax and ymin <= ymax")
    return VOCObject(name, x1, y1, x2, y2, (element.findtext("difficult") or "0").strip() == "1")


def _number(element: Element, tag: str, where: str) -> float:
    text = (element.findtext(tag) or "").strip()
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{where}: {tag} is {text!r}, wanted a number")
    return value
