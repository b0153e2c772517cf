"""Pascal VOC folders as users have them, and BCCD."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from wxb.data import bccd, voc_folder, voc_lists
from wxb.data.annotation import read_annotation

Image = pytest.importorskip("PIL.Image")

Box = tuple[str, float, float, float, float]


def xml(size: tuple[int, int] | None, *boxes: Box, more: str = "") -> str:
    found = "".join(
        f"<object><name>{name}</name><difficult>{int(name == 'cat')}</difficult>"
        f"<bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax></bndbox></object>"
        for name, a, b, c, d in boxes
    )
    sides = f"<size><width>{size[0]}</width><height>{size[1]}</height></size>" if size else ""
    return f"<annotation><filename>x</filename>{sides}{found}{more}</annotation>"


def add(folder: Path, name: str, size: tuple[int, int], *boxes: Box, suffix: str = "png") -> None:
    (folder / "Annotations").mkdir(parents=True, exist_ok=True)
    (folder / "JPEGImages").mkdir(exist_ok=True)
    (folder / "Annotations" / f"{name}.xml").write_text(xml(size, *boxes))
    pixels = np.full((size[1], size[0], 3), 50, np.uint8)
    for _, a, b, c, d in boxes:
        pixels[int(b) : int(d), int(a) : int(c)] = 200
    Image.fromarray(pixels).save(folder / "JPEGImages" / f"{name}.{suffix}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "VOC"
    add(root, "a", (64, 48), ("dog", 8, 8, 24, 20), ("cat", 40, 10, 60, 40))
    add(root, "b", (32, 48), ("dog", 4, 4, 20, 40), suffix="jpg")  # upright: black beside it
    add(root, "c", (128, 96))
    lists = root / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a  1\nb -1\n\n")
    (lists / "val.txt").write_text("c\n")
    return root


def test_mixed_sizes_are_scaled_with_their_boxes(folder: Path) -> None:
    data = voc_folder(folder, size=(48, 64))
    assert data.x.shape == (3, 48, 64, 3) and data.x.dtype == np.uint8
    assert data.classes == ("cat", "dog") and data.names == ("a", "b", "c") and data.messages == ()
    assert data.objects[0].tolist() == [[8, 8, 24, 20, 1], [40, 10, 60, 40, 0]]
    assert data.objects[1].tolist() == [[4, 4, 20, 40, 1], [0, 0, 0, 0, -1]]
    assert data.scale.tolist() == [1, 1, 0.5]
    assert data.difficult.tolist() == [[False, True], [False, False], [False, False]]
    assert (data.x[1, :, 32:] == 0).all() and (data.x[1, :, :32] > 0).all()  # black beside
    assert (data.x[0, 12, 10] == 200).all() and (data.x[0, 30, 10] == 50).all()
    small = voc_folder(folder, size=(24, 32))
    np.testing.assert_allclose(small.objects[0, 0], [4, 4, 12, 10, 1])
    assert repr(small) == "VOCFolder(x (3, 24, 32, 3), 1 cat, 2 dog)" and len(small) == 3


def test_chosen_sizes(folder: Path) -> None:
    assert voc_folder(folder, ["a"], 64).x.shape == (1, 48, 64, 3)
    assert voc_folder(folder, ["b"], 100).x.shape == (1, 96, 64, 3)
    assert voc_folder(folder).x.shape == (3, 240, 320, 3)


def test_lists_names_and_rows(folder: Path, tmp_path: Path) -> None:
    assert voc_lists(folder) == ("train", "val")
    train = voc_folder(folder, "train", 64)
    val = voc_folder(folder, "val", train.x.shape[1:3], train.classes)
    assert train.names == ("a", "b") and val.names == ("c",) and val.counts() == {"cat": 0, "dog": 0}
    assert voc_folder(folder, ["c", "a"], 64).names == ("c", "a")
    assert train.take([1]).names == ("b",) and train.take([1]).objects[0, 0, 4] == 1
    whole = tmp_path / "outer" / "VOCdevkit"
    whole.mkdir(parents=True)
    shutil.copytree(folder, whole / "VOC2007")
    assert voc_folder(tmp_path / "outer", "train", 64).names == ("a", "b")
    archive = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "outer")
    packed = voc_folder(archive, "train", 64)
    assert (packed.x == train.x).all() and (packed.objects == train.objects).all()
    assert voc_lists(archive) == ("train", "val")


def test_pictures_and_annotations_side_by_side(folder: Path, tmp_path: Path) -> None:
    flat = tmp_path / "flat"
    shutil.copytree(folder / "JPEGImages", flat)
    shutil.copytree(folder / "Annotations", flat, dirs_exist_ok=True)
    data = voc_folder(flat, size=(48, 64))
    assert (data.x == voc_folder(folder, size=(48, 64)).x).all() and voc_lists(flat) == ()


def test_odd_boxes_are_said(folder: Path) -> None:
    note = folder / "Annotations" / "a.xml"
    note.write_text(xml((64, 48), ("dog", 5, 5, 5, 5), ("dog", -3, 4, 20, 50), ("cat", 10.5, 3, 20, 9)))
    data = voc_folder(folder, size=(48, 64))
    assert data.objects[0].tolist() == [[0, 4, 20, 48, 1], [10.5, 3, 20, 9, 0]]
    assert data.messages == (
        "1 boxes are empty and left out: a",
        "1 boxes are cut off where they reach beyond the picture: a",
    )


BROKEN = {
    "outside": (
        xml((64, 48), ("dog", 70, 4, 90, 20)),
        "a.xml: the box (70.0, 4.0, 90.0, 20.0) of a dog lies outside of",
    ),
    "inverted": (
        xml((64, 48), ("dog", 20, 4, 3, 20)),
        "object 1 (dog): its box is (20.0, 4.0, 3.0, 20.0), wanted xmin",
    ),
    "no number": (xml((64, 48), ("dog", "x", 4, 3, 20)), "a.xml: object 1 (dog): xmin is 'x', wanted a number"),  # type: ignore[arg-type]
    "NaN": (xml((64, 48), ("dog", float("nan"), 4, 3, 20)), "xmin is 'nan', wanted a number"),
    "another size": (xml((640, 480), ("dog", 1, 4, 3, 20)), "it says (640, 480) pixels, a.png has (64, 48)"),
    "no box": (xml(None, more="<object><name>dog</name></object>"), "object 1 (dog) has no bndbox"),
    "no name": (xml(None, more="<object><bndbox/></object>"), "object 1 has no name"),
    "not XML": ("<annotation><object>", "a.xml: no XML (no element found"),
    "another root": ("<html></html>", "its root is <html>, wanted <annotation>"),
    "entities": ('<!DOCTYPE a [<!ENTITY b "c">]><annotation>&b;</annotation>', "it declares a document type"),
    "an encoding nobody knows": ('<?xml version="1.0" encoding="x-y"?><annotation/>', "a.xml: no XML"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_annotations_are_named_or_left_out(name: str, folder: Path) -> None:
    text, message = BROKEN[name]
    (folder / "Annotations" / "a.xml").write_text(text)
    with pytest.raises(ValueError) as caught:
        voc_folder(folder, size=64)
    assert message in str(caught.value) and "a.xml" in str(caught.value) and "--skip-broken" in str(caught.value)
    data = voc_folder(folder, size=64, skip_broken=True)
    assert data.names == ("b", "c") and message in data.messages[0] and data.messages[0].startswith("left out: ")


def test_unknown_class(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.xml: an object is called 'cat', wanted one of dog"):
        voc_folder(folder, size=64, classes=["dog"])


def test_one_without_the_other(folder: Path) -> None:
    (folder / "Annotations" / "b.xml").unlink()
    (folder / "JPEGImages" / "c.png").unlink()
    with pytest.raises(ValueError, match=r"b\.jpg: it has no annotation b\.xml; 1 more are broken"):
        voc_folder(folder)
    data = voc_folder(folder, skip_broken=True)
    assert data.names == ("a",) and len(data.messages) == 2 and "c.xml: it has no picture c.jpg" in data.messages[1]
    (folder / "ImageSets" / "Main" / "train.txt").write_text("a\nz\n")
    with pytest.raises(ValueError, match="train names z, of which there is neither picture nor annotation"):
        voc_folder(folder, "train")


def test_two_pictures_of_one_name(folder: Path) -> None:
    shutil.copy(folder / "JPEGImages" / "a.png", folder / "JPEGImages" / "a.webp")
    with pytest.raises(ValueError, match=r"a names 2 pictures, a\.png, a\.webp"):
        voc_folder(folder)


def test_broken_picture(folder: Path) -> None:
    (folder / "JPEGImages" / "a.png").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"a\.png: no picture that Pillow can read"):
        voc_folder(folder)


def test_no_folder(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere: no such folder"):
        voc_folder(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="holds neither Annotations/ and JPEGImages/ nor"):
        voc_folder(folder / "JPEGImages")
    with pytest.raises(FileNotFoundError, match="no list test, it has train, val in ImageSets/Main"):
        voc_folder(folder, "test")
    with pytest.raises(ValueError, match="neither a folder nor a zip file"):
        voc_folder(folder / "Annotations" / "a.xml")
    with pytest.raises(ValueError, match="size is 0, wanted pixels from 1"):
        voc_folder(folder, size=0)
    with pytest.raises(ValueError, match="no picture of it can be read"):
        voc_folder(folder, ["z"], skip_broken=True)


def test_entities_do_not_expand() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">' for i in range(9)
    )
    with pytest.raises(ValueError, match="it declares a document type"):
        read_annotation(f"{bomb}]><annotation>&j;</annotation>".encode(), "bomb.xml")
    with pytest.raises(ValueError, match="wanted at most"):
        read_annotation(b" " * 10_000_001, "large.xml")


def test_bccd(data_folder: Path, tmp_path: Path) -> None:
    root = data_folder / "bccd"
    if not root.is_dir():
        pytest.skip("bccd is not here: set WXB_DATA")
    train, val, test = bccd(root, 64)
    assert [len(part) for part in (train, val, test)] == [205, 87, 72] and train.x.shape[1:] == (48, 64, 3)
    assert train.classes == val.classes == test.classes == ("Platelets", "RBC", "WBC")
    counts = [part.counts() for part in (train, val, test)]
    assert sum(c["RBC"] for c in counts) == 4153 and sum(c["WBC"] for c in counts) == 372
    assert [c["Platelets"] for c in counts] == [209, 83, 69]
    assert sum("empty and left out" in message for part in (train, val) for message in part.messages) >= 1
    assert not set(train.names) & set(test.names) and not train.difficult.any()
    with zipfile.ZipFile(root / "BCCD.zip") as archive, zipfile.ZipFile(tmp_path / "BCCD.zip", "w") as other:
        for name in archive.namelist()[:-1]:
            other.writestr(name, archive.read(name))
    with pytest.raises(ValueError, match="SHA-256 of its files is"):
        bccd(tmp_path)
